//! The program: files, messages and exit codes.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, starts_with};
use procpool_conformance::kit::KITS;
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
fn an_adapter_starts_without_ignored_signals_however_the_suite_is_started() {
    let folder = folder();
    let conformance = env!("CARGO_BIN_EXE_conformance");
    let adapter = "grep SigIgn /proc/self/status >&2; exit 3;";
    Command::new("sh")
        .current_dir(folder.path())
        .args(["-c", "trap '' HUP INT QUIT TERM; exec \"$@\"", "sh", conformance, "run", adapter])
        .assert()
        .code(1)
        // The lowest 28 signals.
        .stdout(contains("SigIgn:").and(contains("0000000\n")));
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

#[test]
fn cases_are_listed_and_explained() {
    let folder = folder();
    let listed = program(&folder, &["list", "article."]).success();
    let text = String::from_utf8(listed.get_output().stdout.clone()).expect("it is text");
    let ids: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let all = procpool_conformance::cases::all().into_iter().map(|case| case.id);
    assert_eq!(ids, all.filter(|id| id.contains("article.")).collect::<Vec<_>>());
    program(&folder, &["list", "artcle"]).code(2).stderr(contains("no case has \"artcle\""));
    let parts = contains("finds       drops-initargs").and(contains("\n  submit a\n"));
    program(&folder, &["explain", "article.initargs"]).success().stdout(parts);
    program(&folder, &["explain", "property.maps"]).success().stdout(contains("drawn at random"));
    let advice = contains("these are like it: article.initargs");
    program(&folder, &["explain", "init.initargs"]).code(2).stderr(advice);
}

#[test]
fn a_shell_completes_the_commands() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let words =
            contains("explain").and(contains("--expectations").or(contains("expectations")));
        program(&folder, &["completions", shell]).success().stdout(words);
    }
}

#[test]
fn an_adapter_to_begin_with_is_written_whole_or_not_at_all() {
    let folder = folder();
    for kit in KITS {
        let said = contains(format!("conformance check '{}'", kit.command()));
        let said = said.and(contains(format!("cd {}\n", kit.language)));
        program(&folder, &["init", kit.language, kit.language]).success().stdout(said);
        for (name, content) in kit.files {
            let written = fs::read_to_string(folder.path().join(kit.language).join(name));
            assert_eq!(written.ok().as_deref(), Some(*content), "{}: {name}", kit.language);
        }
    }
    let half = folder.path().join("half");
    fs::create_dir(&half).expect("the folder is ours");
    fs::write(half.join("runtime.py"), "mine").expect("the folder is ours");
    let refusal = contains("half/runtime.py exists, and nothing was written");
    program(&folder, &["init", "python", "half"]).code(2).stderr(refusal);
    let left: Vec<_> = fs::read_dir(&half).expect("it is there").collect();
    assert_eq!(left.len(), 1, "{left:?}");
    program(&folder, &["init", "cobol", "other"]).code(2).stderr(contains("possible values"));
}

#[test]
#[ignore = "needs python3: the adapter is in Python"]
fn the_adapter_to_begin_with_runs_where_it_was_written() {
    let folder = folder();
    program(&folder, &["init", "python", "my pool's"])
        .success()
        .stdout(contains(r"'my pool'\''s'"));
    let mut judge = Command::new(env!("CARGO_BIN_EXE_conformance"));
    judge.current_dir(folder.path().join("my pool's"));
    let judged = judge.args(["run", "python3 adapter.py", "article"]).assert();
    judged.success().stdout(contains("template (spawn): 5 passed"));
}
