//! The program that has the pool dies.

use crate::case::{CASE, Case, Level, Waiver};
use crate::contract::EventKind;
use crate::history::require;
use crate::plan::{Condition, Who, begun, echo, gated, returned, tasks_begun, workers};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "parent.killed-with-idle-workers",
        requirement: "The pool MUST NOT leave idle workers behind when its program is killed.",
        source: "CPython: gh-111873; pebble, billiard, Node's pools: measured, none is left",
        rows: &["PAR-01", "PAR-02"],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).submit("p", echo("b", 2));
            plan.result("a").result("b").hold("never");
            plan.until(returned("result b")).quiet().signal(Who::Owner, 9);
            plan.until(Condition::OwnerEnded);
        },
        // That nothing is left is a rule for every run.
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
        requirement: "The pool MUST NOT leave idle workers behind when its program is ended by SIGTERM.",
        source: "CPython: gh-111873; what service managers send",
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
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[(
    "PAR-04",
    "What lies in /dev/shm may be another program's; leak.shared-memory looks at it while the program lives.",
)];
