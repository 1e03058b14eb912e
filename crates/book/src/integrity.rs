//! The rules about a book's sources.
//!
//! Owns the rules and their messages. Reads pages, includes and names of files; runs and renders nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::book::BookItem;

use crate::include::{Include, anchors, find};
use crate::layout::{Layout, files_below};
use crate::page::{CodeBlock, Page};
use crate::problem::Problem;

/// The languages of blocks that need not be executed. All other blocks are included.
const TYPED_IN: [&str; 2] = ["text", "toml"];

/// The languages whose lines must fit into the column of the text. Output of programs is wrapped.
const LISTINGS: [&str; 2] = ["python", "rust"];
/// The number of characters in that column, with some room for other fonts.
const COLUMNS: usize = 76;

/// Phrases that the book does not use, and what to write instead. They are translated, or have no subject.
const PHRASES: [(&str, &str); 13] = [
    ("are told", "receive a report"),
    ("for ever", "forever"),
    ("for one that", "if one"),
    ("in order to", "to"),
    ("in vain", "without success"),
    ("is told", "receives a report"),
    ("says so in words", "says"),
    ("thereby", "so"),
    ("told of", "reported to"),
    ("what came of", "the result of"),
    ("whereby", "by which"),
    ("which has not", "without"),
    ("with regard to", "about"),
];

/// The includes of all pages, to compare with the existing files.
#[derive(Debug, Default)]
struct Used {
    files: BTreeSet<PathBuf>,
    anchors: BTreeSet<(PathBuf, String)>,
}

/// Checks the sources of a book and returns the problems, in the order of their places.
///
/// # Errors
///
/// When `book.toml`, `SUMMARY.md`, a chapter or a folder cannot be read.
pub fn check(layout: &Layout) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut used = Used::default();
    let chapters = chapters(layout)?;
    for path in &chapters {
        let page = Page::read(path).with_context(|| layout.name(path))?;
        check_includes(layout, &page, &mut used, &mut problems);
        check_code_blocks(layout, &page, &mut problems);
        check_phrases(layout, &page, &mut problems);
    }
    check_orphans(layout, &chapters, &mut problems)?;
    check_unused(layout, &used, &mut problems)?;
    problems.sort();
    Ok(problems)
}

/// The files of the chapters that SUMMARY.md names.
fn chapters(layout: &Layout) -> Result<BTreeSet<PathBuf>> {
    let book = MDBook::load(&layout.book)?;
    let chapters = book.iter().filter_map(|item| match item {
        BookItem::Chapter(chapter) => chapter.source_path.as_ref(),
        _ => None,
    });
    Ok(chapters.map(|path| layout.pages().join(path)).collect())
}

fn check_includes(layout: &Layout, page: &Page, used: &mut Used, problems: &mut Vec<Problem>) {
    let file = layout.name(&page.path);
    let mut report = |line, message: String| problems.push(Problem::in_line(&file, line, message));
    for include in page.includes() {
        let include = match include {
            Ok(include) => include,
            Err((line, error)) => {
                report(line, error.to_string());
                continue;
            }
        };
        // Used or broken, but never both: one mistake, one problem.
        used.add(&include, page.folder());
        match include.resolve(page.folder()) {
            Err(error) => report(include.line, error.to_string()),
            Ok(text) if text.contains("{{#") => {
                let message = "the included text has a directive, which mdBook follows";
                report(include.line, message.to_owned());
            }
            Ok(_) => {}
        }
    }
}

impl Used {
    fn add(&mut self, include: &Include, folder: &Path) {
        let file = include.file(folder);
        if let Some(anchor) = &include.anchor {
            self.anchors.insert((file.clone(), anchor.clone()));
        }
        self.files.insert(file);
    }
}

fn check_phrases(layout: &Layout, page: &Page, problems: &mut Vec<Problem>) {
    for (line, paragraph) in page.paragraphs() {
        let words = format!(
            " {} ",
            paragraph.to_lowercase().replace(|it: char| !it.is_alphanumeric(), " ")
        );
        for (phrase, instead) in PHRASES.iter().filter(|(it, _)| words.contains(&format!(" {it} ")))
        {
            let message = format!("instead of {phrase:?} write {instead:?}");
            problems.push(Problem::in_line(layout.name(&page.path), line, message));
        }
    }
}

fn check_code_blocks(layout: &Layout, page: &Page, problems: &mut Vec<Problem>) {
    let file = layout.name(&page.path);
    for CodeBlock { line, language, content } in page.code_blocks() {
        if TYPED_IN.contains(&language.as_str()) {
            continue;
        }
        let only_includes = content.lines().all(|line| {
            let found = find(line);
            found.len() == 1 && line.starts_with("{{#") && line.ends_with("}}")
        });
        if content.is_empty() || !only_includes {
            let what = if language.is_empty() { "code without a language" } else { &language };
            let message = format!("this block of {what} is typed, not included");
            problems.push(Problem::in_line(&file, line, message));
        } else if LISTINGS.contains(&language.as_str()) {
            for long in long_lines(page, &content) {
                let message = format!("a line has more than {COLUMNS} characters: {}", long.trim());
                problems.push(Problem::in_line(&file, line, message));
            }
        }
    }
}

/// The lines of a block's include that its page would cut off.
fn long_lines(page: &Page, block: &str) -> Vec<String> {
    let included = find(block).into_iter().filter_map(|it| it.ok()?.resolve(page.folder()).ok());
    let long = |text: String| {
        let lines = text.lines().filter(|line| line.chars().count() > COLUMNS);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    included.flat_map(long).collect()
}

fn check_orphans(
    layout: &Layout,
    chapters: &BTreeSet<PathBuf>,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    for path in files_below(&layout.pages())? {
        let page = path.extension().is_some_and(|extension| extension == "md");
        let summary = path == layout.pages().join("SUMMARY.md");
        if page && !summary && !chapters.contains(&path) {
            problems.push(Problem::with_file(layout.name(&path), "SUMMARY.md does not name it"));
        }
    }
    Ok(())
}

/// Every file that exists only for the book must be in the book.
fn check_unused(layout: &Layout, used: &Used, problems: &mut Vec<Problem>) -> Result<()> {
    for folder in
        [layout.transcripts(), layout.figures(), layout.measurements(), layout.judgements()]
    {
        for path in files_below(&folder)? {
            // Measurements and judgements are shown by their drawings.
            let measured = path.extension().is_some_and(|extension| extension == "json");
            if !measured && !used.files.contains(&path) {
                problems.push(Problem::with_file(layout.name(&path), "no page includes it"));
            }
        }
    }
    for folder in &layout.programs {
        for path in files_below(folder)?.iter().filter(|path| is_program(path)) {
            check_program(layout, path, used, problems)?;
        }
    }
    Ok(())
}

/// Python writes files of its own next to the programs that it runs.
fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs" || extension == "py")
}

fn check_program(
    layout: &Layout,
    path: &Path,
    used: &Used,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let name = layout.name(path);
    let text = fs::read_to_string(path).with_context(|| name.clone())?;
    if !used.files.contains(path) {
        problems.push(Problem::with_file(name, "no page includes it"));
        return Ok(());
    }
    for (line, anchor) in anchors(&text) {
        if !used.anchors.contains(&(path.to_owned(), anchor.to_owned())) {
            let message = format!("no page includes the anchor `{anchor}`");
            problems.push(Problem::in_line(&name, line, message));
        }
    }
    Ok(())
}
