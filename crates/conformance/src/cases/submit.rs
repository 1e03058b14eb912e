//! One task: submitting it, its result, its error.

use std::time::Duration;

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, EventKind};
use serde_json::{Value, json};

use crate::case::{CASE, Case, Level};
use crate::history::{brief, require};
use crate::plan::{begun, call, echo, fail, gated, returned, square, squared, squares, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/executor.py";

/// Values that codecs often lose.
fn odd_values() -> Vec<Value> {
    vec![
        json!(0),
        json!(""),
        json!(false),
        json!(null),
        json!([]),
        json!({}),
        json!(-1.5e300),
        json!(9_007_199_254_740_991_i64),
        json!("zero \u{0} byte, newline \n, quote \", ünïcödé, 🦀"),
        json!({"nested": [[[{"deep": [1, [2, [3]]]}]]]}),
    ]
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "submit.returns-the-result",
        requirement: "The pool MUST give the future of a task the value that the task returns.",
        source: CPYTHON,
        rows: &["SUB-01"],
        kills: &[
            "lies-about-a-value",
            "runs-a-task-in-the-parent",
            "runs-a-task-twice",
            "runs-a-phantom",
            "answers-early",
            "ends-badly",
        ],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", square("a", 16)).result("a").shutdown("p");
        },
        judge: |history| history.returned("result a", 256),
        ..CASE
    },
    Case {
        id: "submit.values-arrive-unchanged",
        requirement: "The pool MUST carry arguments and results unchanged, including empty and unusual ones.",
        source: "CPython: test_swallows_falsey_exceptions, test_submit_keyword",
        rows: &["SUB-02", "SUB-09"],
        kills: &["lies-about-a-value"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for (number, value) in odd_values().into_iter().enumerate() {
                let tag = format!("t{number}");
                plan.submit("p", echo(&tag, value)).result(&tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for (number, value) in odd_values().into_iter().enumerate() {
                history.returned(&format!("result t{number}"), value)?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "submit.error-is-the-tasks-own",
        requirement: "The pool MUST report a task's error by its own future only, and run the next one.",
        source: "CPython: test_traceback; pebble: test_process_pool_error",
        rows: &["SUB-06"],
        kills: &["hides-an-error", "hides-an-error-without-a-message"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", echo("a", 1)).submit("p", fail("b", "")).submit("p", echo("c", 3));
            plan.result("a").result("b").result("c").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            history.failure("result b", &[ErrorClass::Task])?;
            history.returned("result c", 3)
        },
        ..CASE
    },
    Case {
        id: "submit.error-says-what-the-task-said",
        requirement: "The pool MUST include the task's own message in its error.",
        source: "CPython: test_traceback",
        rows: &["SUB-06"],
        needs: &[Has::ErrorMessage],
        kills: &["hides-a-message"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", fail("a", "no such town: Brügge")).result("a").shutdown("p");
        },
        judge: |history| {
            let said = &history.failure("result a", &[ErrorClass::Task])?.message;
            require(said.contains("no such town: Brügge"), || format!("its message was: {said}"))
        },
        ..CASE
    },
    Case {
        id: "submit.error-says-where",
        level: Level::Should,
        requirement: "The pool SHOULD include the place in the worker where a task's error was raised.",
        source: "CPython: test_traceback (_RemoteTraceback)",
        rows: &["SUB-07"],
        needs: &[Has::RemoteTrace],
        kills: &["hides-traces", "shows-the-place-of-ten-errors"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", fail("a", "oh")).result("a").result("a");
            // A worker may send the place of its first errors only.
            for number in 0..40 {
                let tag = format!("t{number}");
                plan.submit("p", fail(&tag, "oh")).result(&tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            let later = (0..40).map(|number| format!("result t{number}"));
            for step in ["result a", "result a #2"].map(str::to_owned).into_iter().chain(later) {
                let failure = history.failure(&step, &[ErrorClass::Task])?;
                let trace = failure.trace.as_deref().unwrap_or_default();
                require(!trace.trim().is_empty(), || format!("\"{step}\" has no trace"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "submit.many-errors",
        requirement: "The pool MUST keep working after any number of tasks that fail.",
        source: "procspawn: test_basic (12 of 16 succeed)",
        rows: &["SUB-06"],
        kills: &["exits-at-the-tenth-error"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..40 {
                let tag = format!("t{number}");
                let task = if number % 2 == 0 { fail(&tag, "oh") } else { echo(&tag, number) };
                plan.submit("p", task);
            }
            for number in 0..40 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..40 {
                let step = format!("result t{number}");
                if number % 2 == 0 {
                    history.failure(&step, &[ErrorClass::Task])?;
                } else {
                    history.returned(&step, number)?;
                }
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "submit.hundreds-of-errors",
        requirement: "The pool MUST report each of hundreds of errors, with its own message if it has messages.",
        source: CPYTHON,
        rows: &["SUB-06"],
        kills: &["hides-the-101st-error", "repeats-the-first-message"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..250 {
                plan.submit("p", fail(&format!("t{number}"), &format!("number {number} failed")));
            }
            for number in 0..250 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            let has_messages = history.description.capabilities.contains(&Has::ErrorMessage);
            for number in 0..250 {
                let failure = history.failure(&format!("result t{number}"), &[ErrorClass::Task])?;
                let (said, own) = (&failure.message, format!("number {number} failed"));
                require(!has_messages || said.contains(&own), || {
                    format!("the message of task {number} was: {said}")
                })?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "submit.next-pool-after-an-error",
        requirement: "The pool MUST NOT report errors of an earlier pool of the program.",
        source: CPYTHON,
        rows: &["SUB-18", "SUB-06"],
        kills: &["repeats-an-error-in-the-next-pool"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", fail("a", "oh")).result("a").shutdown("p");
            plan.new_pool("q", workers(1)).submit("q", echo("b", 2)).result("b").shutdown("q");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Task])?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "submit.after-shutdown-is-rejected",
        requirement: "The pool MUST reject a task that is submitted after shutdown, and never run it.",
        source: "CPython: test_run_after_shutdown",
        rows: &["SUB-03"],
        kills: &["accepts-after-shutdown", "forgets-the-shutdown-of-an-unused-pool"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").shutdown("p");
            plan.submit("p", echo("b", 2));
            // A pool that had no task has nothing to end, but it is shut down.
            plan.new_pool("q", workers(1)).shutdown("q").submit("q", echo("c", 3));
        },
        judge: |history| {
            history.returned("result a", 1)?;
            history.failure("submit b", &[ErrorClass::Rejected])?;
            history.failure("submit c", &[ErrorClass::Rejected])?;
            let ran = history.count(EventKind::Begin, "b") + history.count(EventKind::Begin, "c");
            require(ran == 0, || "the refused task ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "submit.does-not-wait",
        requirement: "The pool MUST accept a task while all its workers are busy.",
        source: CPYTHON,
        rows: &["SUB-26"],
        kills: &["refuses-when-its-queue-is-full", "refuses-the-1001st-task"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            // Many: a pool may have room for some.
            for number in 0..1_500 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.result("t1499").shutdown("p");
            plan.until(begun("a")).until(returned("submit t1499")).open("go");
        },
        judge: |history| history.returned("result t1499", 1_499),
        ..CASE
    },
    Case {
        id: "submit.many-tasks",
        requirement: "The pool MUST accept thousands of tasks at once, and give each its own result.",
        source: "CPython: gh-105829, where submit blocked at 16,384",
        rows: &["SUB-21", "BRK-04"],
        kills: &["mixes-up-two-results", "forgets-a-future"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..2000 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            for number in 0..2000 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            (0..2000).try_for_each(|number| history.returned(&format!("result t{number}"), number))
        },
        ..CASE
    },
    Case {
        id: "submit.two-workers-two-processes",
        requirement: "The pool MUST run tasks in processes of their own, as many at the same time as it has workers.",
        source: "pebble: test_process_pool_different_process",
        rows: &["SUB-22", "SUB-23"],
        kills: &["runs-a-task-in-the-parent", "starts-one-too-few"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.result("a").result("b").shutdown("p");
            plan.until(begun("a")).until(begun("b")).open("go");
        },
        judge: |history| {
            let workers = history.workers();
            require(workers.len() == 2 && !workers.contains(&history.owner), || {
                format!("processes {workers:?} ran the tasks of process {}", history.owner)
            })
        },
        ..CASE
    },
    Case {
        id: "submit.large-argument",
        requirement: "The pool MUST carry a large argument unchanged.",
        source: "pebble: test_process_pool_large_data; loky: test_no_failure_on_large_data_send",
        rows: &["SUB-12"],
        needs: &[Has::Blob],
        kills: &["corrupts-a-large-argument"],
        plan: |plan| {
            let text = "0123456789abcdef".repeat(1 << 18);
            plan.new_pool("p", workers(1)).submit("p", echo("a", text)).result("a").shutdown("p");
        },
        judge: |history| {
            let value = history.value("result a")?;
            let text = value.as_str().unwrap_or_default();
            require(text == "0123456789abcdef".repeat(1 << 18), || {
                format!("{} bytes were returned: {}", text.len(), brief(value))
            })
        },
        ..CASE
    },
    Case {
        id: "submit.large-result",
        requirement: "The pool MUST carry a large result unchanged.",
        source: "pebble: test_process_pool_large_data",
        rows: &["SUB-12"],
        needs: &[Has::Blob],
        kills: &["cuts-results-at-16-mib", "cuts-a-text-at-a-megabyte"],
        plan: |plan| {
            let blob = Call { count: Some((16 << 20) + 1), ..call(Body::Blob, "a") };
            plan.new_pool("p", workers(1)).submit("p", blob).result("a").shutdown("p");
        },
        judge: |history| {
            let value = history.value("result a")?;
            let text = value.as_str().unwrap_or_default();
            let right = text.len() == (16 << 20) + 1 && text.bytes().all(|byte| byte == b'x');
            require(right, || format!("{} bytes were returned: {}", text.len(), brief(value)))
        },
        ..CASE
    },
    Case {
        id: "submit.large-argument-while-busy",
        requirement: "The pool MUST accept a large argument while its only worker is busy, without waiting for it.",
        source: "procspawn 1.0.2 hangs in this",
        rows: &["SUB-26"],
        needs: &[Has::Blob],
        kills: &["refuses-when-its-queue-is-full"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("busy");
            plan.submit("p", echo("b", "x".repeat(8 << 20))).result("b").shutdown("p");
            plan.until(begun("a")).open("busy").until(returned("submit b")).open("go");
        },
        judge: |history| history.returned("result b", "x".repeat(8 << 20)),
        ..CASE
    },
    Case {
        id: "submit.several-threads",
        requirement: "The pool MUST serve several threads at the same time.",
        source: "loky: test_thread_safety",
        rows: &["SUB-15"],
        needs: &[Has::Threads, Has::Map],
        kills: &["mixes-up-two-results"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).hold("made").hold("done").shutdown("p");
            plan.until(returned("new p")).open("made");
            for client in 0..4 {
                plan.client(&format!("client{client}")).hold("made");
                for number in 0..20 {
                    let tag = format!("c{client}-{number}");
                    plan.submit("p", echo(&tag, client * 100 + number)).result(&tag);
                }
                plan.map("p", squares(&format!("m{client}-"), 40));
            }
            for client in 1..=4 {
                plan.until(returned(&format!("map p #{client}")));
            }
            plan.open("done");
        },
        judge: |history| {
            for client in 0..4 {
                for number in 0..20 {
                    let step = format!("result c{client}-{number}");
                    history.returned(&step, client * 100 + number)?;
                }
                let values = history.values(&format!("map p #{}", client + 1))?;
                require(values == squared(40), || format!("the map gave {values:?}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "submit.pools-do-not-mix",
        requirement: "The pool MUST return results of its own tasks only, when there are several pools.",
        source: "mpi4py.futures: test_multiple_executors",
        rows: &["SUB-18"],
        needs: &[Has::SeveralPools],
        kills: &["mixes-up-two-results"],
        plan: |plan| {
            for pool in ["p", "q", "r"] {
                plan.new_pool(pool, workers(1));
            }
            for number in 0..20 {
                for pool in ["p", "q", "r"] {
                    plan.submit(pool, echo(&format!("{pool}{number}"), format!("{pool} {number}")));
                }
            }
            for number in 0..20 {
                for pool in ["p", "q", "r"] {
                    plan.result(&format!("{pool}{number}"));
                }
            }
            plan.shutdown("p").shutdown("q").shutdown("r");
        },
        judge: |history| {
            for number in 0..20 {
                for pool in ["p", "q", "r"] {
                    history
                        .returned(&format!("result {pool}{number}"), format!("{pool} {number}"))?;
                }
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "submit.after-an-idle-time",
        requirement: "The pool MUST run tasks that are submitted after its workers have been idle.",
        source: "loky: test_worker_timeout",
        rows: &["SUB-24"],
        kills: &["workers-crash-when-idle"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a").hold("later");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
            // Longer than a second, for a pool that looks for work once in a second or two.
            plan.until(returned("result a")).pause(Duration::from_millis(2_500)).open("later");
        },
        judge: |history| history.returned("result b", 2),
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("SUB-04", "The time at which exit hooks of the program run depends on the language."),
    ("SUB-08", "The contract's results are JSON, which has no error values."),
    ("SUB-10", "Whether errors are immutable depends on the language."),
    ("SUB-11", "Whether an exit can be caught depends on the language."),
    ("SUB-13", "Arguments kept in a worker show only in its memory, which is not measured here."),
    ("SUB-14", "Arguments kept in a pool show only in its memory, which is not measured here."),
    ("SUB-16", "The contract's callbacks do not submit."),
    ("SUB-19", "The contract's arguments cannot be changed after they are submitted."),
    ("SUB-27", "Whether a function can be redefined depends on the language."),
];
