//! The book in a browser: nothing is cut off, too small, too faint or unreachable by keyboard, at two
//! widths and in two themes; and the check would report it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use procpool_book::layout::{Layout, files_below};
use procpool_book::render;
use serde::Deserialize;
use serde_json::{Value, json};

/// Rules that mdBook itself breaks. The check also reports when it no longer does.
fn excused() -> Value {
    let toggle = "#mdbook-sidebar-toggle";
    json!([
        {"rule": "aria-allowed-attr", "target": toggle},
        {"rule": "aria-prohibited-attr", "target": toggle},
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    looked: usize,
    faults: Vec<String>,
}

/// Makes the browser check each page in each view, and returns the faults.
fn look(folder: &Path, pages: &[&str], views: &[(u32, &str)], excused: &Value) -> Vec<String> {
    let view = |(width, theme): &(u32, &str)| json!({"width": width, "theme": theme});
    let views: Vec<Value> = views.iter().map(view).collect();
    let wanted = json!({"folder": folder, "pages": pages, "views": views, "excused": excused});
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node is installed");
    let mut input = node.stdin.take().expect("it is a pipe");
    input.write_all(wanted.to_string().as_bytes()).expect("the check reads what is wanted");
    drop(input);
    let output = node.wait_with_output().expect("it can be waited for");
    assert!(output.status.success(), "the check cannot look: {}", output.status);
    let answer: Answer = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    assert_eq!(answer.looked, pages.len() * views.len());
    answer.faults
}

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn every_page_is_readable_in_a_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = render::render(&Layout::procpool(), Some(folder.path())).expect("it renders");
    let files = files_below(&target).expect("it can be read");
    let names = files.iter().filter_map(|path| path.strip_prefix(&target).ok()?.to_str());
    // The page to print repeats the chapters, and toc.html is a part of each.
    let pages: Vec<&str> = names
        .filter(|name| name.ends_with(".html") && !["print.html", "toc.html"].contains(name))
        .collect();
    assert!(pages.len() > 10, "{pages:?}");
    let views = [(360, "light"), (360, "navy"), (1280, "light"), (1280, "navy")];
    let mut faults = look(&target, &pages, &views, &excused());
    // Where Python and Rust are side by side.
    faults.extend(look(
        &target,
        &["example.html", "initargs.html"],
        &[(1920, "light")],
        &excused(),
    ));
    assert_eq!(faults, [""; 0]);
}

/// The parts of a page without a fault.
const PAGE: &str = "<!doctype html><html lang=\"en\"><title>Page</title>
<style>body { background: #fff } pre > code { display: block; overflow: auto }</style>
<main><h1>Page</h1>
<pre><code tabindex=\"0\">short</code></pre>
<svg role=\"img\" aria-label=\"drawing\" viewBox=\"0 0 100 20\" width=\"100\"><text y=\"12\" font-size=\"12\">text</text></svg>
</main>";

/// A replacement in that page, and the required message of the check.
const DAMAGE: &[(&str, &str, &str)] = &[
    ("short", "LONG", "a listing is cut off: xxx"),
    ("width=\"100\"", "width=\"80\"", "text of 9.6 px in a drawing: drawing"),
    ("<h1>", "<h1 style=\"width: 2000px\">", "the page is 2"),
    ("background: #fff", "background: #000; color: #fff", "the background is rgb(0, 0, 0)"),
    ("<h1>", "<h1 style=\"color: #ccc\">", "axe: color-contrast (h1)"),
    ("<h1>", "<script>console.warn('odd')</script><h1>", "console: odd"),
    ("<h1>", "<script>nothing()</script><h1>", "script: nothing is not defined"),
    (
        "<h1>",
        "<img alt=\"\" src=\"https://example.invalid/x.png\"><h1>",
        "request: https://example.invalid/x.png",
    ),
];

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn the_check_finds_planted_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("sound.html"), PAGE).expect("it is written");
    let light = [(1280, "light")];
    assert_eq!(look(folder.path(), &["sound.html"], &light, &json!([])), [""; 0]);
    let said = look(folder.path(), &["sound.html"], &light, &excused());
    assert_eq!(said.len(), 2, "nothing is there to be excused: {said:?}");
    assert!(said[0].starts_with("no page shows aria-allowed-attr at #mdbook"), "{said:?}");

    for (part, instead, fault) in DAMAGE {
        let broken = PAGE.replace(part, &instead.replace("LONG", &"x".repeat(200)));
        assert_ne!(broken, PAGE, "the page has no {part:?}");
        fs::write(folder.path().join("broken.html"), broken).expect("it is written");
        let faults = look(folder.path(), &["broken.html"], &light, &json!([]));
        let start = format!("broken.html 1280 light: {fault}");
        assert!(faults.iter().any(|it| it.starts_with(&start)), "no {fault:?} in {faults:?}");
    }
}
