//! The user's tests pass under every runner.

use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;
use procpool_testkit::watch;

use crate::package::cargo;

/// The line of libtest when all tests of the library have passed.
const LIBRARY: &str = "test result: ok. 6 passed; 0 failed; 0 ignored";

/// Its line for each integration test.
const ONE: &str = "test result: ok. 1 passed; 0 failed; 0 ignored";

/// Its line for the doctests.
const DOCTESTS: &str = "test result: ok. 2 passed; 0 failed; 0 ignored";

fn run(arguments: &'static [&'static str]) -> Assert {
    // Longer than a hang, because it may build the package.
    watch::within(3 * watch::HANG, move || cargo(arguments).assert().success())
}

#[test]
fn pools_work_under_cargo_test() {
    let everything = contains(LIBRARY).and(contains(ONE).count(3)).and(contains(DOCTESTS));
    run(&["test"]).stdout(everything);
}

#[test]
fn pools_work_on_one_test_thread() {
    run(&["test", "--lib", "--", "--test-threads=1"]).stdout(contains(LIBRARY));
}

#[test]
fn pools_work_on_many_test_threads() {
    run(&["test", "--lib", "--", "--test-threads=16"]).stdout(contains(LIBRARY));
}

#[test]
fn pools_work_in_tests_chosen_by_name() {
    run(&["test", "--lib", "--", "--exact", "tests::maps"])
        .stdout(contains("test result: ok. 1 passed; 0 failed; 0 ignored"));
}

#[test]
fn pools_work_with_nocapture() {
    run(&["test", "--lib", "--", "--nocapture"]).stdout(contains(LIBRARY));
}

#[test]
fn pools_work_in_doctests() {
    run(&["test", "--doc"]).stdout(contains(DOCTESTS));
}

#[test]
fn pools_work_in_a_library_whose_user_does_not_call_init() {
    run(&["run"]).stdout("main runs\n[1, 8, 27], 3 of them elsewhere\n");
}

#[test]
fn without_the_macro_the_error_names_it() {
    run(&["test", "--test", "without_macro"]).stdout(contains(ONE));
}

#[test]
fn with_init_in_the_test_the_error_names_the_macro() {
    run(&["test", "--test", "init_in_test"]).stdout(contains(ONE));
}

#[test]
#[ignore = "needs cargo-nextest: .ci/run installs it"]
fn pools_work_under_nextest() {
    // Nextest's LEAK marks a test whose output was still open in another process when it ended.
    run(&["nextest", "run"]).stderr(contains("9 tests run: 9 passed").and(contains("LEAK").not()));
}
