//! Limits of time for tasks and for idle workers.

use std::time::Duration;

use crate::case::{CASE, Case};
use crate::contract::{Body, Call, Capability as Has, ErrorClass, EventKind, PoolOptions};
use crate::history::require;
use crate::plan::{
    Condition, begun, call, echo, gated, returned, sleep, tasks_begun, worker_gone, workers,
};

const PEBBLE: &str = "pebble: test_process_pool_timeout";
const LOKY: &str = "loky: test_worker_timeout";

fn limited(count: i64, limit: u64) -> PoolOptions {
    PoolOptions { task_timeout: Some(limit), ..workers(count) }
}

fn leaving(count: i64, limit: u64) -> PoolOptions {
    PoolOptions { idle_timeout: Some(limit), ..workers(count) }
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "timeout.task-is-ended",
        requirement: "The pool MUST end a task that exceeds its limit, with an error of its own.",
        source: PEBBLE,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["never-times-out"],
        plan: |plan| {
            plan.new_pool("p", limited(1, 150)).submit("p", gated("a", "never")).result("a");
            plan.hold("end").shutdown("p");
            plan.until(begun("a")).until(returned("result a")).until(worker_gone("a")).open("end");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            let begun = history.event(EventKind::Begin, "a")?.at;
            let told = history.ended_at("result a")?;
            require(told >= begun + 148_000_000, || {
                format!("it was ended after {} ms", (told - begun) / 1_000_000)
            })
        },
        ..CASE
    },
    Case {
        id: "timeout.next-task-in-another-worker",
        requirement: "The pool MUST go on in another worker after a task has exceeded its limit.",
        source: PEBBLE,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        plan: |plan| {
            plan.new_pool("p", limited(1, 2_000)).submit("p", gated("a", "never"));
            plan.submit("p", echo("b", 2)).result("a").result("b").shutdown("p");
            plan.until(begun("a"));
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.returned("result b", 2)?;
            let (first, second) = (
                history.event(EventKind::Begin, "a")?.pid,
                history.event(EventKind::Begin, "b")?.pid,
            );
            require(first != second, || format!("worker {first} ran the next task"))
        },
        ..CASE
    },
    Case {
        id: "timeout.task-that-ignores-sigterm",
        requirement: "The pool MUST end a task that exceeds its limit and does not listen to SIGTERM.",
        source: "pebble: test_process_pool_ignoring_sigterm",
        rows: &["TMO-03"],
        needs: &[Has::TaskTimeout, Has::IgnoreTerm],
        kills: &["never-times-out"],
        plan: |plan| {
            let deaf = Call { gate: Some("never".into()), ..call(Body::IgnoreTerm, "a") };
            plan.new_pool("p", limited(1, 300)).submit("p", deaf).result("a").hold("end");
            plan.shutdown("p").until(begun("a")).until(worker_gone("a")).open("end");
        },
        judge: |history| history.failure("result a", &[ErrorClass::Timeout]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "timeout.quick-tasks-are-let-be",
        requirement: "The pool MUST NOT end a task that keeps to its limit, however long it waited for a worker.",
        source: PEBBLE,
        rows: &["TMO-02", "MAP-12"],
        needs: &[Has::TaskTimeout],
        plan: |plan| {
            plan.new_pool("p", limited(1, 3_000));
            for number in 0..20 {
                plan.submit("p", sleep(&format!("t{number}"), 200));
            }
            for number in 0..20 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            (0..20).try_for_each(|number| {
                history.returned(&format!("result t{number}"), format!("t{number}"))
            })
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-workers-leave",
        requirement: "The pool MUST let workers leave that have been idle for longer than they may, and go on after that.",
        source: LOKY,
        rows: &["TMO-05"],
        needs: &[Has::IdleTimeout],
        kills: &["never-idles-out"],
        plan: |plan| {
            plan.new_pool("p", leaving(2, 50));
            plan.submit("p", gated("a", "go"))
                .submit("p", gated("b", "go"))
                .result("a")
                .result("b");
            plan.hold("again").submit("p", echo("c", 3)).result("c").shutdown("p");
            plan.until(tasks_begun(2)).open("go").until(returned("result b"));
            plan.until(Condition::WorkersGone).open("again");
        },
        judge: |history| history.returned("result c", 3),
        ..CASE
    },
    Case {
        id: "timeout.idle-loses-no-task",
        requirement: "The pool MUST run every task that comes while a worker leaves because it was idle.",
        source: "loky: test_worker_timeout_with_slowly_pickling_objects",
        rows: &["TMO-06"],
        needs: &[Has::IdleTimeout],
        plan: |plan| {
            plan.new_pool("p", leaving(1, 10));
            for number in 0..30 {
                let tag = format!("t{number}");
                // The pauses end around the time at which the worker leaves.
                plan.submit("p", sleep(&tag, 1)).result(&tag);
                plan.hold(&format!("g{number}"));
            }
            plan.shutdown("p");
            for number in 0..30 {
                plan.until(returned(&format!("result t{number}")));
                plan.pause(Duration::from_micros(7_000 + 250 * number)).open(&format!("g{number}"));
            }
        },
        judge: |history| {
            (0..30).try_for_each(|number| {
                history.returned(&format!("result t{number}"), format!("t{number}"))
            })
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-does-not-end-busy-ones",
        requirement: "The pool MUST NOT let a worker leave that runs a task, though the others are idle.",
        source: LOKY,
        rows: &["TMO-05"],
        needs: &[Has::IdleTimeout],
        plan: |plan| {
            plan.new_pool("p", leaving(2, 30)).submit("p", gated("a", "go"));
            plan.submit("p", echo("b", 2)).result("b").hold("go").result("a").shutdown("p");
            plan.until(begun("a")).until(returned("result b")).until(worker_gone("b")).quiet();
            plan.open("go");
        },
        judge: |history| history.returned("result a", "a"),
        ..CASE
    },
    Case {
        id: "timeout.idle-and-shutdown",
        requirement: "The pool MUST end when it is shut down while workers leave because they were idle.",
        source: "loky: test_worker_timeout_shutdown_no_deadlock",
        rows: &["TMO-07"],
        needs: &[Has::IdleTimeout],
        plan: |plan| {
            for round in 0..6 {
                let (pool, tag) = (format!("p{round}"), format!("t{round}"));
                plan.new_pool(&pool, leaving(2, 1)).submit(&pool, echo(&tag, round)).result(&tag);
                plan.shutdown(&pool);
            }
        },
        judge: |history| {
            (0..6).try_for_each(|round| history.returned(&format!("result t{round}"), round))
        },
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("TMO-04", "A time that is no number is a matter of the language's types.")];
