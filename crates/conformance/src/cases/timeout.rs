//! Limits of time: for who waits for a result, for a task, and for a worker without one.
//!
//! Owns the three as subjects. A judge asks that nothing ends before its time, and that what has to end
//! does; how long after its time is never asked, but for who waits in vain.

use std::time::Duration;

use serde_json::json;

use crate::case::{CASE, Case, Only};
use crate::contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, MapOptions, Outcome, PoolOptions, policy,
};
use crate::history::{Finding, History, require};
use crate::plan::{
    Condition, Plan, begun, called, echo, gated, marked, returned, sleep, squared, squares,
    tasks_begun, whoami, worker_gone, workers,
};

const RESULT: &str = "CPython: test_concurrent_futures/test_future.py, test_result_with_timeout";
const TASK: &str = "pebble: test_process_pool_timeout";
const IDLE: &str = "loky: test_worker_timeout";

/// How long a task may take where one is to be ended. It is long enough for a slow machine to start
/// a worker, since some pools count that.
const TASK_MILLIS: u64 = 1000;

const GOES_ON: Option<Only> = Some(Only {
    words: "map_error is continue",
    holds: |policies| policies.map_error == Some(policy::MapError::Continue),
});

fn limited(count: i64, task_timeout: u64) -> PoolOptions {
    PoolOptions { task_timeout: Some(task_timeout), ..workers(count) }
}

fn idling(count: i64, idle_timeout: u64) -> PoolOptions {
    PoolOptions { idle_timeout: Some(idle_timeout), ..workers(count) }
}

fn ignores_term(tag: &str) -> Call {
    Call { gate: Some("never".to_owned()), ..crate::plan::call(Body::IgnoreTerm, tag) }
}

/// A task is ended for its time, another is run after it, and the first one's gate is opened so that
/// it would show if it were still there.
fn end_one(plan: &mut Plan, never: Call) {
    plan.new_pool("p", limited(1, TASK_MILLIS)).submit("p", never).result("a");
    plan.submit("p", echo("b", 2)).result("b").hold("looked").shutdown("p");
    plan.until(returned("result b")).open("never").quiet().open("looked");
}

fn one_was_ended(history: &History) -> Finding {
    history.failure("result a", &[ErrorClass::Timeout])?;
    let waited = history.ended_at("result a")? - history.step("submit a")?.begin;
    require(waited >= millis(TASK_MILLIS), || {
        format!("it was ended after {} ms, of {TASK_MILLIS}", waited / 1_000_000)
    })?;
    history.returned("result b", 2)?;
    require(history.count(EventKind::End, "a") == 0, || "it went on after its time".to_owned())?;
    nothing_ran_over(history)
}

/// The task `b` runs where nothing is left of the task `a`.
fn nothing_ran_over(history: &History) -> Finding {
    let next = history.event(EventKind::Begin, "b")?;
    // On a slow machine it may have been ended before it began.
    let Ok(begin) = history.event(EventKind::Begin, "a") else { return Ok(()) };
    // A pool may interrupt the task and keep the worker. Then the task has failed there.
    let failed = history.event(EventKind::Failed, "a");
    let interrupted = failed.is_ok_and(|failed| failed.at <= next.at);
    require(interrupted || begin.pid != next.pid, || {
        format!("the next task ran in worker {}, where nothing had ended it", next.pid)
    })
}

/// Nanoseconds, but for the two milliseconds by which clocks of milliseconds round down.
fn millis(count: u64) -> u64 {
    count.saturating_sub(2) * 1_000_000
}

pub(super) const CASES: &[Case] = &[
    // ---- of who waits ----
    Case {
        id: "timeout.of-zero-does-not-wait",
        requirement: "The pool MUST NOT wait for a result for which it is to wait no time.",
        source: "CPython: test_future.py, test_result_with_timeout (timeout=0)",
        rows: &["TMO-08", "FUT-01"],
        needs: &[Has::ResultTimeout],
        kills: &["ignores-result-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", gated("a", "go")).submit("p", echo("b", 2)).hold("busy");
            plan.result_within("a", 0).result_within("b", 0).result("a").result("b");
            plan.result_within("b", 0).shutdown("p");
            plan.until(begun("a")).open("busy").until(returned("result b")).open("go");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.failure("result b", &[ErrorClass::Timeout])?;
            history.returned("result a #2", "a")?;
            history.returned("result b #2", 2)?;
            history.returned("result b #3", 2)
        },
        ..CASE
    },
    Case {
        id: "timeout.of-a-task-in-the-queue",
        requirement: "The pool MUST run a task although somebody gave up waiting for it before it began.",
        source: RESULT,
        rows: &["TMO-01"],
        needs: &[Has::ResultTimeout],
        kills: &["result-timeout-cancels", "timeout-too-early"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", gated("a", "go")).submit("p", echo("b", 2)).hold("busy");
            plan.result_within("b", 100).result("b").shutdown("p");
            plan.until(begun("a")).open("busy").until(called("result b #2")).open("go");
        },
        judge: |history| {
            history.failure("result b", &[ErrorClass::Timeout])?;
            let waited = history.ended_at("result b")? - history.step("result b")?.begin;
            require(waited >= millis(100), || {
                format!("it gave up after {} ms, of 100", waited / 1_000_000)
            })?;
            history.returned("result b #2", 2)
        },
        ..CASE
    },
    Case {
        id: "timeout.is-one-waiters-own",
        requirement: "The pool MUST give a result to who waits for it, though another gave up.",
        source: RESULT,
        rows: &["TMO-01"],
        needs: &[Has::ResultTimeout, Has::Threads],
        kills: &["result-timeout-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.result_within("a", 50).hold("got").shutdown("p");
            plan.client("patient").hold("there").result("a");
            plan.until(begun("a")).open("there").until(returned("result a")).open("go");
            plan.until(returned("result a #2")).open("got");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.returned("result a #2", "a")
        },
        ..CASE
    },
    // ---- of a task ----
    Case {
        id: "timeout.task-is-ended",
        requirement: "The pool MUST end a task that takes longer than it may, and run the next one.",
        source: TASK,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["never-times-out"],
        plan: |plan| end_one(plan, gated("a", "never")),
        judge: one_was_ended,
        ..CASE
    },
    Case {
        id: "timeout.next-task-in-another-worker",
        requirement: "The pool MUST run a task that waits behind one that takes longer than it may, in another worker unless that one was interrupted.",
        source: TASK,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["never-times-out"],
        plan: |plan| {
            plan.new_pool("p", limited(1, TASK_MILLIS)).submit("p", gated("a", "never"));
            plan.submit("p", echo("b", 2)).result("a").result("b").shutdown("p");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.returned("result b", 2)?;
            nothing_ran_over(history)
        },
        ..CASE
    },
    Case {
        id: "timeout.task-that-ignores-sigterm",
        requirement: "The pool MUST end a task that takes longer than it may, though its worker ignores SIGTERM.",
        source: "pebble: test_process_pool_ignoring_sigterm",
        rows: &["TMO-03"],
        needs: &[Has::TaskTimeout, Has::IgnoreTerm],
        kills: &["never-times-out"],
        plan: |plan| end_one(plan, ignores_term("a")),
        judge: one_was_ended,
        ..CASE
    },
    Case {
        id: "timeout.others-go-on",
        requirement: "The pool MUST NOT lose the tasks beside and behind one that takes longer than it may.",
        source: TASK,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["never-times-out"],
        plan: |plan| {
            plan.new_pool("p", limited(2, TASK_MILLIS)).submit("p", gated("a", "never"));
            for number in 0..10 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.result("a");
            for number in 0..10 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            (0..10).try_for_each(|number| history.returned(&format!("result t{number}"), number))
        },
        ..CASE
    },
    Case {
        id: "timeout.workers-of-quick-tasks-stay",
        requirement: "The pool MUST NOT end a task or a worker before its time.",
        source: TASK,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        plan: |plan| {
            plan.new_pool("p", limited(1, 60_000)).submit("p", whoami("a")).result("a");
            plan.submit("p", sleep("b", 100)).result("b");
            plan.submit("p", whoami("c")).result("c").shutdown("p");
        },
        judge: |history| {
            history.returned("result b", "b")?;
            let (first, last) = (history.value("result a")?, history.value("result c")?);
            require(first["pid"] == last["pid"], || {
                format!("worker {} was replaced by {}", first["pid"], last["pid"])
            })
        },
        ..CASE
    },
    Case {
        id: "timeout.quick-tasks-are-let-be",
        requirement: "The pool MUST count a task's time from its beginning, not from its submission.",
        source: "pebble: documentation of ProcessPool.schedule",
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        plan: |plan| {
            // Together they take longer than each may, by far less than one does.
            plan.new_pool("p", limited(1, 2500));
            for number in 0..6 {
                plan.submit("p", sleep(&format!("t{number}"), 500));
            }
            for number in 0..6 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..6 {
                history.returned(&format!("result t{number}"), format!("t{number}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "timeout.item-of-a-map",
        requirement: "The pool MUST end an item of a map that takes longer than it may, and give the others.",
        source: "pebble: test_process_pool_map_timeout",
        rows: &["TMO-02", "MAP-22"],
        needs: &[Has::TaskTimeout, Has::Chunksize],
        only: GOES_ON,
        kills: &["never-times-out"],
        plan: |plan| {
            let options = MapOptions { chunksize: Some(1), ..MapOptions::default() };
            let calls = vec![echo("a", 1), gated("b", "never"), echo("c", 3)];
            plan.new_pool("p", limited(1, TASK_MILLIS)).map_with("p", calls, options).shutdown("p");
        },
        judge: |history| match history.items("map p")?.as_slice() {
            [Outcome::Ok(first), Outcome::Error(failure), Outcome::Ok(last)]
                if failure.class == ErrorClass::Timeout =>
            {
                require((first, last) == (&json!(1), &json!(3)), || {
                    format!("beside it came {first} and {last}")
                })
            }
            items => Err(format!("it gave {items:?}")),
        },
        ..CASE
    },
    // ---- of a worker without a task ----
    Case {
        id: "timeout.idle-workers-leave",
        requirement: "The pool MUST let every worker leave that has been idle for its time, and start others when there are tasks.",
        source: IDLE,
        rows: &["TMO-05"],
        needs: &[Has::IdleTimeout],
        kills: &["never-idles-out"],
        plan: |plan| {
            plan.new_pool("p", idling(2, 100));
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.result("a").result("b").hold("left");
            plan.submit("p", echo("c", 3)).result("c").shutdown("p");
            plan.until(tasks_begun(2)).open("go").until(returned("result b"));
            plan.until(Condition::WorkersGone).open("left");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.returned("result b", "b")?;
            history.returned("result c", 3)?;
            let workers = history.workers().len();
            require(workers == 3, || format!("{workers} processes ran the three tasks, not 3"))
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-again-and-again",
        requirement: "The pool MUST work after its workers have left, however often they have.",
        source: IDLE,
        rows: &["TMO-05"],
        needs: &[Has::IdleTimeout],
        kills: &["never-idles-out"],
        plan: |plan| {
            plan.new_pool("p", idling(2, 10));
            for round in 1..=5 {
                plan.map("p", squares(&format!("r{round}-"), 10)).hold(&format!("left{round}"));
                let map = if round == 1 { "map p".to_owned() } else { format!("map p #{round}") };
                plan.until(returned(&map)).until(Condition::WorkersGone);
                plan.open(&format!("left{round}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for round in 1..=5 {
                let values = history.values(&format!("map p #{round}"))?;
                require(values == squared(10), || format!("map {round} gave {values:?}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-does-not-end-busy-ones",
        requirement: "The pool MUST NOT let a worker leave that runs a task, though the others are idle and leave.",
        source: IDLE,
        rows: &["TMO-05"],
        needs: &[Has::IdleTimeout],
        kills: &["never-idles-out"],
        plan: |plan| {
            plan.new_pool("p", idling(2, 30)).submit("p", gated("a", "go"));
            plan.submit("p", echo("b", 2)).result("b").result("a").shutdown("p");
            plan.until(begun("a")).until(returned("result b")).until(worker_gone("b")).quiet();
            plan.open("go");
        },
        judge: |history| {
            history.returned("result b", 2)?;
            history.returned("result a", "a")
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-loses-no-task",
        requirement: "The pool MUST NOT lose a task that comes when a worker is about to leave.",
        source: "loky: test_worker_timeout_with_slowly_pickling_objects",
        rows: &["TMO-06"],
        needs: &[Has::IdleTimeout],
        plan: |plan| {
            plan.new_pool("p", idling(1, 20));
            for round in 0..40 {
                let tag = format!("t{round}");
                plan.submit("p", echo(&tag, round)).result(&tag).hold(&format!("next{round}"));
                // Around the time at which it leaves, from before to after.
                plan.until(returned(&format!("result {tag}")));
                plan.pause(Duration::from_millis(12 + round % 20)).open(&format!("next{round}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            (0..40).try_for_each(|round| history.returned(&format!("result t{round}"), round))
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-while-shutdown-waits",
        requirement: "The pool MUST finish its tasks in a shutdown during which an idle worker leaves.",
        source: "loky: test_worker_timeout_shutdown_no_deadlock",
        rows: &["TMO-07"],
        needs: &[Has::IdleTimeout],
        plan: |plan| {
            plan.new_pool("p", idling(2, 50));
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "idle")).result("b");
            plan.shutdown("p").result("a");
            plan.until(tasks_begun(2)).open("idle").until(called("shutdown p"));
            plan.pause(Duration::from_millis(200)).open("go");
        },
        judge: |history| {
            history.returned("result b", "b")?;
            history.returned("result a", "a")
        },
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
                plan.new_pool(&pool, idling(2, 1)).submit(&pool, echo(&tag, round)).result(&tag);
                plan.shutdown(&pool);
            }
        },
        judge: |history| {
            (0..6).try_for_each(|round| history.returned(&format!("result t{round}"), round))
        },
        ..CASE
    },
    Case {
        id: "timeout.idle-workers-successor-is-initialized",
        requirement: "The pool MUST call the initializer in a worker that comes after one has left.",
        source: IDLE,
        rows: &["TMO-05", "INIT-09"],
        needs: &[Has::IdleTimeout],
        kills: &["never-idles-out", "initializes-not-in-replacements"],
        plan: |plan| {
            let options = PoolOptions { idle_timeout: Some(50), ..marked(1, "ready") };
            plan.new_pool("p", options);
            for tag in ["a", "b", "c"] {
                plan.submit("p", whoami(tag)).result(tag).hold(&format!("left-{tag}"));
                plan.until(returned(&format!("result {tag}"))).until(Condition::WorkersGone);
                plan.open(&format!("left-{tag}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            let workers = history.workers().len();
            require(workers == 3, || format!("{workers} processes ran the three tasks, not 3"))?;
            for tag in ["a", "b", "c"] {
                let state = &history.value(&format!("result {tag}"))?["state"];
                require(state == "ready", || {
                    format!("the worker of \"{tag}\" began with the state {state}")
                })?;
            }
            Ok(())
        },
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("TMO-04", "What a number is, is a matter of the language's types.")];
