//! Pools and processes in tasks.

use procpool_contract::{Body, Call, Capability as Has, ErrorClass};

use crate::case::{CASE, Case, Waiver};
use crate::history::{Finding, History, require};
use crate::plan::{Plan, call, echo, tasks_begun, worker_of, workers};

fn nest(tag: &str, depth: u64) -> Call {
    Call { count: Some(depth), ..call(Body::Nest, tag) }
}

/// Later tasks of the same worker, which have pools, too.
const AGAIN: [&str; 6] = ["c", "d", "e", "f", "g", "h"];

fn nested(plan: &mut Plan, depth: u64) {
    plan.new_pool("p", workers(1)).submit("p", nest("a", depth)).result("a");
    plan.submit("p", echo("b", 2)).result("b").shutdown("p");
}

/// A task could invent a number; processes prove that there is a pool.
fn ran_in(history: &History, least: usize) -> Finding {
    let workers = history.workers().len();
    require(workers >= least, || {
        format!("tasks ran in {workers} processes, where each of {least} has a pool of its own")
    })
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "nested.task-starts-a-process",
        requirement: "The pool MUST let a task start a program and read its exit status.",
        source: "pebble: test_process_pool_child_process",
        rows: &["NEST-01"],
        needs: &[Has::ChildProcess],
        kills: &["loses-the-status-of-a-tasks-process"],
        plan: |plan| {
            let exiting = |tag, code| Call { code: Some(code), ..call(Body::Child, tag) };
            plan.new_pool("p", workers(1)).submit("p", exiting("a", 3)).result("a");
            plan.submit("p", exiting("b", 0)).result("b").shutdown("p");
        },
        judge: |history| {
            // 0 is also what a program sees that does not learn it.
            history.returned("result a", 3)?;
            history.returned("result b", 0)
        },
        ..CASE
    },
    Case {
        id: "nested.task-makes-a-pool",
        requirement: "The pool MUST let a task create, use and shut down a pool of its own.",
        source: "pebble: test_process_pool_child_pool; procspawn: test_nested",
        rows: &["NEST-02"],
        needs: &[Has::Nested],
        kills: &["pretends-to-nest", "nests-four-times-at-most"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", nest("a", 1)).result("a");
            for tag in AGAIN {
                plan.submit("p", nest(tag, 1)).result(tag);
            }
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            for tag in AGAIN {
                history.returned(&format!("result {tag}"), 1)?;
            }
            ran_in(history, 2)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "nested.process-after-a-pool",
        requirement: "The pool MUST let a task start a program and read its exit status after a task that had a pool.",
        source: "pebble: test_process_pool_child_process",
        rows: &["NEST-01", "NEST-02"],
        needs: &[Has::Nested, Has::ChildProcess],
        kills: &["a-nested-pool-takes-later-statuses"],
        plan: |plan| {
            let child = Call { code: Some(3), ..call(Body::Child, "b") };
            plan.new_pool("p", workers(1)).submit("p", nest("a", 1)).result("a");
            plan.submit("p", child).result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            history.returned("result b", 3)
        },
        ..CASE
    },
    Case {
        id: "nested.three-deep",
        requirement: "The pool MUST let tasks create pools whose tasks create pools.",
        source: "loky: test_max_depth",
        rows: &["NEST-03", "NEST-04"],
        needs: &[Has::Nested],
        kills: &["pretends-to-nest"],
        plan: |plan| nested(plan, 3),
        judge: |history| {
            history.returned("result a", 3)?;
            ran_in(history, 4)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "nested.several-at-once",
        requirement: "The pool MUST let several tasks have pools of their own at the same time.",
        source: "loky: test_no_deadlock_on_nested_reusable_exector",
        rows: &["NEST-02", "NEST-04"],
        needs: &[Has::Nested],
        kills: &["pretends-to-nest"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for tag in ["a", "b", "c", "d"] {
                plan.submit("p", nest(tag, 1));
            }
            plan.result("a").result("b").result("c").result("d").shutdown("p");
        },
        judge: |history| {
            for tag in ["a", "b", "c", "d"] {
                history.returned(&format!("result {tag}"), 1)?;
            }
            // One for each nested pool, and at least one that ran the outer task.
            ran_in(history, 5)
        },
        ..CASE
    },
    Case {
        id: "nested.dies-with-its-owner",
        requirement: "The pool MUST NOT leave the workers of a nested pool behind when the worker that owns it is killed.",
        source: "CPython: gh-111873; loky: #363",
        rows: &["NEST-04"],
        needs: &[Has::Nested, Has::WorkerDeath],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", nest("a", 6)).result("a").shutdown("p");
            plan.until(tasks_begun(2)).signal(worker_of("a"), 9);
        },
        judge: |history| {
            ran_in(history, 2)?;
            // All tasks may have ended before the signal arrived.
            if history.value("result a").is_err() {
                history.failure("result a", &[ErrorClass::Broken])?;
            }
            require(history.left.is_empty(), || {
                format!("left after the program: {}", history.left.join("; "))
            })
        },
        waives: &[Waiver::Residue],
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("NEST-05", "The contract's nested tasks do not fail.")];
