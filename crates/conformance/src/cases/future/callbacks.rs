//! Callbacks of futures.

use procpool_contract::{Capability as Has, ErrorClass, EventKind};

use super::CPYTHON;
use crate::case::{CASE, Case};
use crate::history::{Finding, History, require};
use crate::plan::{begun, called, echo, fail, gated, returned, worker_of, workers};

fn called_back(history: &History, label: &str, times: usize) -> Finding {
    let count = history.count(EventKind::Callback, label);
    require(count == times, || {
        format!("the callback \"{label}\" was called {count} times, not {times}")
    })
}

/// Tasks behind one that runs.
const BEHIND: [&str; 5] = ["b", "c", "d", "e", "f"];

/// Forty labels.
fn labels() -> Vec<String> {
    (0..40).map(|number| format!("c{number}")).collect()
}

/// More tasks, each with a callback that fails: a pool may put up with the first ones.
const MORE: [&str; 5] = ["c", "d", "e", "f", "g"];

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "future.callback-once",
        requirement: "The pool MUST call a callback once when the task returns, and not before.",
        source: CPYTHON,
        rows: &["FUT-05"],
        needs: &[Has::Callbacks],
        kills: &["delivers-twice", "drops-a-callback", "calls-back-early"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).callback("a", "c");
            plan.result("a").shutdown("p");
            plan.until(begun("a")).until(returned("callback c")).quiet().open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            called_back(history, "c", 1)?;
            let call = history.event(EventKind::Callback, "c")?.at;
            let end = history.event(EventKind::End, "a")?.at;
            require(end <= call, || {
                "the callback was called before the task had returned".to_owned()
            })
        },
        ..CASE
    },
    Case {
        id: "future.callback-of-what-is-done",
        requirement: "The pool MUST call a callback that is added to a future that is done.",
        source: CPYTHON,
        rows: &["FUT-06"],
        needs: &[Has::Callbacks],
        kills: &["drops-a-callback", "calls-no-callback-after-an-error"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").callback("a", "c");
            plan.submit("p", fail("b", "oh")).result("b").callback("b", "d").shutdown("p");
        },
        judge: |history| {
            called_back(history, "c", 1)?;
            called_back(history, "d", 1)
        },
        ..CASE
    },
    Case {
        id: "future.callback-of-an-error",
        requirement: "The pool MUST also call a callback when the task fails.",
        source: CPYTHON,
        rows: &["FUT-05"],
        needs: &[Has::Callbacks],
        kills: &["calls-back-after-success-only"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("b", "go"))
                .submit("p", fail("a", "oh"));
            plan.callback("a", "c").hold("go").result("a").shutdown("p");
            plan.until(returned("callback c")).open("go");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Task])?;
            called_back(history, "c", 1)
        },
        ..CASE
    },
    Case {
        id: "future.callback-of-a-cancellation",
        requirement: "The pool MUST call each callback once when the future is cancelled, also behind one that fails.",
        source: CPYTHON,
        rows: &["FUT-05", "FUT-14", "CAN-06"],
        needs: &[Has::Callbacks, Has::Cancel],
        kills: &["delivers-twice"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for tag in ["a", "b", "c", "d", "e", "f"] {
                plan.submit("p", gated(tag, "go"));
            }
            plan.failing_callback("f", "fails")
                .callback("f", "cancelled")
                .hold("look")
                .cancel("f")
                .hold("go")
                .shutdown("p");
            plan.until(begun("a")).open("look").until(returned("cancel f")).open("go");
        },
        judge: |history| {
            history.returned("cancel f", true)?;
            called_back(history, "fails", 1)?;
            called_back(history, "cancelled", 1)
        },
        ..CASE
    },
    Case {
        id: "future.callback-of-a-death",
        requirement: "The pool MUST call a callback when the worker that runs the task dies, and those of the tasks behind it.",
        source: "pebble: test_process_pool_expired callback; CPython: test_deadlock.py",
        rows: &["FUT-14"],
        needs: &[Has::Callbacks, Has::WorkerDeath],
        kills: &["breaks-without-calling-back", "calls-back-after-success-only"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).callback("a", "a");
            // Far enough back in the queue that some of them are pending.
            for tag in BEHIND {
                plan.submit("p", echo(tag, 1)).callback(tag, tag);
            }
            plan.result("a").shutdown("p");
            plan.until(begun("a")).until(returned("callback f")).signal(worker_of("a"), 9);
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Broken])?;
            called_back(history, "a", 1)?;
            BEHIND.iter().try_for_each(|label| called_back(history, label, 1))
        },
        ..CASE
    },
    Case {
        id: "future.callback-of-a-cancelling-shutdown",
        requirement: "The pool MUST call a callback once when a shutdown cancels the task.",
        source: CPYTHON,
        rows: &["FUT-05", "FUT-14", "SHUT-09"],
        needs: &[Has::Callbacks, Has::ShutdownCancel, Has::ShutdownNowait],
        kills: &["shutdown-cancels-without-calling-back"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for tag in BEHIND {
                plan.submit("p", echo(tag, 1)).callback(tag, tag);
            }
            plan.hold("look").shutdown_with("p", false, true).result("f").shutdown("p");
            plan.until(begun("a")).until(returned("callback f")).open("look");
            plan.until(returned("shutdown p")).open("go");
        },
        judge: |history| {
            history.failure("result f", &[ErrorClass::Cancelled])?;
            BEHIND.iter().try_for_each(|label| called_back(history, label, 1))
        },
        ..CASE
    },
    Case {
        id: "future.callbacks-do-not-know-each-other",
        requirement: "The pool MUST call the other callbacks of a future when one of them fails, and keep working.",
        source: CPYTHON,
        rows: &["FUT-07", "FUT-08"],
        needs: &[Has::Callbacks],
        kills: &["stops-at-a-failing-callback", "calls-nothing-after-three-failed-callbacks"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.callback("a", "first").failing_callback("a", "fails").callback("a", "last");
            for tag in MORE {
                plan.submit("p", gated(tag, "go")).failing_callback(tag, &format!("{tag} fails"));
                plan.callback(tag, &format!("{tag} last"));
            }
            plan.hold("go").result("a").submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(called("gate go")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.returned("result b", 2)?;
            let more =
                MORE.iter().flat_map(|tag| ["fails", "last"].map(|it| format!("{tag} {it}")));
            let labels = ["first", "fails", "last"].map(str::to_owned).into_iter().chain(more);
            labels.into_iter().try_for_each(|label| called_back(history, &label, 1))
        },
        ..CASE
    },
    Case {
        id: "future.callback-after-the-result",
        requirement: "The pool MUST report a future as done, with a result or an error, to its own callbacks.",
        source: "CPython: documentation of Future.add_done_callback",
        rows: &["FUT-05"],
        needs: &[Has::Callbacks, Has::State],
        kills: &["calls-back-before-the-result"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.submit("p", fail("b", "oh")).reading_callback("a", "c").reading_callback("b", "d");
            plan.result("a").result("b").shutdown("p").until(returned("callback d")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.failure("result b", &[ErrorClass::Task])?;
            let mut called: Vec<&str> =
                history.events(EventKind::Callback).map(|event| event.tag.as_str()).collect();
            called.sort_unstable();
            require(called == ["c done", "d done"], || format!("they saw {called:?}"))
        },
        ..CASE
    },
    Case {
        id: "future.callbacks-in-order",
        requirement: "The pool MUST call all callbacks of a future, in the order in which they were added.",
        source: "CPython: documentation of Future.add_done_callback",
        rows: &["FUT-05"],
        needs: &[Has::Callbacks],
        kills: &["calls-back-last-first", "keeps-sixteen-callbacks"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for label in labels() {
                plan.callback("a", &label);
            }
            plan.result("a").shutdown("p").until(returned("callback c39")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            let called: Vec<&str> =
                history.events(EventKind::Callback).map(|event| event.tag.as_str()).collect();
            require(called == labels(), || format!("they ran as {called:?}"))
        },
        ..CASE
    },
];
