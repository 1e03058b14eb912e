//! The program: files, messages and exit codes.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, starts_with};
use procpool_conformance::report::{Results, Verdict, html};
use tempfile::TempDir;

use crate::fixture::results;

fn program(folder: &TempDir, arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut program = Command::new(env!("CARGO_BIN_EXE_conformance"));
    program.current_dir(folder.path()).args(arguments).assert()
}

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), "all.json", &results());
    folder
}

fn write(folder: &Path, name: &str, results: &Results) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, results.to_json()).expect("it is written");
    file
}

#[test]
fn every_report_goes_to_a_file_or_the_output() {
    let folder = folder();
    program(&folder, &["html", "all.json", "-o", "page.html"]).success().stdout("").stderr("");
    let page = fs::read_to_string(folder.path().join("page.html")).expect("it is written");
    assert_eq!(Ok(page), html(&results(), None));
    program(&folder, &["html", "all.json", "--book", "up"]).success().stdout(contains("up/cata"));
    program(&folder, &["markdown", "all.json"]).success().stdout(starts_with("| implementation"));
    program(&folder, &["junit", "all.json"]).success().stdout(starts_with("<?xml"));
    program(&folder, &["badge", "all.json", "--run", "procpool-adapter"])
        .success()
        .stdout(starts_with("<svg").and(contains("5/6 MUST")));
}

#[test]
fn merging_leaves_each_file_unchanged() {
    let folder = folder();
    for (index, run) in results().runs.into_iter().enumerate() {
        let one = Results::of(vec![run]).expect("one run");
        write(folder.path(), &format!("{index}.json"), &one);
    }
    program(&folder, &["merge", "0.json", "1.json", "2.json", "-o", "merged.json"]).success();
    let merged = Results::read(&folder.path().join("merged.json"));
    assert_eq!(merged, Ok(results()));
    program(&folder, &["merge", "0.json", "all.json"])
        .code(2)
        .stderr(contains("the run of `python3 futures.py spawn`: it occurs twice"));
}

#[test]
fn a_regression_exits_with_code_1() {
    let folder = folder();
    program(&folder, &["diff", "all.json", "all.json"]).code(0).stdout("nothing has changed\n");
    let mut worse = results();
    let case = &mut worse.runs[1].cases[0];
    (case.verdict, case.observation) = (Verdict::Failed, "It came twice.".to_owned());
    write(folder.path(), "worse.json", &worse);
    program(&folder, &["diff", "all.json", "worse.json"]).code(1).stdout(
        contains("procpool (spawn) · init.passed: passed → failed (It came twice.)")
            .and(contains("1 requirement that held was lost")),
    );
    // The other way round it is an improvement.
    program(&folder, &["diff", "worse.json", "all.json"]).code(0).stdout(contains("improvements"));
}

#[test]
fn a_usage_error_is_reported_and_exits_with_code_2() {
    let folder = folder();
    program(&folder, &["html", "none.json"])
        .code(2)
        .stderr(contains("error: none.json cannot be read: No such file"));
    fs::write(folder.path().join("text.json"), "{\"results\": 1,\n oops}").expect("it is written");
    program(&folder, &["junit", "text.json"])
        .code(2)
        .stderr(contains("text.json is no file of results: ").and(contains("line 2 column 2")));
    program(&folder, &["diff", "all.json", "text.json"]).code(2).stdout("");
    program(&folder, &["html", "all.json", "-o", "no/such/folder.html"])
        .code(2)
        .stderr(contains("no/such/folder.html cannot be written: No such file"));
    program(&folder, &["badge", "all.json"]).code(2).stderr(contains("choose one by --run"));
    program(&folder, &["html"]).code(2).stderr(contains("<RESULTS>..."));
    program(&folder, &["draw", "all.json"]).code(2).stderr(contains("draw"));
    program(&folder, &["--help"]).code(0).stdout(contains("Exit codes: 0 when done"));
}
