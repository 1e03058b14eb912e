//! Cancelling.

use procpool_contract::{Capability as Has, ErrorClass, EventKind, policy};
use serde_json::{Value, json};

use crate::case::{CASE, Case, Only};
use crate::history::require;
use crate::plan::{Plan, begun, echo, gated, returned, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_future.py, test_cancel";

/// Six tasks on one worker: the first one runs, and the last one is not the next of any worker.
fn six_tasks(plan: &mut Plan) -> &mut Plan {
    plan.new_pool("p", workers(1));
    for tag in ["a", "b", "c", "d", "e", "f"] {
        plan.submit("p", gated(tag, "go"));
    }
    plan.hold("look");
    plan.until(begun("a")).open("look")
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "cancel.pending",
        requirement: "The pool MUST cancel a pending task, and never run it.",
        source: CPYTHON,
        rows: &["CAN-01", "CAN-02", "CAN-03"],
        needs: &[Has::Cancel],
        kills: &["refuses-to-cancel", "runs-a-cancelled-task"],
        plan: |plan| {
            six_tasks(plan);
            plan.cancel("f").result("f").result("a").result("e").shutdown("p");
            plan.until(returned("result f")).open("go");
        },
        judge: |history| {
            history.returned("cancel f", true)?;
            history.failure("result f", &[ErrorClass::Cancelled])?;
            history.returned("result e", "e")?;
            let ran = history.count(EventKind::Begin, "f");
            require(ran == 0, || "the cancelled task ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "cancel.after-a-wait-timed-out",
        requirement: "The pool MUST cancel a pending task after a wait for its result has timed out, and never run it.",
        source: CPYTHON,
        rows: &["CAN-01", "TMO-01"],
        needs: &[Has::Cancel, Has::ResultTimeout],
        kills: &["cancels-nothing-after-a-timeout"],
        plan: |plan| {
            six_tasks(plan);
            plan.result_within("f", 50).cancel("f").result("f").result("a").shutdown("p");
            plan.until(returned("cancel f")).open("go");
        },
        judge: |history| {
            history.failure("result f", &[ErrorClass::Timeout])?;
            history.returned("cancel f", true)?;
            history.failure("result f #2", &[ErrorClass::Cancelled])?;
            let ran = history.count(EventKind::Begin, "f");
            require(ran == 0, || "the cancelled task ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "cancel.after-many-tasks",
        requirement: "The pool MUST cancel a pending task after any number of tasks.",
        source: CPYTHON,
        rows: &["CAN-01"],
        needs: &[Has::Cancel],
        kills: &["cancels-nothing-after-100-tasks"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..120 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.result("t119").submit("p", gated("a", "go")).submit("p", echo("b", 1));
            plan.submit("p", echo("c", 2)).submit("p", echo("d", 3)).submit("p", echo("e", 4));
            plan.hold("busy").cancel("e").result("e").result("a").shutdown("p");
            plan.until(begun("a")).open("busy").until(returned("cancel e")).open("go");
        },
        judge: |history| {
            history.returned("cancel e", true)?;
            history.failure("result e", &[ErrorClass::Cancelled])?;
            history.returned("result a", "a")
        },
        ..CASE
    },
    Case {
        id: "cancel.after-a-shutdown-without-waiting",
        requirement: "The pool MUST cancel a task after a shutdown that did not wait, and never run it, or refuse that and run it.",
        source: "CPython: documentation of Executor.shutdown, pending futures are executed",
        rows: &["CAN-01", "SHUT-05"],
        needs: &[Has::Cancel, Has::ShutdownNowait],
        kills: &["cancels-in-words-after-nowait"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            // Far enough back in the queue that no worker takes it next.
            for tag in ["b", "c", "d", "e", "f"] {
                plan.submit("p", echo(tag, 1));
            }
            plan.hold("look").shutdown_with("p", false, false).cancel("f").hold("go").result("f");
            plan.until(begun("a")).open("look").until(returned("cancel f")).open("go");
        },
        judge: |history| {
            if history.value("cancel f")? == &json!(false) {
                return history.returned("result f", 1);
            }
            history.returned("cancel f", true)?;
            history.failure("result f", &[ErrorClass::Cancelled])?;
            let ran = history.count(EventKind::Begin, "f");
            require(ran == 0, || "it was cancelled, and ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "cancel.twice",
        requirement: "The pool MUST report success when a cancelled future is cancelled again, any number of times.",
        source: CPYTHON,
        rows: &["CAN-01"],
        needs: &[Has::Cancel],
        kills: &["cancels-only-once"],
        plan: |plan| {
            six_tasks(plan);
            plan.cancel("f").cancel("f").shutdown("p");
            plan.until(returned("cancel f #2")).open("go");
        },
        judge: |history| {
            history.returned("cancel f", true)?;
            history.returned("cancel f #2", true)
        },
        ..CASE
    },
    Case {
        id: "cancel.running-is-refused",
        requirement: "The pool MUST NOT cancel a running task, and its result MUST arrive.",
        source: CPYTHON,
        rows: &["CAN-01", "CAN-05"],
        needs: &[Has::Cancel],
        only: Some(Only {
            words: "cancel_running is refuse",
            holds: |policies| policies.cancel_running == Some(policy::CancelRunning::Refuse),
        }),
        kills: &["cancels-a-running-task"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("look");
            plan.cancel("a").result("a").shutdown("p");
            plan.until(begun("a")).open("look").until(returned("cancel a")).open("go");
        },
        judge: |history| {
            history.returned("cancel a", false)?;
            history.returned("result a", "a")
        },
        ..CASE
    },
    Case {
        id: "cancel.running-is-killed",
        requirement: "The pool MUST end a running task that it cancels, and run the next one in another worker.",
        source: "pebble: test_process_pool_cancel",
        rows: &["CAN-05"],
        needs: &[Has::Cancel],
        only: Some(Only {
            words: "cancel_running is kill",
            holds: |policies| policies.cancel_running == Some(policy::CancelRunning::Kill),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).hold("look");
            plan.cancel("a").result("a").submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(begun("a")).open("look").until(crate::plan::worker_gone("a"));
        },
        judge: |history| {
            history.returned("cancel a", true)?;
            history.failure("result a", &[ErrorClass::Cancelled])?;
            history.returned("result b", 2)?;
            let (first, second) = (
                history.event(EventKind::Begin, "a")?.pid,
                history.event(EventKind::Begin, "b")?.pid,
            );
            require(first != second, || format!("the worker {first} ran the next task"))
        },
        ..CASE
    },
    Case {
        id: "cancel.done-is-refused",
        requirement: "The pool MUST NOT cancel a task that has returned or failed, and MUST keep its outcome.",
        source: CPYTHON,
        rows: &["CAN-01"],
        needs: &[Has::Cancel],
        kills: &["cancels-what-is-done"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").cancel("a");
            plan.result("a").submit("p", crate::plan::fail("b", "oh")).result("b").cancel("b");
            plan.result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("cancel a", false)?;
            history.returned("result a #2", 1)?;
            history.returned("cancel b", false)?;
            history.failure("result b #2", &[ErrorClass::Task]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "cancel.others-run",
        requirement: "The pool MUST run the tasks before and after one that is cancelled.",
        source: "mpi4py.futures: test_submit_cancel",
        rows: &["CAN-02"],
        needs: &[Has::Cancel],
        kills: &["cancels-the-next-one-too"],
        plan: |plan| {
            six_tasks(plan);
            plan.cancel("e").result("a").result("b").result("c").result("d").result("f");
            plan.shutdown("p").until(returned("cancel e")).open("go");
        },
        judge: |history| {
            history.returned("cancel e", true)?;
            ["a", "b", "c", "d", "f"]
                .into_iter()
                .try_for_each(|tag| history.returned(&format!("result {tag}"), tag))
        },
        ..CASE
    },
    Case {
        id: "cancel.few-cannot-be",
        level: crate::case::Level::Should,
        requirement: "The pool SHOULD be able to cancel all but a few pending tasks: at most one more than it has workers are exempt.",
        source: "CPython: the call queue holds max_workers + 1 tasks (EXTRA_QUEUED_CALLS)",
        rows: &["CAN-04"],
        needs: &[Has::Cancel],
        kills: &["refuses-to-cancel"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..20 {
                plan.submit("p", gated(&format!("t{number}"), "go"));
            }
            plan.hold("look");
            for number in 0..20 {
                plan.cancel(&format!("t{number}"));
            }
            plan.hold("go").shutdown("p");
            plan.until(crate::plan::tasks_begun(2)).open("look");
            plan.until(returned("cancel t19")).open("go");
        },
        judge: |history| {
            let mut refused = 0;
            for number in 0..20 {
                let cancelled = *history.value(&format!("cancel t{number}"))? == Value::Bool(true);
                refused += usize::from(!cancelled);
            }
            // Two run, and three more may have been sent.
            require(refused <= 5, || format!("{refused} of 20 could not be cancelled, and 2 ran"))
        },
        ..CASE
    },
    Case {
        id: "cancel.race-has-one-outcome",
        requirement: "The pool MUST give a task that is cancelled while it may be starting either its result or the cancellation, and report which one from the cancelling call.",
        source: "loky: test_thread_safety",
        rows: &["CAN-07"],
        needs: &[Has::Cancel],
        kills: &["runs-a-cancelled-task"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..100 {
                let tag = format!("t{number}");
                plan.submit("p", echo(&tag, number)).cancel(&tag);
            }
            for number in 0..100 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..100 {
                let (cancel, result) = (format!("cancel t{number}"), format!("result t{number}"));
                if *history.value(&cancel)? == Value::Bool(true) {
                    history.failure(&result, &[ErrorClass::Cancelled])?;
                } else {
                    history.returned(&result, number)?;
                }
            }
            Ok(())
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[];
