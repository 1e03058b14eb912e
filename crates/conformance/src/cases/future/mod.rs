//! Futures: outcomes, states, callbacks.

mod callbacks;

pub(super) use callbacks::CASES as CALLBACKS;

use std::time::Duration;

use procpool_contract::{Capability as Has, ErrorClass, EventKind, Outcome};
use serde_json::json;

use crate::case::{CASE, Case};
use crate::history::{Finding, History, require};
use crate::plan::{
    begun, called, echo, ended, fail, gated, returned, square, traced, whoami, workers,
};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_future.py";

/// Waits that time out before the one that is measured.
const EARLIER_TIMEOUTS: usize = 30;

fn state_is(history: &History, step: &str, allowed: &[&str]) -> Finding {
    let state = history.value(step)?;
    let is_one = state.as_str().is_some_and(|state| allowed.contains(&state));
    require(is_one, || format!("\"{step}\" returned {state}, not {}", allowed.join(" or ")))
}

/// A pool may release a large value early.
fn large() -> String {
    "x".repeat(1 << 20)
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "future.state-running",
        requirement: "The pool MUST report a future whose task runs as running, and neither as done nor as cancelled.",
        source: CPYTHON,
        rows: &["FUT-04"],
        needs: &[Has::State],
        kills: &["is-always-done"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go")).hold("look");
            // A pool may notice it a little later than the suite.
            plan.until(begun("a")).quiet().open("look");
            plan.state("a").hold("go").result("a").result("b").shutdown("p");
            plan.until(returned("state a")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            state_is(history, "state a", &["running"])
        },
        ..CASE
    },
    Case {
        id: "future.state-done",
        requirement: "The pool MUST report a future that has a result as done, from then on.",
        source: CPYTHON,
        rows: &["FUT-04", "FUT-11"],
        needs: &[Has::State],
        kills: &["state-goes-backwards"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a");
            plan.state("a").state("a").shutdown("p").state("a");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            state_is(history, "state a", &["done"])?;
            state_is(history, "state a #2", &["done"])?;
            state_is(history, "state a #3", &["done"])
        },
        ..CASE
    },
    Case {
        id: "future.state-failed",
        requirement: "The pool MUST report a future whose task has failed as done, and not as cancelled.",
        source: CPYTHON,
        rows: &["FUT-04"],
        needs: &[Has::State],
        kills: &["reports-a-failed-task-as-cancelled"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", fail("a", "oh")).result("a").state("a");
            plan.shutdown("p");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Task])?;
            state_is(history, "state a", &["done"])
        },
        ..CASE
    },
    Case {
        id: "future.state-cancelled",
        requirement: "The pool MUST report a future that was cancelled as cancelled.",
        source: CPYTHON,
        rows: &["FUT-04"],
        needs: &[Has::State, Has::Cancel],
        kills: &["is-always-done"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            // Far enough back in the queue that no worker takes it next.
            for tag in ["a", "b", "c", "d", "e", "f"] {
                plan.submit("p", gated(tag, "go"));
            }
            plan.hold("look").cancel("f").state("f").shutdown("p");
            plan.until(begun("a")).open("look").until(returned("state f")).open("go");
        },
        judge: |history| {
            history.returned("cancel f", true)?;
            state_is(history, "state f", &["cancelled"])
        },
        ..CASE
    },
    Case {
        id: "future.same-outcome-every-time",
        requirement: "The pool MUST return the same result or error to every reader, however often it is read.",
        source: CPYTHON,
        rows: &["FUT-09", "FUT-11"],
        kills: &["forgets-an-error-that-was-read", "lies-at-first", "releases-a-large-result"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", json!([1, "two", null])));
            plan.submit("p", fail("b", "oh")).submit("p", echo("c", large()));
            for _ in 0..2 {
                plan.result("a").result("b").result("c");
            }
            plan.shutdown("p").result("a").result("b").result("c");
        },
        judge: |history| {
            for time in ["", " #2", " #3"] {
                history.returned(&format!("result a{time}"), json!([1, "two", null]))?;
                history.failure(&format!("result b{time}"), &[ErrorClass::Task])?;
                history.returned(&format!("result c{time}"), large())?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "future.wakes-who-waits",
        requirement: "The pool MUST wake a waiter for a result when the task returns.",
        source: CPYTHON,
        rows: &["FUT-02"],
        kills: &["loses-a-wake-up"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("waiting");
            plan.result("a").shutdown("p");
            plan.until(begun("a")).open("waiting").until(called("result a")).quiet().open("go");
        },
        judge: |history| history.returned("result a", "a"),
        ..CASE
    },
    Case {
        id: "future.wakes-everybody",
        requirement: "The pool MUST wake all waiters for the same result, or the same error.",
        source: CPYTHON,
        rows: &["FUT-02"],
        needs: &[Has::Threads],
        kills: &["an-error-wakes-one", "loses-a-wake-up"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.submit("p", gated("b", "then")).submit("p", fail("c", "oh")).hold("waiting");
            // A pool may end at its shutdown what has not failed by then.
            plan.result("a").hold("all").result("c").shutdown("p");
            plan.client("second").hold("waiting").result("a").result("c");
            plan.client("third").hold("waiting").result("a").result("c");
            plan.until(begun("a")).open("waiting").until(called("result a")).quiet().open("go");
            plan.until(called("result c #2")).until(called("result c #3")).quiet().open("then");
            plan.until(called("gate all")).open("all");
        },
        judge: |history| {
            for time in ["", " #2", " #3"] {
                history.returned(&format!("result a{time}"), "a")?;
                history.failure(&format!("result c{time}"), &[ErrorClass::Task])?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "future.timeout-raises",
        requirement: "The pool MUST end a wait for a result at its timeout, with a distinct error.",
        source: CPYTHON,
        rows: &["FUT-01", "TMO-01", "TMO-08"],
        needs: &[Has::ResultTimeout],
        kills: &["ignores-result-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("waiting");
            plan.result_within("a", 0).result_within("a", 60).result("a").shutdown("p");
            plan.until(begun("a")).open("waiting").until(called("result a #3")).open("go");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.failure("result a #2", &[ErrorClass::Timeout])?;
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "future.timeout-not-early",
        requirement: "The pool MUST NOT end a wait for a result before its timeout, however many waits have timed out.",
        source: CPYTHON,
        rows: &["TMO-01"],
        needs: &[Has::ResultTimeout],
        kills: &[
            "timeout-too-early",
            "second-timeout-is-none",
            "gives-up-after-twenty-timeouts",
            "timeout-is-a-second-at-most",
        ],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for _ in 0..EARLIER_TIMEOUTS {
                plan.result_within("a", 0);
            }
            plan.result_within("a", 300).result_within("a", 100).result_within("a", 60_000);
            // Longer than a second, for a pool that waits a second at a time.
            plan.shutdown("p").until(called(&format!("result a #{}", EARLIER_TIMEOUTS + 3)));
            plan.pause(Duration::from_millis(1_500)).open("go");
        },
        judge: |history| {
            for (number, limit) in [(1, 300), (2, 100)] {
                let step = format!("result a #{}", EARLIER_TIMEOUTS + number);
                history.failure(&step, &[ErrorClass::Timeout])?;
                let waited = (history.ended_at(&step)? - history.step(&step)?.begin) / 1_000_000;
                // Clocks of milliseconds round down.
                require(waited >= limit - 2, || {
                    format!("it gave up after {waited} ms of {limit} ms")
                })?;
            }
            history.returned(&format!("result a #{}", EARLIER_TIMEOUTS + 3), "a")
        },
        ..CASE
    },
    Case {
        id: "future.timeout-changes-nothing",
        requirement: "The pool MUST let a task continue after a wait for its result has timed out.",
        source: CPYTHON,
        rows: &["TMO-01"],
        needs: &[Has::ResultTimeout],
        kills: &["result-timeout-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("waiting");
            plan.result_within("a", 20).result("a").shutdown("p");
            plan.until(begun("a")).open("waiting").until(called("result a #2")).open("go");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.returned("result a #2", "a")
        },
        ..CASE
    },
    Case {
        id: "future.timeout-of-what-is-done",
        requirement: "The pool MUST return an available result, even to a wait with a timeout of zero.",
        source: CPYTHON,
        rows: &["FUT-01"],
        needs: &[Has::ResultTimeout],
        kills: &["lies-at-first"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", whoami("a")).submit("p", fail("b", "oh"));
            plan.result("a").result_within("a", 0).result("b").result_within("b", 0).shutdown("p");
        },
        judge: |history| {
            let worker = history.event(EventKind::Begin, "a")?.pid;
            let said = &history.value("result a #2")?["pid"];
            require(*said == worker, || format!("\"a\" ran in {worker}, and said {said}"))?;
            history.failure("result b #2", &[ErrorClass::Task]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "future.task-beside-a-failing-map",
        requirement: "The pool MUST return the results of other tasks when an item of a map fails.",
        source: "CPython: documentation of Executor.map; Promise.all rejects alone",
        rows: &["MAP-06", "SUB-25"],
        needs: &[Has::Submit, Has::Map],
        kills: &["failing-map-spoils-running-tasks"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("a", "go")).hold("begun");
            plan.map("p", vec![square("m0", 2), fail("m1", "oh")]).submit("p", echo("b", 2));
            plan.result("b").result("a").shutdown("p");
            plan.until(begun("a")).open("begun").until(returned("result b")).open("go");
        },
        judge: |history| {
            let items = history.items("map p")?;
            let failed = items.iter().any(|item| matches!(item, Outcome::Error(_)));
            require(failed, || format!("no item failed: {items:?}"))?;
            history.returned("result b", 2)?;
            history.returned("result a", "a")
        },
        ..CASE
    },
    Case {
        id: "future.task-beside-a-closed-map",
        requirement: "The pool MUST run other pending tasks when a map is dropped before its end.",
        source: "CPython: documentation of Executor.map; a map cancels its own futures",
        rows: &["MAP-13", "SUB-25"],
        needs: &[Has::Submit, Has::LazyMap],
        kills: &["closing-a-map-spoils-pending-tasks"],
        plan: |plan| {
            let calls = vec![square("m0", 2), gated("m1", "go"), square("m2", 3)];
            plan.new_pool("p", workers(1)).map_open("p", "m", calls, Default::default());
            plan.map_next("m").submit("p", echo("b", 2)).hold("begun").map_close("m");
            plan.result("b").shutdown("p");
            plan.until(begun("m1")).open("begun").until(returned("map_close m")).open("go");
        },
        judge: |history| {
            history.value("map_close m")?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "future.results-in-any-order",
        requirement: "The pool MUST return results in any order in which they are read.",
        source: "procspawn 1.0.2 hangs when handles are joined in the reverse order",
        rows: &["SUB-25"],
        kills: &["forgets-a-future"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..10 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            for number in (0..10).rev() {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p").until(ended("t0"));
        },
        judge: |history| {
            (0..10).try_for_each(|number| history.returned(&format!("result t{number}"), number))
        },
        ..CASE
    },
    Case {
        id: "future.discarded-futures-hold-up-nobody",
        requirement: "The pool MUST keep working when the results of tasks are never read.",
        source: "procspawn 1.0.2: a finished handle that is not joined blocks its worker",
        rows: &["SUB-24"],
        kills: &["returns-the-oldest-unread-result"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..50 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.submit("p", echo("last", "here")).result("last").hold("all").shutdown("p");
            // The last callback need not be the last to return.
            plan.until(traced(EventKind::End, 51)).open("all");
        },
        judge: |history| {
            history.returned("result last", "here")?;
            let ended = history.events(EventKind::End).count();
            require(ended == 51, || format!("{ended} of 51 tasks ran"))
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    (
        "FUT-03",
        "For pools that cannot cancel running tasks, no gate can order one client's cancel and another client's wait.",
    ),
    ("FUT-10", "The text form of a future depends on the language."),
    ("FUT-12", "How futures of two libraries fit together depends on the language."),
    ("FUT-15", "Whether errors are one object or several depends on the language."),
    ("FUT-16", "The contract has no asynchronous runtime."),
    (
        "FUT-17",
        "A late reply is not visible from outside; a rule for every run checks that a future has one outcome.",
    ),
];
