//! `conformance check` tells good adapters from bad ones, and says what is wrong.

use std::path::Path;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;

fn check(adapter: &str) -> Command {
    let mut command = cargo_bin_cmd!("conformance");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    command.current_dir(folder).env("CONFORMANCE_SCALE", "0.3").args(["check", adapter]);
    command
}

#[test]
fn an_adapter_that_declines_everything_does_not_pass_the_core_tier() {
    let said = contains("✓ describe: sh (fork)").and(contains("✗ the core tier"));
    check("sh gives_up.sh").assert().code(1).stdout(said.and(contains("declined with code 77")));
}

#[test]
fn an_adapter_that_answers_and_runs_nothing_is_found() {
    check("sh claims_success.sh").assert().code(1).stdout(contains("nobody wrote to the trace"));
}

#[test]
fn an_adapter_that_carries_out_what_it_does_not_declare_is_found() {
    // It answers whatever it is asked as if it had been asked for one task.
    let undeclared = "it is not declared, but";
    check("sh plain.sh").assert().code(1).stdout(contains(undeclared).or(contains("at step")));
}

#[test]
fn garbage_and_hanging_are_named() {
    check("sh prints_garbage.sh").assert().code(1).stdout(contains("DEBUG: pool created"));
    check("sh hangs_in_describe.sh").assert().code(1).stdout(contains("did not end within"));
}

#[test]
fn a_scale_that_is_none_is_a_wrong_command() {
    let mut command = check("sh plain.sh");
    command.env("CONFORMANCE_SCALE", "fast").assert().code(2).stderr(contains("CONFORMANCE_SCALE"));
}
