//! The program that judges pools, as its users start it: its refusals, its output, and the files that it
//! leaves. The pools are procpool's saboteurs and adapters that are a few lines of shell.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, is_empty};
use procpool_testkit::program;

/// The suite with an adapter.
fn suite(adapter: impl AsRef<OsStr>) -> Command {
    static SUITE: LazyLock<PathBuf> = LazyLock::new(|| program::test("conformance"));
    let mut command = Command::new(&*SUITE);
    command.current_dir(program::root()).env("PROCPOOL_ADAPTER", adapter);
    command
}

/// A pool with one fault; `honest` has none.
fn saboteur(name: &str) -> String {
    format!("'{}' {name}", program::path("saboteur").display())
}

/// One of the shell adapters.
fn shell(name: &str) -> String {
    format!("cd crates/conformance/tests/hostile && sh {name}.sh")
}

fn refuses(command: &mut Command, words: &str) -> Assert {
    command.assert().code(2).stderr(contains(words))
}

#[test]
fn an_empty_adapter_setting_is_refused() {
    for nothing in ["", " ", "\t\n"] {
        refuses(&mut suite(nothing), "PROCPOOL_ADAPTER is set, but empty").stdout(is_empty());
    }
    let adapter = OsString::from_vec(b"./adapter-\xff".to_vec());
    refuses(&mut suite(adapter), "which is not UTF-8").stdout(is_empty());
}

#[test]
fn invalid_variables_are_refused() {
    let wrong = [
        ("CONFORMANCE_RESULTS", "", "is set, but empty"),
        ("CONFORMANCE_SCENARIO", " ", "is set, but empty"),
        ("CONFORMANCE_EXPECTATIONS", "", "is set, but empty"),
        ("CONFORMANCE_EXPECTATIONS", "no/such.toml", "which does not exist; CONFORMANCE_BLESS=1"),
        ("CONFORMANCE_BLESS", "", "is set, but empty"),
        ("CONFORMANCE_BLESS", "yes", "must be 0 or 1"),
        ("CONFORMANCE_BLESS", "2", "must be 0 or 1"),
        ("CONFORMANCE_SCALE", "fast", "must be a number from 0.01"),
        ("CONFORMANCE_SCALE", "NaN", "must be a number from 0.01"),
        ("CONFORMANCE_SCALE", "", "is set, but empty"),
        ("CONFORMANCE_TIER", "long", "must be usual, soak or all"),
        ("CONFORMANCE_SEED", "abc", "must be a whole number"),
        ("CONFORMANCE_SEED", "-1", "must be a whole number"),
        ("CONFORMANCE_DRAWS", "0", "without a draw, nothing is judged"),
        ("CONFORMANCE_DRAWS", "4294967296", "without a draw, nothing is judged"),
    ];
    for (name, value, words) in wrong {
        refuses(suite(shell("plain")).env(name, value), words).stderr(contains(name));
    }
    let mut alone = suite("");
    alone.env_remove("PROCPOOL_ADAPTER").env("CONFORMANCE_EXPECTATIONS", "known.toml");
    refuses(&mut alone, "CONFORMANCE_EXPECTATIONS is set without PROCPOOL_ADAPTER");
}

#[test]
fn an_unknown_variable_of_the_suite_is_named() {
    let warning = "warning: the suite has no variable CONFORMANCE_BLES; it changes nothing";
    suite(shell("plain"))
        .env("CONFORMANCE_BLES", "1")
        .arg("--list")
        .assert()
        .stderr(contains(warning));
    let all = ["SCALE", "SEED", "DRAWS"].map(|name| (format!("CONFORMANCE_{name}"), "1"));
    suite(shell("plain")).envs(all).arg("--list").assert().success().stderr(is_empty());
}

#[test]
fn zero_threads_are_refused() {
    refuses(suite(shell("plain")).args(["--test-threads", "0"]), "--test-threads is 0");
}

#[test]
fn a_filter_that_matches_no_case_fails() {
    let none = "no case was run; asked for was \"artcle\"";
    refuses(suite(shell("plain")).arg("artcle"), none);
    let exact = ["--exact", "submit.returns-the-result"];
    suite(shell("plain")).args(exact).assert().code(101).stdout(contains("sh (fork): 1 failed"));
    let whole = "with --exact the name is whole: spawn::submit.returns-the-result, forkserver::";
    let mut all = suite("");
    all.env_remove("PROCPOOL_ADAPTER").args(exact).assert().success().stderr(contains(whole));
    let unsupported = "and the cases that fit, 1, are not for this pool";
    refuses(suite(shell("plain")).arg("article.initargs"), unsupported)
        .stdout(contains("sh (fork): 1 unsupported\n"))
        .stdout(contains(
            "not declared, with the number of cases: initargs (1), initializer (1)\n",
        ));
    refuses(suite(shell("plain")).args(["--skip", "fork::"]), "no case was run");
    suite(shell("plain")).args(["artcle", "--list"]).assert().success();
}

const CASE: &str = "fork::article.initargs";

/// Runs one case on a saboteur, with the known failures in `folder`.
fn judged(folder: &Path, name: &str, bless: &str) -> Assert {
    let mut suite = suite(saboteur(name));
    suite.env("CONFORMANCE_EXPECTATIONS", folder.join("known.toml"));
    suite.env("CONFORMANCE_RESULTS", folder.join("results.json"));
    suite.env("CONFORMANCE_BLESS", bless).args(["--exact", &CASE.replace("fork", "spawn")]).assert()
}

#[test]
fn a_failure_listed_in_the_pools_own_file_is_expected() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = folder.path().join("known.toml");
    fs::write(&known, "").expect("the folder is ours");
    judged(folder.path(), "drops-initargs", "0").code(101).stdout(contains("1 failed"));
    assert_eq!(fs::read_to_string(&known).expect("it is there"), "", "0 blesses nothing");

    let said = format!("known failures: {}\n  + article.initargs\n", known.display());
    judged(folder.path(), "drops-initargs", "1").success().stdout(contains(said));
    let text = fs::read_to_string(&known).expect("it is there");
    assert!(text.contains("observed = \"it was called with null\""), "{text}");

    let expected = contains("[known to fail] spawn::article.initargs")
        .and(contains("(spawn): 1 expected failures\n").and(contains("passed\n").not()));
    judged(folder.path(), "drops-initargs", "0").success().stdout(expected);

    // A different failure is another one.
    fs::write(&known, text.replace("with null", "twice")).expect("the folder is ours");
    let other = contains("known:    another failure, \"it was called twice\"");
    judged(folder.path(), "drops-initargs", "0").code(101).stdout(other);

    let said = format!("known failures: {}\n  - article.initargs\n", known.display());
    judged(folder.path(), "honest", "1").success().stdout(contains(said));
    assert!(!known.exists(), "a file without cases is removed");
    judged(folder.path(), "honest", "1").success().stdout(contains("known.toml, as it was\n"));
}

#[test]
fn files_of_a_failure_exist_until_the_case_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("known.toml"), "").expect("the folder is ours");
    let left = folder.path().join("results.failures/procpool-spawn");
    let files = ["svg", "json"].map(|kind| left.join(format!("article.initargs.{kind}")));
    judged(folder.path(), "drops-initargs", "0").code(101);
    assert!(files.iter().all(|file| file.exists()), "{}", left.display());
    judged(folder.path(), "honest", "0").success();
    assert!(!files.iter().any(|file| file.exists()), "{}", left.display());
}

#[test]
fn the_name_of_a_pool_cannot_lead_to_another_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut suite = suite(shell("climbs"));
    suite.env("CONFORMANCE_RESULTS", folder.path().join("a/b/results.json"));
    suite.env("CONFORMANCE_SCALE", "0.05").arg("article.initargs").assert().code(101);
    let mut there: Vec<_> = fs::read_dir(folder.path()).expect("it is there").collect();
    assert_eq!(there.len(), 1, "{there:?}");
    let inside = there.remove(0).expect("it is readable").path().join("b/results.failures");
    let names: Vec<_> = fs::read_dir(inside)
        .expect("it is there")
        .map(|entry| entry.expect("it is readable").file_name())
        .collect();
    assert_eq!(names, ["..-..-..-..-x"]);
}

/// `conformance run` with an adapter, in a folder of its own.
fn command(folder: &Path, adapter: &str) -> Command {
    let mut command = Command::from_std(program::command("conformance"));
    command.current_dir(folder).args(["run", adapter]);
    command
}

#[test]
fn the_installed_program_judges_in_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    let case = ["--exact", "article.initargs"];
    let honest = saboteur("honest");
    let passed = command(folder.path(), &honest).args(case).assert().success();
    passed.stdout(contains("(spawn): 1 passed")).stderr(is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a part leaves no results");

    let faulty = saboteur("drops-initargs");
    let rerun = format!("conformance run '{}' --exact", faulty.replace('\'', "'\\''"));
    let failed = command(folder.path(), &faulty).args(case).assert().code(1);
    failed.stdout(contains(rerun).and(contains("see conformance/failures/")));

    let known = ["--expectations", "known.toml"];
    let unknown = command(folder.path(), &faulty).args(case).args(known).assert();
    unknown.code(2).stderr(contains("there is no known.toml; --bless makes it"));
    command(folder.path(), &faulty).args(case).args(known).arg("--bless").assert().success();
    let results = ["--results", "part.json", "-j", "1"];
    let expected = command(folder.path(), &faulty).args(case).args(known).args(results).assert();
    expected.success().stdout(contains("1 expected failures").and(contains("results: part.json")));
}

#[test]
fn the_installed_program_refuses_to_judge_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let honest = saboteur("honest");
    let nothing = "no case was run; asked for was \"artcle\"; `conformance list` prints all names";
    refuses(command(folder.path(), &honest).arg("artcle"), nothing);
    let elsewhere = "; soak.many-pools is in the tier soak;";
    refuses(command(folder.path(), &honest).args(["--exact", "soak.many-pools"]), elsewhere);
    refuses(&mut command(folder.path(), " "), "the adapter is an empty command");
    refuses(command(folder.path(), &honest).args(["-j", "0"]), "invalid value '0'");
    refuses(command(folder.path(), &honest).arg("--exact"), "required arguments");
    refuses(command(folder.path(), &honest).arg("--bless"), "--expectations");
    command(folder.path(), "true")
        .assert()
        .code(1)
        .stdout(contains("adapter::describe ... FAILED"));
}
