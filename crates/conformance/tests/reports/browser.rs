//! The page in a browser: it works from a file, at two widths, light and dark; and the check would report
//! if it did not.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use procpool_conformance::case::Level;
use procpool_conformance::report::{CaseResult, Results, Verdict, html};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{HOSTILE, case, dead, hostile, results, run};

/// Enough rows and columns to be scrolled, with every verdict, a dead adapter and hostile texts.
fn matrix() -> Results {
    let mut runs = results().runs;
    for index in 0..6 {
        let cases = (0..24).map(|row| {
            let verdict = if row == 12 && index == 1 { Verdict::Failed } else { Verdict::Passed };
            CaseResult {
                area: "many".to_owned(),
                ..case(&format!("many.{row:02}"), Level::Must, verdict)
            }
        });
        runs.push(run(&format!("adapter {index}"), &format!("pool{index}"), cases.collect()));
    }
    runs.push(dead("hangs", "it said nothing for 10 s", &["many.00"]));
    runs.extend(hostile().runs);
    Results::of(runs).expect("the fixture contradicts itself")
}

/// The check's parameters for a page of [`matrix`]. Patience is in milliseconds: how long an event may
/// take that must happen, which a broken page uses up.
fn wanted(file: &Path, views: &[(u32, &str)], patience: u32) -> Value {
    let failed = case("init.failed", Level::Must, Verdict::Failed);
    json!({
        "file": file,
        "views": views.iter().map(|(width, scheme)| json!({"width": width, "scheme": scheme})).collect::<Vec<_>>(),
        "patience": patience,
        "axe": true,
        "row": 1,
        "column": 0,
        "shows": {
            "run": "concurrent.futures (spawn)",
            "verdict": "✗ failed",
            "requirement": failed.requirement,
            "observation": failed.observation,
            "source": failed.source,
            "book": failed.anchor,
            "timeline": failed.timeline,
            "rerun": failed.rerun,
        },
        // Seven of every verdict, twenty-four of many, and the hostile one.
        "rows": 32,
        "failed": 3,
        "text": "keep to many.17.",
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    looked: Vec<Looked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    file: String,
    views: usize,
    faults: Vec<String>,
}

/// Makes the browser check pages.
fn look(pages: &[Value]) -> Vec<Looked> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let output = Command::new("node")
        .arg(folder.join("check.mjs"))
        .write_stdin(json!({ "pages": pages }).to_string())
        .assert()
        .success();
    let answer: Answer =
        serde_json::from_slice(&output.get_output().stdout).expect("the check answers in JSON");
    assert_eq!(answer.looked.len(), pages.len());
    for (looked, page) in answer.looked.iter().zip(pages) {
        assert_eq!(page["file"], looked.file);
        assert_eq!(page["views"].as_array().map(Vec::len), Some(looked.views));
    }
    answer.looked
}

fn page() -> String {
    let page = html(&matrix(), None).expect("it is written");
    assert!(page.contains("window.hacked"), "the page has hostile texts: {HOSTILE}");
    page
}

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn the_page_works_in_a_browser() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("matrix #1.html");
    fs::write(&file, page()).expect("it is written");
    let views = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")];
    for looked in look(&[wanted(&file, &views, 10_000)]) {
        assert_eq!(looked.faults, Vec::<String>::new());
    }
}

/// A replacement in the page, and the required message of the check.
const DAMAGE: &[(&str, &str, &str)] = &[
    ("--faint: light-dark(#4d565f", "--faint: light-dark(#b8bec4", "axe: color-contrast"),
    ("<html lang=\"en\">", "<html>", "axe: html-has-lang"),
    ("default-src 'none'", "img-src https: file:", "request: https://example.invalid/x.png"),
    ("<header>", "<header><script>window.hacked = 1</script>", "hacked: "),
    ("\"use strict\";", "\"use strict\"; console.warn('odd');", "console: odd"),
    ("\"use strict\";", "\"use strict\"; nothing();", "script: nothing is not defined"),
    ("color-scheme: light dark;", "color-scheme: light;", "scheme: "),
    ("position: relative;\n    overflow: auto;", "", "width: "),
    ("top: 0;", "", "sticky: the heads of the columns"),
    ("left: 0;\n    z-index: 1", "z-index: 1", "sticky: the names of the cases"),
    ("detail.showModal();", "", "click: "),
    ("part(\"timeline\").textContent", "part(\"timeline\").title", "timeline: \"\""),
    ("part(\"rerun\").textContent", "part(\"rerun\").title", "rerun: \"\""),
    ("about.requirement", "about.source", "requirement: "),
    ("${symbol} ${cell.label ?? label}", "${label}", "verdict: "),
    ("<dt>Timeline</dt><dd>", "<dt>Timeline</dt><dd hidden>", "timeline: \"(hidden)\""),
    (
        "dialog::backdrop",
        "dialog dt { color: var(--line) } dialog::backdrop",
        "axe of the dialog: ",
    ),
    (
        "const text =",
        "detail.addEventListener('cancel', (event) => event.preventDefault());\nconst text =",
        "escape: ",
    ),
    (
        "<button type=\"button\" data-column",
        "<button type=\"button\" tabindex=\"-1\" data-column",
        "tab: ",
    ),
    ("next?.focus()", "", "arrow keys: "),
    ("row.hidden = !wanted(row)", "row.hidden = false", "filter by verdict: "),
    (".toLowerCase()) &&", ") &&", "filter by text: "),
];

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn the_check_finds_planted_faults() {
    let folder = TempDir::new().expect("a folder");
    let whole = page();
    let pages: Vec<Value> = DAMAGE
        .iter()
        .enumerate()
        .map(|(index, (part, instead, fault))| {
            let mut broken = whole.replace(part, instead);
            assert_ne!(broken, whole, "the page has no {part:?}");
            if fault.starts_with("request") {
                let image = "<main><img alt=\"\" src=\"https://example.invalid/x.png\">";
                broken = broken.replace("<main>", image);
            }
            let file = folder.path().join(format!("{index}.html"));
            fs::write(&file, broken).expect("it is written");
            let scheme = if fault.starts_with("scheme") { "dark" } else { "light" };
            let mut wanted = wanted(&file, &[(360, scheme)], 2_000);
            // Most of the time is axe's, and most faults are not for it to find.
            wanted["axe"] = json!(fault.starts_with("axe"));
            wanted
        })
        .collect();
    for (looked, (part, _, fault)) in look(&pages).iter().zip(DAMAGE) {
        let found = looked
            .faults
            .iter()
            .any(|it| it.split_once(": ").is_some_and(|(_, it)| it.starts_with(fault)));
        assert!(found, "damage of {part:?}: no {fault:?} among {:?}", looked.faults);
    }
}
