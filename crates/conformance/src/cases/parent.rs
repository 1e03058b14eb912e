//! The program that has the pool dies.

use procpool_contract::{Capability as Has, EventKind};

use crate::case::{CASE, Case, Level, Waiver};
use crate::history::require;
use crate::plan::{Condition, Who, begun, echo, fail, gated, returned, tasks_begun, workers};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "parent.killed-with-idle-workers",
        requirement: "The pool MUST NOT leave idle workers behind when its program is killed.",
        source: "CPython: gh-111873; pebble, billiard, Node's pools: measured, none is left",
        rows: &["PAR-01", "PAR-02"],
        kills: &["survives-its-program", "survives-its-program-after-an-error"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).submit("p", echo("b", 2));
            // A watcher of the program may end with a task's error.
            plan.submit("p", fail("c", "oh")).submit("p", fail("d", "oh"));
            plan.result("a").result("b").result("c").result("d").hold("never");
            plan.until(returned("result d")).quiet().signal(Who::Owner, 9);
            plan.until(Condition::OwnerEnded);
        },
        // A rule for every run checks that nothing is left.
        judge: |history| {
            history.returned("result a", 1)?;
            require(!history.workers().is_empty(), || "no worker ran".to_owned())
        },
        waives: &[Waiver::CleanEnd],
        ..CASE
    },
    Case {
        id: "parent.killed-with-busy-workers",
        level: Level::Should,
        requirement: "The pool SHOULD NOT leave busy workers behind when its program is killed.",
        source: "mirai: autoexit; measured: none of twelve other pools does",
        rows: &["PAR-03"],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("a", "never")).submit("p", gated("b", "never")).hold("never");
            plan.until(tasks_begun(2)).signal(Who::Owner, 9).until(Condition::OwnerEnded);
        },
        judge: |history| {
            let begun = history.events(EventKind::Begin).count();
            require(begun == 2, || format!("{begun} of 2 tasks began"))
        },
        waives: &[Waiver::CleanEnd],
        ..CASE
    },
    Case {
        id: "parent.killed-and-the-task-returns",
        requirement: "The pool MUST NOT leave workers behind when its program is killed and their tasks have returned.",
        source: "CPython: gh-111873",
        rows: &["PAR-03"],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("never");
            plan.until(begun("a")).signal(Who::Owner, 9).until(Condition::OwnerEnded).open("go");
        },
        judge: |history| history.event(EventKind::Begin, "a").map(|_| ()),
        waives: &[Waiver::CleanEnd],
        ..CASE
    },
    Case {
        id: "parent.terminated",
        requirement: "The pool MUST NOT leave idle workers behind when its program is killed by SIGTERM.",
        source: "CPython: gh-111873; the signal of service managers",
        rows: &["PAR-02"],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a").hold("never");
            plan.until(returned("result a")).quiet().signal(Who::Owner, 15);
            plan.until(Condition::OwnerEnded);
        },
        judge: |history| history.returned("result a", 1),
        waives: &[Waiver::CleanEnd],
        ..CASE
    },
    Case {
        id: "parent.killed-starts-nothing-more",
        level: Level::Should,
        requirement: "The pool SHOULD NOT start a pending task after its program was killed.",
        source: "CPython: call_queue holds tasks that workers take without their program",
        rows: &["PAR-03"],
        kills: &["outlives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.submit("p", echo("b", 2)).submit("p", echo("c", 3)).hold("never");
            plan.until(begun("a")).until(returned("submit c")).quiet().signal(Who::Owner, 9);
            plan.until(Condition::OwnerEnded).open("go");
        },
        judge: |history| {
            history.event(EventKind::Begin, "a")?;
            let began = ["b", "c"].map(|tag| history.count(EventKind::Begin, tag));
            require(began == [0, 0], || {
                format!("{} tasks began after their program was killed", began[0] + began[1])
            })
        },
        // Another case checks whether its worker stays forever.
        waives: &[Waiver::CleanEnd, Waiver::Residue],
        ..CASE
    },
    Case {
        id: "parent.thread-ends",
        requirement: "The pool MUST keep its workers when the thread ends that created it and submitted first.",
        source: "prctl(2): PR_SET_PDEATHSIG is sent when the thread ends that started the process",
        rows: &["PAR-03"],
        needs: &[Has::Threads],
        kills: &["ends-with-its-thread"],
        plan: |plan| {
            plan.hold("later").submit("p", echo("b", 2)).result("b").result("a").shutdown("p");
            plan.client("maker").new_pool("p", workers(2)).submit("p", echo("first", 1));
            plan.result("first").submit("p", gated("a", "go"));
            // No event reports that a thread has ended; a signal that it sends arrives at once.
            plan.until(returned("submit a")).until(begun("a")).quiet().open("later");
            plan.until(returned("result b")).open("go");
        },
        judge: |history| {
            history.returned("result first", 1)?;
            history.returned("result b", 2)?;
            history.returned("result a", "a")
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[(
    "PAR-04",
    "Objects in /dev/shm may belong to another program; leak.shared-memory looks at them while the program lives.",
)];
