//! Tasks with a time limit.

use procpool_contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, MapOptions, Outcome, PoolOptions, policy,
};
use serde_json::json;

use super::{millis, soonest_in_time};
use crate::case::{CASE, Case, Only};
use crate::history::{Finding, History, require};
use crate::plan::{Plan, call, echo, gated, returned, sleep, whoami, workers};

const PEBBLE: &str = "pebble: test_process_pool_timeout";

/// The time limit of a task that must be ended. It is long enough for a slow machine to start a worker,
/// since some pools count the start.
const TASK_MILLIS: u64 = 1000;

const GOES_ON: Option<Only> = Some(Only {
    words: "map_error is continue",
    holds: |policies| policies.map_error == Some(policy::MapError::Continue),
});

fn limited(count: i64, task_timeout: u64) -> PoolOptions {
    PoolOptions { task_timeout: Some(task_timeout), ..workers(count) }
}

fn ignores_term(tag: &str) -> Call {
    Call { gate: Some("never".to_owned()), ..call(Body::IgnoreTerm, tag) }
}

/// A task is ended at its time limit, another one runs after it, and then the gate of the first is opened:
/// if it still ran, the trace would show it.
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
    require(history.count(EventKind::End, "a") == 0, || {
        "the task ran on after its time limit".to_owned()
    })?;
    has_its_value(history, "b", 2)?;
    nothing_ran_over(history)
}

/// Whether the worker of task `a` took a quarter of the time limit to start, or more.
fn starts_slowly(history: &History) -> Result<bool, String> {
    let submitted = history.step("submit a")?.begin;
    let begin = history.event(EventKind::Begin, "a");
    Ok(begin.is_ok_and(|it| it.at.saturating_sub(submitted) >= millis(TASK_MILLIS / 4)))
}

/// A task behind task `a` has its value. If workers start slowly, it may be over before it begins.
fn has_its_value(history: &History, tag: &str, value: i64) -> Finding {
    let step = format!("result {tag}");
    let is_over = history.failure(&step, &[ErrorClass::Timeout]).is_ok();
    let never_began = history.count(EventKind::Begin, tag) == 0;
    match is_over && never_began && starts_slowly(history)? {
        true => Ok(()),
        false => history.returned(&step, value),
    }
}

/// The task `b` runs where no part of task `a` is left.
fn nothing_ran_over(history: &History) -> Finding {
    // On a slow machine either may have been ended before it began.
    let (Ok(begin), Ok(next)) =
        (history.event(EventKind::Begin, "a"), history.event(EventKind::Begin, "b"))
    else {
        return Ok(());
    };
    // A pool may interrupt the task and keep the worker. Then the task has failed in that worker.
    let failed = history.event(EventKind::Failed, "a");
    let interrupted = failed.is_ok_and(|failed| failed.at <= next.at);
    require(interrupted || begin.pid != next.pid, || {
        format!("the next task ran in worker {}, where nothing had ended it", next.pid)
    })
}

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "timeout.task-is-ended",
        requirement: "The pool MUST end a task that exceeds its time limit, and run the next one.",
        source: PEBBLE,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["never-times-out"],
        plan: |plan| end_one(plan, gated("a", "never")),
        judge: one_was_ended,
        ..CASE
    },
    Case {
        id: "timeout.next-task-in-another-worker",
        requirement: "The pool MUST run a task that is pending behind one that exceeds its time limit, in another worker unless that one was interrupted.",
        source: PEBBLE,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["never-times-out"],
        plan: |plan| {
            plan.new_pool("p", limited(1, TASK_MILLIS)).submit("p", gated("a", "never"));
            plan.submit("p", echo("b", 2)).result("a").result("b").shutdown("p");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            has_its_value(history, "b", 2)?;
            nothing_ran_over(history)
        },
        ..CASE
    },
    Case {
        id: "timeout.task-that-ignores-sigterm",
        requirement: "The pool MUST end a task that exceeds its time limit, even if its worker ignores SIGTERM.",
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
        requirement: "The pool MUST NOT lose the tasks beside and behind one that exceeds its time limit.",
        source: PEBBLE,
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
            (0..10).try_for_each(|number| has_its_value(history, &format!("t{number}"), number))
        },
        ..CASE
    },
    Case {
        id: "timeout.task-in-time",
        requirement: "The pool MUST end a task at its time limit, not at a multiple of it.",
        source: PEBBLE,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["times-out-late"],
        plan: |plan| {
            plan.new_pool("p", limited(1, TASK_MILLIS));
            for tag in ["a", "b", "c"] {
                plan.submit("p", gated(tag, "never")).result(tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            let mut waits = Vec::new();
            for tag in ["a", "b", "c"] {
                let step = format!("result {tag}");
                history.failure(&step, &[ErrorClass::Timeout])?;
                // On a slow machine it may have been ended before it began.
                let begin = history.event(EventKind::Begin, tag).map(|event| event.at);
                let begin = begin.or(history.step(&step).map(|run| run.begin))?;
                waits.push(history.ended_at(&step)?.saturating_sub(begin));
            }
            soonest_in_time(&waits, TASK_MILLIS)
        },
        ..CASE
    },
    Case {
        id: "timeout.workers-of-quick-tasks-stay",
        requirement: "The pool MUST NOT end a task or a worker before its time limit.",
        source: PEBBLE,
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["starts-a-worker-per-task"],
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
        requirement: "The pool MUST count a task's time from its start, not from its submission.",
        source: "pebble: documentation of ProcessPool.schedule",
        rows: &["TMO-02"],
        needs: &[Has::TaskTimeout],
        kills: &["times-out-from-the-submission"],
        plan: |plan| {
            // Together they exceed the limit of one, by far less than the duration of one.
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
        requirement: "The pool MUST end an item of a map that exceeds its time limit, and return the others.",
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
                    format!("the items beside it were {first} and {last}")
                })
            }
            items => Err(format!("it gave {items:?}")),
        },
        ..CASE
    },
];
