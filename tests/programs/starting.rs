//! Workers that never become workers: programs without `init()`, with other code before it, or without
//! free resources.

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::str::{contains, is_empty, is_match};
use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::{program, watch};

/// Runs the program `name` in a `mode`, with `hello` as its standard input.
fn run(name: &'static str, mode: &'static str) -> Assert {
    watch::within(watch::HANG, move || {
        let mut command = Command::from_std(program::command(name));
        command.env("MODE", mode).write_stdin("hello").assert().success()
    })
}

#[test]
fn build_refuses_zero_workers() {
    let error = ProcessPoolExecutor::builder().max_workers(0).build().unwrap_err();
    assert_eq!(error, Error::InvalidArgument("max_workers must be greater than 0".into()));
}

#[test]
fn without_init_the_error_gives_the_call_to_add_and_main_runs_once() {
    let expected = is_match(
        r"^main runs\nprocpool::init\(\) has not been called: call it at the start of main\(\), .*\n$",
    );
    run("fail_uninitialized", "").stdout(expected.expect("a pattern")).stderr(is_empty());
}

#[test]
fn code_before_init_that_prints_prints_in_every_worker() {
    let output = run("fail_before_init", "print").get_output().stdout.clone();
    let text = String::from_utf8(output).expect("it prints text");
    assert_eq!(text.matches("before init\n").count(), 1 + 2, "the program and two workers: {text}");
    assert!(text.contains("results: [Ok(0), Ok(2)]\n"), "{text}");
}

#[test]
fn code_before_init_that_reads_stdin_finds_its_end_in_workers() {
    let output = run("fail_before_init", "stdin").get_output().stdout.clone();
    let text = String::from_utf8(output).expect("it prints text");
    assert_eq!(text.matches("read 5 bytes\n").count(), 1, "the program itself: {text}");
    assert_eq!(text.matches("read 0 bytes\n").count(), 2, "two workers: {text}");
    assert!(text.contains("results: [Ok(0), Ok(2)]\n"), "{text}");
}

#[test]
fn code_before_init_that_takes_long_is_waited_for() {
    run("fail_before_init", "slow").stdout("results: [Ok(0), Ok(2)]\n").stderr(is_empty());
}

#[test]
fn code_before_init_that_never_ends_is_killed_with_advice() {
    run("fail_before_init", "never")
        .stdout(contains("did not reach procpool::init() within 300ms"))
        .stdout(contains("everything before init() in main() runs in it too"))
        .stdout(contains("raise start_timeout"))
        .stderr(is_empty());
}

#[test]
fn code_before_init_that_exits_is_reported() {
    let expected = is_match(
        r"worker [0-9]+ exited with code 5 while starting; .* call that first in main\(\)",
    );
    run("fail_before_init", "exit").stdout(expected.expect("a pattern"));
}

#[test]
fn a_workers_arguments_given_by_hand_are_refused() {
    let mut command = Command::from_std(program::command("fail_before_init"));
    command.args(["--procpool-worker", "1:1"]).assert().code(2).stderr(contains("command line"));
}

#[test]
fn without_descriptors_the_pool_breaks_with_the_systems_error() {
    run("fail_limits", "descriptors, none alive")
        .stdout(contains("StartFailed { what: \"a socket pair\", errno: EMFILE }"));
}

#[test]
fn without_processes_the_pool_breaks_with_the_systems_error() {
    run("fail_limits", "processes, none alive")
        .stdout(contains("StartFailed { what: \"a process\", errno: EAGAIN }"));
}

#[test]
fn without_descriptors_for_more_workers_one_runs_every_task_once() {
    run("fail_limits", "descriptors, one alive").stdout("100 results, 100 runs, 1 worker\n");
}

#[test]
fn without_processes_for_more_workers_one_runs_every_task_once() {
    run("fail_limits", "processes, one alive").stdout("100 results, 100 runs, 1 worker\n");
}
