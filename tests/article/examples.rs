//! The other examples: each runs, succeeds and prints what its header promises.

use std::process::Output;

use assert_cmd::Command;
use predicates::str::is_empty;
use procpool_testkit::{program, watch};

/// Runs the example `name`, which must succeed with an empty stderr; returns its lines.
fn lines_of(name: &'static str) -> Vec<String> {
    watch::within(watch::HANG, move || {
        let run = Command::from_std(program::command(name)).assert();
        let Output { stdout, .. } = run.success().stderr(is_empty()).get_output().clone();
        let text = String::from_utf8(stdout).expect("it prints text");
        text.lines().map(str::to_owned).collect()
    })
}

#[test]
fn a_task_is_pending_then_running_then_has_its_result() {
    assert_eq!(lines_of("task"), ["pending", "running", "done", "result: 7"]);
}

// Behaviours: OUT-02.
#[test]
fn initargs_reach_every_worker_before_its_first_task() {
    let lines = lines_of("initargs");
    assert_eq!(lines.first().map(String::as_str), Some("worker is ready"), "{lines:?}");
    let (greetings, mut tasks): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line == "worker is ready");
    assert_eq!(greetings.len(), 2, "one greeting per worker");
    tasks.sort_unstable();
    assert_eq!(tasks, ["task 0 done", "task 1 done", "task 2 done", "task 3 done"]);
}

#[test]
fn worker_state_lives_from_task_to_task_and_is_dropped_at_the_end() {
    let expected = [
        "task 1: 1 use(s) of this connection",
        "task 2: 2 use(s) of this connection",
        "task 3: 3 use(s) of this connection",
        "task 4: 4 use(s) of this connection",
        "connection closed after 4 use(s)",
    ];
    assert_eq!(lines_of("worker_state"), expected);
}

// Behaviours: INIT-06.
#[test]
fn a_failing_initializer_is_the_cause_of_every_failure() {
    let lines = lines_of("failing_initializer");
    let mut pids = Vec::new();
    for (line, who) in lines.iter().zip(["task 1", "task 2", "later"]) {
        let rest = line.strip_prefix(&format!("{who}: the initializer failed in worker "));
        let (pid, message) = rest.and_then(|rest| rest.split_once(": ")).expect(line);
        assert_eq!(message, "no licence server at licences.example:27000");
        pids.push(pid.parse::<u32>().expect("a worker is named by its number"));
    }
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(pids.iter().all(|pid| *pid == pids[0]), "one cause for all: {pids:?}");
}
