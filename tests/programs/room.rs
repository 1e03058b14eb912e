//! The resources that a worker needs, and the growth of a pool once they are free again.
//!
//! Limits belong to a process, so each case is a program of its own, which sets its limits, makes its pool
//! reach them, and prints the outcome of every task.

use assert_cmd::Command;
use predicates::str::{contains, diff, is_empty, is_match};
use procpool_testkit::{program, watch};

fn assert_prints(limit: &'static str, mode: &'static str, expected: &'static str) {
    watch::within(watch::HANG, move || {
        let run = Command::from_std(program::command("fail_room")).args([limit, mode]).assert();
        let expected = is_match(expected).expect("it is an expression");
        run.success().stderr(is_empty()).stdout(expected);
    });
}

#[test]
fn with_any_number_of_free_descriptors_a_pool_works_or_fails_cleanly() {
    // With none left the socket pair fails, with two the shared memory, and so on.
    watch::within(watch::HANG, || {
        let mut command = Command::from_std(program::command("fail_room"));
        let run = command.args(["descriptors", "each"]).assert();
        let expected = "0 left: EMFILE, a socket pair\n\
                        1 left: EMFILE, a socket pair\n\
                        2 left: EMFILE, shared memory\n\
                        3 left: EMFILE, a pipe\n\
                        4 left: EMFILE, a pipe\n\
                        5 left: EMFILE, a process descriptor\n\
                        6 left: works\n";
        run.success().stderr(is_empty()).stdout(diff(expected));
    });
}

// Behaviours: SHUT-32.
#[test]
fn without_room_for_the_managers_thread_build_fails() {
    for (limit, what, remedy) in [
        ("processes", "the manager thread: a limit on processes and threads", "`ulimit -u`"),
        ("descriptors", "an epoll descriptor: this process has as many", "`ulimit -n`"),
    ] {
        watch::within(watch::HANG, move || {
            let run =
                Command::from_std(program::command("fail_room")).args([limit, "manager"]).assert();
            let run = run.success().stderr(is_empty());
            run.stdout(contains(format!("could not create {what}"))).stdout(contains(remedy));
        });
    }
}

/// The output under both limits: each task ran once, in the only worker, and the pool grows once it is
/// allowed to.
const GOES_ON: &str = r"\A20 tasks ran once each in 1 worker\n2 tasks met\n\z";

#[test]
fn a_pool_without_descriptors_grows_once_some_are_free() {
    assert_prints("descriptors", "later", GOES_ON);
}

#[test]
fn a_pool_without_processes_grows_once_it_is_allowed_to() {
    assert_prints("processes", "later", GOES_ON);
}

// Behaviours: SHUT-32.
#[test]
fn callbacks_run_elsewhere_without_room_for_their_thread() {
    assert_prints(
        "processes",
        "callbacks",
        "\\Awhile there is no room: None\n\
         when there is room: Some\\(\"procpool-callbacks\"\\)\n\
         at the end: Some\\(\"procpool-manager\"\\)\n\
         where it is cancelled: Some\\(\"main\"\\)\n\\z",
    );
}

#[test]
fn initargs_beyond_the_memory_limit_break_the_pool() {
    watch::within(watch::HANG, || {
        let run = Command::from_std(program::command("fail_initargs")).assert().success();
        run.stdout(predicates::str::contains("has no memory for its initargs"));
    });
}
