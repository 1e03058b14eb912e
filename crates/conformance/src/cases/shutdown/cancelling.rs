//! Shutdown that cancels, and cancellation during a shutdown.

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, EventKind, Until};

use crate::case::{CASE, Case};
use crate::history::require;
use crate::plan::{begun, call, called, echo, gated, returned, tasks_begun, workers};

use super::{cancelled, many};

const CANCEL: &str = "CPython: test_shutdown.py, test_cancel_futures";

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "shutdown.cancels",
        requirement: "The pool MUST cancel the tasks that have not begun in a shutdown that asks for it, and finish the others.",
        source: "CPython: test_cancel_futures",
        rows: &["SHUT-05"],
        needs: &[Has::ShutdownCancel],
        kills: &["shutdown-never-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 30);
            plan.hold("look").shutdown_with("p", true, true);
            (0..30).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.until(tasks_begun(2)).open("look").until(called("shutdown p")).quiet().open("go");
        },
        judge: |history| {
            let cancelled = cancelled(history, 30)?;
            // Two run, and a few more may have been sent.
            require(cancelled >= 20, || format!("{cancelled} of 30 were cancelled"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.cancelling-wakes-who-waits",
        requirement: "The pool MUST wake every waiter for a task that its shutdown cancels.",
        source: "CPython: gh-136655, of which this is the simple form",
        rows: &["SHUT-05", "WAIT-13"],
        needs: &[Has::ShutdownCancel, Has::Threads],
        kills: &["shutdown-never-cancels", "a-cancellation-wakes-one"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            many(plan, 10);
            plan.hold("look").shutdown_with("p", true, true);
            plan.client("waiter").hold("wait").result("t9");
            plan.client("other").hold("wait").result("t9");
            plan.until(begun("t0")).open("wait").until(called("result t9"));
            plan.until(called("result t9 #2")).quiet().open("look").until(called("shutdown p"));
            plan.until(returned("result t9")).until(returned("result t9 #2")).open("go");
        },
        judge: |history| {
            history.failure("result t9", &[ErrorClass::Cancelled])?;
            history.failure("result t9 #2", &[ErrorClass::Cancelled]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.cancelling-nothing",
        requirement: "The pool MUST NOT cancel finished tasks in a shutdown that cancels.",
        source: CANCEL,
        rows: &["SHUT-05"],
        kills: &["shutdown-cancels-what-is-done"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a");
            plan.submit("p", gated("b", "go")).hold("look").shutdown_with("p", true, true);
            plan.result("a").result("b");
            plan.until(begun("b")).open("look").until(called("shutdown p")).quiet().open("go");
        },
        judge: |history| {
            history.returned("result a #2", 1)?;
            history.returned("result b", "b")
        },
        ..CASE
    },
    Case {
        id: "shutdown.cancelled-among-large-results",
        requirement: "The pool MUST return from a shutdown while large results are being sent and tasks are cancelled.",
        source: "pebble: test_pool_deadlock_stop_cancel",
        rows: &["SHUT-24"],
        needs: &[Has::Blob],
        kills: &["shutdown-hangs-after-a-cancellation"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            let tags: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
            for tag in &tags {
                plan.submit("p", Call { count: Some(4 << 20), ..call(Body::Blob, tag) });
            }
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            plan.wait(&tags, Until::FirstCompleted, None);
            for tag in &tags {
                plan.cancel(tag);
            }
            plan.shutdown("p").wait(&tags, Until::AllCompleted, None);
        },
        judge: |history| {
            let begun = history.events(EventKind::Begin).count();
            require(begun > 0, || "no task ran".to_owned())?;
            history.value("shutdown p")?;
            let waited = &history.value("wait #2")?["done"];
            let done = waited.as_array().map_or(0, Vec::len);
            require(done == 10, || format!("{done} of 10 futures were done after it: {waited}"))
        },
        ..CASE
    },
];
