//! The rules about mdBook's output: links resolve, nothing is loaded from the network, and scrollable
//! boxes can be scrolled by keyboard.
//!
//! Owns the rules and their messages. Reads HTML and CSS files; knows no Markdown.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::html::{Element, elements};
use crate::layout::files_below;
use crate::problem::Problem;

/// Classes of boxes that scroll: ours, and mdBook's around each table.
const SCROLLING: [&str; 2] = ["scroll", "table-wrapper"];

/// Checks the HTML and CSS files in `folder` and returns the problems.
///
/// # Errors
///
/// When a file cannot be read.
pub fn check(folder: &Path) -> io::Result<Vec<Problem>> {
    let files = files_below(folder)?;
    let has_extension = |path: &&PathBuf, wanted| path.extension().is_some_and(|it| it == wanted);
    let mut problems = Vec::new();
    for path in files.iter().filter(|path| has_extension(path, "css")) {
        check_css(&fs::read_to_string(path)?, &name(folder, path), &mut problems);
    }
    let mut pages = HashMap::new();
    for path in files.iter().filter(|path| has_extension(path, "html")) {
        pages.insert(path.clone(), elements(&fs::read_to_string(path)?));
    }
    let site = Site {
        files: files.iter().cloned().collect(),
        ids: pages.iter().map(|(path, elements)| (path.clone(), ids(elements))).collect(),
    };
    for (path, elements) in &pages {
        let page = name(folder, path);
        for element in elements {
            check_requests(element, &page, &mut problems);
            check_keys(element, &page, &mut problems);
            site.check_link(element, path, &page, &mut problems);
        }
    }
    problems.sort();
    problems.dedup();
    Ok(problems)
}

fn name(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn ids(elements: &[Element]) -> HashSet<String> {
    elements.iter().filter_map(|element| element.attribute("id")).map(str::to_owned).collect()
}

/// Returns whether `target` names another host.
fn is_external(target: &str) -> bool {
    let scheme = target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    (scheme && !target.starts_with("data:")) || target.starts_with("//")
}

/// A reader may follow a link to another site. A page must not load anything from one.
fn check_requests(element: &Element, page: &str, problems: &mut Vec<Problem>) {
    let followed = element.name == "a";
    for attribute in ["src", "href", "srcset", "data", "poster"] {
        let Some(target) = element.attribute(attribute) else { continue };
        if !followed && is_external(target) {
            let message = format!("<{}> loads {target} from the network", element.name);
            problems.push(Problem::with_file(page, message));
        }
    }
    let classes = element.attribute("class").unwrap_or_default();
    if classes.split_ascii_whitespace().any(|class| class == "playground") {
        let message = "a block is runnable, so its page asks play.rust-lang.org";
        problems.push(Problem::with_file(page, message));
    }
}

/// Scrollable boxes must be reachable by the tab key.
fn check_keys(element: &Element, page: &str, problems: &mut Vec<Problem>) {
    let classes = element.attribute("class").unwrap_or_default();
    let scrolls = classes.split_ascii_whitespace().any(|class| SCROLLING.contains(&class));
    if scrolls && element.attribute("tabindex") != Some("0") {
        let message = format!("a <{}> scrolls, and has no tabindex: {classes}", element.name);
        problems.push(Problem::with_file(page, message));
    }
}

fn check_css(text: &str, file: &str, problems: &mut Vec<Problem>) {
    let targets = text.split("url(").skip(1).chain(text.split("@import").skip(1));
    for target in targets {
        let target = target.trim_start_matches([' ', '"', '\'']);
        let target = target.split([')', '"', '\'', ';']).next().unwrap_or_default();
        if is_external(target) {
            let message = format!("a style loads {target} from the network");
            problems.push(Problem::with_file(file, message));
        }
    }
}

/// The targets that relative links may have.
struct Site {
    files: HashSet<PathBuf>,
    /// The ids of each page.
    ids: HashMap<PathBuf, HashSet<String>>,
}

impl Site {
    fn check_link(&self, element: &Element, path: &Path, page: &str, problems: &mut Vec<Problem>) {
        for attribute in ["href", "src"] {
            let Some(target) = element.attribute(attribute) else { continue };
            if is_external(target) || target.starts_with("data:") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            // A state of the simulator is no id: its page has the simulator.
            let fragment = if fragment.contains('=') { "simulator" } else { fragment };
            let file = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
            if !self.files.contains(&file) {
                let message = format!("the link to {target} is dead: there is no such file");
                problems.push(Problem::with_file(page, message));
            } else if !fragment.is_empty()
                && !self.ids.get(&file).is_some_and(|ids| ids.contains(fragment))
            {
                let message = format!("the link to {target} is dead: nothing there has this id");
                problems.push(Problem::with_file(page, message));
            }
        }
    }
}

/// Returns the file that a relative link in the page at `path` names.
fn resolve(path: &Path, link: &str) -> PathBuf {
    let mut target = path.parent().unwrap_or(Path::new("")).to_owned();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(target.pop()),
            name => target.push(name),
        }
    }
    target
}
