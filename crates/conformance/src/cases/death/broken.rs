//! Pools that break when a worker dies.

use procpool_contract::{Body, Call, Capability as Has, ErrorClass};

use crate::case::{CASE, Case};
use crate::plan::{
    Condition, begun, call, called, die, echo, ended, gated, returned, tasks_begun, worker_gone,
    worker_of, workers,
};

use super::{BREAKS, CPYTHON, is_broken, refused};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "death.fails-everything",
        requirement: "The pool MUST fail every pending and running task when a worker dies, as it declares, and lose none.",
        source: CPYTHON,
        rows: &["BRK-04"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        kills: &["hangs-on-a-death", "retries-silently"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("a", "never")).hold("more");
            plan.submit("p", gated("b", "never"));
            for number in 0..50 {
                plan.submit("p", gated(&format!("t{number}"), "never"));
            }
            plan.result("a").result("b");
            for number in 0..50 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p")
                .until(begun("a"))
                .open("more")
                .until(tasks_begun(2))
                .until(returned("submit t49"));
            plan.signal(worker_of("a"), 9);
        },
        judge: |history| {
            is_broken(history)?;
            history.failure("result b", &[ErrorClass::Broken])?;
            for number in 0..50 {
                history.failure(&format!("result t{number}"), &[ErrorClass::Broken])?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "death.ends-the-siblings",
        requirement: "The pool MUST end its other workers when one dies and it breaks, as it declares.",
        source: "loky: check_no_running_workers",
        rows: &["BRK-06"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        kills: &["deals-tasks-in-turn"],
        plan: |plan| {
            // The first task gets a worker before any other worker starts, so that the suite knows which
            // one dies.
            plan.new_pool("p", workers(3)).submit("p", gated("a", "never")).hold("first");
            plan.submit("p", gated("b", "never")).submit("p", gated("c", "never"));
            plan.result("b").hold("end").shutdown("p");
            plan.until(begun("a")).open("first").until(tasks_begun(3));
            plan.signal(worker_of("a"), 9).until(Condition::WorkersGone).open("end");
        },
        judge: |history| history.failure("result b", &[ErrorClass::Broken]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "death.siblings-that-ignore-sigterm",
        requirement: "The pool MUST also end workers that ignore SIGTERM when it is broken.",
        source: "pebble: test_process_pool_ignoring_sigterm; CPython 3.12 and 3.13.0 hang",
        rows: &["BRK-07"],
        needs: &[Has::WorkerDeath, Has::IgnoreTerm],
        only: BREAKS,
        kills: &["ends-siblings-by-sigterm"],
        plan: |plan| {
            let deaf = Call { gate: Some("never".into()), ..call(Body::IgnoreTerm, "deaf") };
            plan.new_pool("p", workers(2)).submit("p", gated("a", "never")).hold("more");
            plan.submit("p", deaf);
            plan.result("a").result("deaf").shutdown("p");
            plan.until(begun("a"))
                .open("more")
                .until(tasks_begun(2))
                .quiet()
                .signal(worker_of("a"), 9)
                .until(returned("shutdown p"));
        },
        judge: |history| {
            is_broken(history)?;
            history.failure("result deaf", &[ErrorClass::Broken]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "death.later-tasks-are-refused",
        requirement: "The pool MUST refuse tasks as broken after a worker has died, as it declares.",
        source: "CPython: test_killed_child",
        rows: &["SUB-05", "BRK-16"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        kills: &["retries-silently", "is-broken-once"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", die("a", 1)).result("a");
            // A refusal may reset what it reports.
            plan.submit("p", echo("b", 2)).result("b").submit("p", echo("c", 3)).result("c");
            plan.shutdown("p");
        },
        judge: |history| {
            is_broken(history)?;
            refused(history, "b")?;
            refused(history, "c")
        },
        ..CASE
    },
    Case {
        id: "death.wakes-everybody",
        requirement: "The pool MUST wake all waiters for the result of a task whose worker dies.",
        source: "CPython: test_killed_child",
        rows: &["FUT-02", "BRK-01"],
        needs: &[Has::WorkerDeath, Has::Threads, Has::Submit],
        kills: &["a-death-wakes-one"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).result("a");
            plan.hold("all").shutdown("p");
            plan.client("second").hold("waiting").result("a");
            plan.client("third").hold("waiting").result("a");
            plan.until(begun("a")).until(called("result a")).quiet().open("waiting");
            plan.until(called("result a #2")).until(called("result a #3")).quiet();
            plan.signal(worker_of("a"), 9);
            for step in ["result a", "result a #2", "result a #3"] {
                plan.until(returned(step));
            }
            plan.open("all");
        },
        judge: |history| {
            for step in ["result a", "result a #2", "result a #3"] {
                history.failure(step, &[ErrorClass::Broken])?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "death.idle-breaks",
        requirement: "The pool MUST refuse tasks as broken after an idle worker has died, as it declares, and MUST NOT lose one.",
        source: "loky: test_deadlock_kill",
        rows: &["BRK-16"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        kills: &["renews-a-broken-pool"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").hold("dead");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(ended("a")).until(returned("result a")).signal(worker_of("a"), 9);
            // The pool may notice it a little later than the suite.
            plan.until(worker_gone("a")).quiet().quiet().quiet().open("dead");
        },
        judge: |history| refused(history, "b"),
        ..CASE
    },
];
