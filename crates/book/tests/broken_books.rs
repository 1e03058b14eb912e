//! Every rule can fail: a small sound book, one broken part at a time, and the required message.

use std::fs;
use std::path::Path;

use procpool_book::layout::Layout;
use procpool_book::{integrity, judged, measured, render, rendered};
use tempfile::TempDir;

const FILES: [(&str, &str); 9] = [
    (
        "book.toml",
        "[build]\ncreate-missing = false\n[output.html]\ninput-404 = \"\"\nadditional-css = [\"a.css\"]\n[output.html.playground]\nrunnable = false\n",
    ),
    ("a.css", "p { background: url(data:,) }\n"),
    ("src/SUMMARY.md", "# Summary\n\n- [One](one.md)\n- [Two](two.md)\n"),
    (
        "src/one.md",
        "# One\n\n```python\n{{#include ../listings/program.py:main}}\n```\n\n[on](two.md#rust)\n[out](https://example.org)\n",
    ),
    (
        "src/two.md",
        "# Two\n\n## Rust\n\n```rust\n{{#include ../listings/program.rs:main}}\n```\n\n```console\n{{#include ../transcripts/run.console}}\n```\n\n<figure>\n{{#include figures/lanes.svg}}\n</figure>\n\n{{#include ../bench/machine.md}}\n{{#include ../bench/table.md}}\n{{#include ../bench/charts.md}}\n{{#include ../conformance/pools.md}}\n",
    ),
    ("listings/program.py", "# ANCHOR: main\nprint(1)\n# ANCHOR_END: main\n"),
    ("listings/program.rs", "// ANCHOR: main\nfn main() {}\n// ANCHOR_END: main\n"),
    ("transcripts/run.console", "$ python3 program.py\n1\n"),
    (
        "crates/conformance/adapters/all.json",
        "[{\"name\": \"one\", \"command\": \"./one\"}, {\"name\": \"two\", \"command\": \"./two\"}]",
    ),
];

/// A small file of `procpool-bench`.
const RESULTS: &str = r#"{
    "machine": {
        "date": "2026-01-31T12:00:00Z", "cpu": "A CPU", "cpus": 2, "kernel": "6.18",
        "memory_mib": 1000, "rustc": "rustc 1.95.0", "procpool": "0.1.0"
    },
    "rows": [{
        "name": "hot", "what": "Submitting", "figures": [], "others": 0.0, "failed": null,
        "charts": [{
            "name": "hot", "title": "One task", "unit": "µs", "better": "lower",
            "contenders": [{
                "name": "procpool", "kind": "procpool", "version": "", "blocks": [0.75],
                "latency": null, "by_hand": false, "absent": null
            }]
        }]
    }]
}"#;

/// A small file of the conformance suite, for these adapters.
fn judged_results(adapters: &[&str]) -> String {
    let run = |adapter: &&str| {
        serde_json::json!({
            "suite": "0.1.0", "contract": 1, "date": "2026-01-31T12:00:00Z", "adapter": adapter,
            "machine": {"system": "linux 6.18", "cpu": "A CPU", "cpus": 2},
            "description": {
                "contract": 1, "implementation": adapter, "version": "1.2.3", "language": "sh",
                "start_method": "spawn", "capabilities": ["submit"], "policies": {}
            },
            "cases": [{
                "id": "init.once", "area": "init", "level": "MUST", "requirement": "It MUST.",
                "source": "the article", "anchor": "two.html#rust", "verdict": "failed",
                "observation": "It did not.", "seconds": 0.5, "timeline": "0.0 ms  main  new p",
                "rerun": "again init.once"
            }]
        })
    };
    let runs: Vec<serde_json::Value> = adapters.iter().map(run).collect();
    serde_json::json!({"results": 1, "runs": runs}).to_string()
}

/// Makes the sound book.
fn sound() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in FILES {
        write(folder.path(), name, text);
    }
    write(
        folder.path(),
        "src/figures/lanes.svg",
        "<svg role=\"img\" aria-label=\"lanes\"></svg>\n",
    );
    write(folder.path(), "new/results.json", RESULTS);
    let written = measured::adopt(&layout(folder.path()), &folder.path().join("new/results.json"));
    assert_eq!(written.expect("it can be drawn").len(), 4);
    write(folder.path(), "new/judged.json", &judged_results(&["./one", "./two"]));
    let written = judged::adopt(&layout(folder.path()), &folder.path().join("new/judged.json"));
    assert_eq!(written.expect("it is of both pools").len(), 2);
    folder
}

fn layout(folder: &Path) -> Layout {
    Layout {
        root: folder.to_owned(),
        book: folder.to_owned(),
        programs: vec![folder.join("listings")],
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
    fs::write(path, text).expect("files can be written");
}

/// All problems of a book, as the builder reports them: mdBook's output is checked only if the sources are
/// sound.
fn problems(folder: &Path) -> Vec<String> {
    let layout = layout(folder);
    let checked = integrity::check(&layout).and_then(|mut problems| {
        problems.extend(measured::check(&layout)?);
        problems.extend(judged::check(&layout)?);
        Ok(problems)
    });
    let sources = match checked {
        Err(error) => return vec![format!("{error:#}")],
        Ok(problems) => problems,
    };
    let problems = if sources.is_empty() {
        let target = folder.join("book");
        render::render(&layout, Some(&target)).expect("it renders");
        let mut problems = rendered::check(&target).expect("it can be read");
        problems.extend(judged::check_rendered(&layout, &target).expect("it can be read"));
        problems
    } else {
        sources
    };
    problems.iter().map(ToString::to_string).collect()
}

/// A change that breaks the book.
enum Break {
    /// This text in this file is replaced by that.
    Replace(&'static str, &'static str, &'static str),
    /// This file gets one more line.
    Append(&'static str, &'static str),
    /// An additional file.
    Add(&'static str, &'static str),
    /// This file is removed.
    Remove(&'static str),
}
use Break::{Add, Append, Remove, Replace};

impl Break {
    fn apply(&self, folder: &Path) {
        match *self {
            Replace(name, from, to) => {
                let text = fs::read_to_string(folder.join(name)).expect("the file is there");
                assert!(text.contains(from), "{name} has no {from:?} to replace");
                write(folder, name, &text.replace(from, to));
            }
            Append(name, line) => {
                let text = fs::read_to_string(folder.join(name)).expect("the file is there");
                write(folder, name, &format!("{text}\n{line}\n"));
            }
            Add(name, text) => write(folder, name, text),
            Remove(name) => fs::remove_file(folder.join(name)).expect("the file is there"),
        }
    }
}

#[track_caller]
fn assert_said(cases: &[(Break, &str)]) {
    for (what, expected) in cases {
        let folder = sound();
        what.apply(folder.path());
        assert_eq!(problems(folder.path()), [*expected]);
    }
}

#[test]
fn a_sound_book_has_no_problem() {
    assert_eq!(problems(sound().path()), [""; 0]);
}

#[test]
fn phrases_that_the_book_does_not_use_are_found_and_not_in_code() {
    assert_said(&[
        (
            Append("src/one.md", "A worker waits *for\never*, and says so."),
            "src/one.md:10: instead of \"for ever\" write \"forever\"",
        ),
        (
            Append("src/one.md", "| a |\n|-|\n| The pool Is Told. |"),
            "src/one.md:12: instead of \"is told\" write \"receives a report\"",
        ),
    ]);
    let folder = sound();
    let fine = "`for ever` waits for `x` ever, forevermore\n\n```text\nfor ever\n```";
    Append("src/one.md", fine).apply(folder.path());
    assert_eq!(problems(folder.path()), [""; 0]);
}

#[test]
fn every_include_resolves() {
    assert_said(&[
        (
            Append("src/one.md", "{{#include ../listings/gone.py}}"),
            "src/one.md:10: the included ../listings/gone.py cannot be read",
        ),
        (
            Append("src/one.md", "{{#include ../listings/program.py:gone}}"),
            "src/one.md:10: the included file has no anchor `gone`",
        ),
        (
            Append("src/one.md", "{{#include ../listings/program.py:1:2}}"),
            "src/one.md:10: `{{#include ../listings/program.py:1:2}}` includes by line numbers; lines move, use an anchor",
        ),
        (
            Append("src/one.md", "{{#include ../listings/program.py::2}}"),
            "src/one.md:10: `{{#include ../listings/program.py::2}}` includes by line numbers; lines move, use an anchor",
        ),
        (
            Append("src/one.md", "{{#playground ../listings/program.rs}}"),
            "src/one.md:10: `{{#playground ../listings/program.rs}}` is not an include of a file or an anchor",
        ),
        (Replace("listings/program.py", "print(1)\n", ""), "src/one.md:4: the include is empty"),
        (
            Replace("transcripts/run.console", FILES[7].1, "\n"),
            "src/two.md:10: the include is empty",
        ),
        (
            Replace("listings/program.py", "# ANCHOR_END: main", ""),
            "src/one.md:4: the anchor `main` does not end",
        ),
        (
            Append("listings/program.py", "# ANCHOR: main\n# ANCHOR_END: main"),
            "src/one.md:4: the anchor `main` begins more than once",
        ),
        (
            Append("transcripts/run.console", "{{#include gone}}"),
            "src/two.md:10: the included text has a directive, which mdBook follows",
        ),
    ]);
}

#[test]
fn code_is_included_instead_of_typed() {
    assert_said(&[
        (
            Append("src/one.md", "```rust\nfn main() {}\n```"),
            "src/one.md:10: this block of rust is typed, not included",
        ),
        (
            Append("src/one.md", "~~~python,ignore\nprint(2)\n~~~"),
            "src/one.md:10: this block of python is typed, not included",
        ),
        (
            Append("src/one.md", "> ```console\n> $ ls\n> ```"),
            "src/one.md:10: this block of console is typed, not included",
        ),
        (
            Append("src/one.md", "```\nls\n```"),
            "src/one.md:10: this block of code without a language is typed, not included",
        ),
        (
            Append("src/one.md", "    ls"),
            "src/one.md:10: this block of code without a language is typed, not included",
        ),
        (
            Append("src/one.md", "```rust\n```"),
            "src/one.md:10: this block of rust is typed, not included",
        ),
        (
            Replace("src/two.md", ".rs:main}}\n", ".rs:main}}\nmain();\n"),
            "src/two.md:5: this block of rust is typed, not included",
        ),
    ]);
}

#[test]
fn no_line_of_a_listing_is_cut_off() {
    let said = "src/one.md:3: a line has more than 76 characters: ";
    let (fits, long) = (format!("print({:0>69})", 1), format!("print({:0>70})", 1));
    assert_eq!((fits.len(), long.len()), (76, 77));
    for (line, expected) in [(&fits, vec![]), (&long, vec![format!("{said}{long}")])] {
        let folder = sound();
        let listing = format!("# ANCHOR: main\n{line}\n# ANCHOR_END: main\n");
        write(folder.path(), "listings/program.py", &listing);
        assert_eq!(problems(folder.path()), expected);
    }
    // Text of a program's header is not part of its anchors, and output is wrapped.
    let folder = sound();
    for name in ["listings/program.py", "transcripts/run.console"] {
        let text = fs::read_to_string(folder.path().join(name)).expect("the file is there");
        write(folder.path(), name, &format!("{text}{long}\n"));
    }
    assert_eq!(problems(folder.path()), [""; 0]);
}

#[test]
fn an_unused_file_of_the_book_is_reported() {
    assert_said(&[
        (Add("src/three.md", "# Three\n"), "src/three.md: SUMMARY.md does not name it"),
        (Add("listings/other.py", "print(2)\n"), "listings/other.py: no page includes it"),
        (
            Append("listings/program.rs", "// ANCHOR: other\n// ANCHOR_END: other"),
            "listings/program.rs:5: no page includes the anchor `other`",
        ),
        (
            Add("transcripts/other.console", "$ ls\n"),
            "transcripts/other.console: no page includes it",
        ),
        (
            Add("src/figures/other.svg", "<svg></svg>\n"),
            "src/figures/other.svg: no page includes it",
        ),
    ]);
    let folder = sound();
    Append("src/SUMMARY.md", "- [Three](three.md)").apply(folder.path());
    let said = problems(folder.path()).concat();
    assert!(said.contains("three.md"), "a chapter that is not there must be named: {said}");
}

#[test]
fn all_measurements_are_of_one_run() {
    assert_said(&[
        // A better number.
        (
            Replace("bench/charts.md", "0.75", "0.25"),
            "bench/charts.md: differs from its measurements",
        ),
        // Another run, of which only the results were kept.
        (
            Replace("bench/results.json", "2026-01-31", "2026-02-01"),
            "bench/machine.md: differs from its measurements",
        ),
        (
            Replace("bench/results.json", "0.75", "7.5"),
            "bench/charts.md: differs from its measurements",
        ),
        // A row that is missing on the page.
        (
            Replace("src/two.md", "{{#include ../bench/charts.md}}", ""),
            "bench/charts.md: no page includes it",
        ),
        (
            Add("bench/results.json", "{}"),
            "bench/results.json: missing field `machine` at line 1 column 2",
        ),
        (
            Add("bench/other.json", "{}"),
            "bench/other.json: it is neither results.json, profile.json nor scale.json",
        ),
    ]);
    for (what, expected) in [
        (
            Remove("bench/table.md"),
            vec![
                "src/two.md:18: the included ../bench/table.md cannot be read",
                "bench/table.md: is missing; its measurements give it",
            ],
        ),
        (
            Add("bench/by-hand.md", "| fast |\n"),
            vec![
                "bench/by-hand.md: no page includes it",
                "bench/by-hand.md: no measurements give it",
            ],
        ),
        (
            Remove("bench/results.json"),
            vec![
                "bench/charts.md: no measurements give it",
                "bench/machine.md: no measurements give it",
                "bench/table.md: no measurements give it",
            ],
        ),
    ] {
        let folder = sound();
        what.apply(folder.path());
        assert_eq!(problems(folder.path()), expected);
    }
}

#[test]
fn all_judgements_are_of_one_run() {
    assert_said(&[
        // A better pool.
        (
            Replace("conformance/pools.md", "1 ✗", "1 ✓"),
            "conformance/pools.md: differs from the results of the run over all pools",
        ),
        (
            Replace("conformance/results.json", "\"failed\"", "\"expected_failure\""),
            "conformance/pools.md: differs from the results of the run over all pools",
        ),
        // Without results, the page must not show any.
        (
            Remove("conformance/results.json"),
            "conformance/pools.md: differs from the results of the run over all pools",
        ),
        (
            Replace("src/two.md", "{{#include ../conformance/pools.md}}", ""),
            "conformance/pools.md: no page includes it",
        ),
        (
            Add("conformance/other.json", "{}"),
            "conformance/other.json: no run over all pools gives it",
        ),
        (
            Replace("conformance/results.json", "\"whole\": 1", "\"whole\": 2"),
            "conformance/results.json: it has version 2; this program reads version 1",
        ),
    ]);
}

#[test]
fn a_book_with_a_run_over_all_pools_has_a_page_of_every_case() {
    let folder = sound();
    assert_eq!(problems(folder.path()), [""; 0]);
    let page = fs::read_to_string(folder.path().join("book").join(judged::PAGE));
    let page = page.expect("the page is rendered");
    for text in ["It did not.", "0.0 ms  main  new p", "./two (spawn)", "<a href=\"index.html\">"] {
        assert!(page.contains(text), "the page has no {text:?}");
    }
    let chapter = fs::read_to_string(folder.path().join("book/two.html")).expect("it is rendered");
    assert!(chapter.contains("href=\"pools.html\""), "nothing leads to the page");
    // Its links are only in its data.
    for (anchor, expected) in [
        (
            "gone.html#rust",
            "pools.html: the link to gone.html#rust is dead: nothing there has this id",
        ),
        ("two.html#c", "pools.html: the link to two.html#c is dead: nothing there has this id"),
    ] {
        Replace("conformance/results.json", "two.html#rust", anchor).apply(folder.path());
        assert_eq!(problems(folder.path()), [expected]);
        Replace("conformance/results.json", anchor, "two.html#rust").apply(folder.path());
    }
}

#[test]
fn a_run_over_some_pools_changes_nothing() {
    let folder = sound();
    let before = fs::read(folder.path().join("conformance/results.json")).expect("it is there");
    write(folder.path(), "new/judged.json", &judged_results(&["./one"]));
    let refused = judged::adopt(&layout(folder.path()), &folder.path().join("new/judged.json"));
    let error = format!("{:#}", refused.expect_err("it is of one pool of two"));
    assert!(error.contains("is not for the book: it is of a part of the pools"), "{error}");
    assert!(error.ends_with("There is no run of:\n  ./two"), "{error}");
    let after = fs::read(folder.path().join("conformance/results.json")).expect("it is there");
    assert!(before == after, "the old results are removed");
    assert_eq!(problems(folder.path()), [""; 0]);
}

#[test]
fn measurements_and_judgements_are_distinguished() {
    assert!(judged::is_judged(&judged_results(&["./one"])));
    assert!(!judged::is_judged(RESULTS));
    assert!(!judged::is_judged("{"));
}

#[test]
fn every_link_resolves() {
    for (link, expected) in [
        ("[x](three.md)", "the link to three.html is dead: there is no such file"),
        ("[x](two.md#c)", "the link to two.html#c is dead: nothing there has this id"),
        ("[x](#elsewhere)", "the link to #elsewhere is dead: nothing there has this id"),
        ("[x](#w=2&n=1)", "the link to #w=2&n=1 is dead: nothing there has this id"),
        ("![x](x.png)", "the link to x.png is dead: there is no such file"),
        ("<a href=\"figures\">x</a>", "the link to figures is dead: there is no such file"),
    ] {
        let folder = sound();
        Append("src/one.md", link).apply(folder.path());
        let said = problems(folder.path());
        assert!(said.contains(&format!("one.html: {expected}")), "{link}: {said:?}");
    }
}

#[test]
fn pages_for_looking_up_are_not_printed() {
    let folder = sound();
    Append("src/one.md", "[up](three.md#found) and [all](three.md)").apply(folder.path());
    Append("src/SUMMARY.md", "---\n\n[Three](three.md)").apply(folder.path());
    write(folder.path(), "src/three.md", "# Three\n\n## Found\n\nLooked up.\n");
    assert_eq!(problems(folder.path()), [""; 0]);
    let read = |name: &str| fs::read_to_string(folder.path().join("book").join(name)).unwrap();
    let (page, print) = (read("three.html"), read("print.html"));
    assert!(page.contains("Looked up.") && !print.contains("Looked up."));
    for text in
        ["href=\"three.html#found\"", "href=\"three.html#three\"", "<h1 id=\"two\">", "</html>"]
    {
        assert!(print.contains(text), "the page to print has no {text}");
    }
}

#[test]
fn scrollable_elements_are_reachable_by_keyboard() {
    let folder = sound();
    Append("src/one.md", "<div class=\"scroll\">wide</div>").apply(folder.path());
    let said = problems(folder.path());
    let expected = "one.html: a <div> scrolls, and has no tabindex: scroll".to_owned();
    assert!(said.contains(&expected), "{said:?}");
    let folder = sound();
    Append("src/one.md", "| a |\n|---|\n| b |").apply(folder.path());
    assert_eq!(problems(folder.path()), [""; 0]);
    let page = fs::read_to_string(folder.path().join("book/one.html")).expect("it is rendered");
    for reached in ["<pre><code tabindex=\"0\"", "<div class=\"table-wrapper\" tabindex=\"0\">"] {
        assert!(page.contains(reached), "the page has no {reached:?}");
    }
}

#[test]
fn nothing_is_loaded_from_the_network() {
    for (what, expected) in [
        (
            Append("src/one.md", "<script src=\"https://example.org/a.js\"></script>"),
            "one.html: <script> loads https://example.org/a.js from the network",
        ),
        (
            Append("src/one.md", "![x](http://example.org/x.png)"),
            "one.html: <img> loads http://example.org/x.png from the network",
        ),
        (
            Append("src/one.md", "<link rel=\"stylesheet\" href=\"//example.org/a.css\">"),
            "one.html: <link> loads //example.org/a.css from the network",
        ),
        (
            Replace("a.css", "data:,", "'https://example.org/x.png'"),
            "a style loads https://example.org/x.png from the network",
        ),
        (
            Append("a.css", "@import \"https://example.org/b.css\";"),
            "a style loads https://example.org/b.css from the network",
        ),
        (
            Replace("book.toml", "runnable = false", "runnable = true"),
            "two.html: a block is runnable, so its page asks play.rust-lang.org",
        ),
    ] {
        let folder = sound();
        what.apply(folder.path());
        let said = problems(folder.path());
        assert!(said.iter().any(|line| line.ends_with(expected)), "{expected}: {said:?}");
    }
}
