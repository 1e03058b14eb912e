//! Waiting for several futures.

use std::collections::BTreeSet;

use procpool_contract::{Capability as Has, EventKind, Until};
use serde_json::Value;

use crate::case::{CASE, Case};
use crate::cases::timeout::{WAIT_MILLIS, in_time, repeated};
use crate::history::{Finding, History, require};
use crate::plan::{begun, called, echo, fail, gated, returned, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_wait.py";
const COMPLETED: &str = "CPython: test_concurrent_futures/test_as_completed.py";

/// Checks both lists that a wait returned.
fn partition(history: &History, step: &str, done: &[&str], not_done: &[&str]) -> Finding {
    let value = history.value(step)?;
    for (side, expected) in [("done", done), ("not_done", not_done)] {
        let names = value[side].as_array().ok_or_else(|| format!("\"{step}\" returned {value}"))?;
        let names: BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        require(names == expected, || format!("{side} were {names:?}, not {expected:?}"))?;
    }
    Ok(())
}

fn order(history: &History, step: &str) -> Result<(Vec<String>, bool), String> {
    let value = history.value(step)?;
    let wrong = || format!("\"{step}\" returned {value}");
    let order = value["order"].as_array().ok_or_else(wrong)?;
    let order = order.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    Ok((order, value["timed_out"].as_bool().ok_or_else(wrong)?))
}

/// A hundred tags for the pool "p", and as many for the pool "q".
fn hundreds() -> Vec<String> {
    ["p", "q"].iter().flat_map(|pool| (0..100).map(move |it| format!("{pool}{it}"))).collect()
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "wait.all-completed",
        requirement: "The pool MUST return from a wait for all futures when all are done, failed ones among them.",
        source: CPYTHON,
        rows: &["WAIT-07"],
        needs: &[Has::Wait],
        kills: &["wait-returns-early", "wait-forgets-one", "wait-for-nothing-hangs"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", echo("a", 1))
                .submit("p", fail("b", "oh"))
                .submit("p", gated("c", "go"));
            plan.wait(&["a", "b", "c"], Until::AllCompleted, None);
            plan.wait(&[], Until::AllCompleted, None).shutdown("p");
            plan.until(begun("c")).until(called("wait")).quiet().open("go");
        },
        judge: |history| {
            partition(history, "wait", &["a", "b", "c"], &[])?;
            // All of none are done.
            partition(history, "wait #2", &[], &[])?;
            let end = history.event(EventKind::End, "c")?.at;
            let returned = history.ended_at("wait")?;
            require(end <= returned, || "it returned before the last task had".to_owned())
        },
        ..CASE
    },
    Case {
        id: "wait.by-several-threads",
        requirement: "The pool MUST return from the waits of several threads for the same futures.",
        source: COMPLETED,
        rows: &["WAIT-07"],
        needs: &[Has::Wait, Has::AsCompleted, Has::Threads],
        kills: &["a-wait-replaces-another"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).submit("p", echo("b", 2));
            plan.wait(&["a", "b"], Until::AllCompleted, None).hold("all").shutdown("p");
            plan.client("second").hold("first").wait(&["a", "b"], Until::AllCompleted, None);
            plan.client("third").hold("second").as_completed(&["a", "b"], None);
            // One after another, so that the last one is the last to be known to the futures.
            plan.until(begun("a")).until(called("wait")).quiet().open("first");
            plan.until(called("wait #2")).quiet().open("second");
            plan.until(called("as_completed")).quiet().open("go");
            plan.until(returned("wait #2")).until(returned("as_completed")).open("all");
        },
        judge: |history| {
            partition(history, "wait", &["a", "b"], &[])?;
            partition(history, "wait #2", &["a", "b"], &[])?;
            let (yielded, _) = order(history, "as_completed")?;
            let different: BTreeSet<&str> = yielded.iter().map(|it| it.as_str()).collect();
            let is_it = yielded.len() == 2 && different.len() == 2;
            require(is_it, || format!("they were yielded as {yielded:?}"))
        },
        ..CASE
    },
    Case {
        id: "wait.hundreds-in-two-pools",
        requirement: "The pool MUST wait for all of hundreds of futures, of several pools.",
        source: "CPython: documentation of wait: futures of different executors; WaitForMultipleObjects takes 64",
        rows: &["WAIT-07"],
        needs: &[Has::Wait, Has::AsCompleted, Has::SeveralPools],
        kills: &["waits-for-63", "waits-in-the-first-pool"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).new_pool("q", workers(1));
            let tags = hundreds();
            for tag in &tags {
                plan.submit(&tag[..1], echo(tag, 1));
            }
            plan.submit("q", gated("last", "go"));
            let all: Vec<&str> = tags.iter().map(String::as_str).chain(["last"]).collect();
            plan.wait(&all, Until::AllCompleted, None).as_completed(&all, None);
            plan.shutdown("p").shutdown("q");
            plan.until(begun("last")).until(called("wait")).quiet().open("go");
        },
        judge: |history| {
            let tags = hundreds();
            let all: Vec<&str> = tags.iter().map(String::as_str).chain(["last"]).collect();
            partition(history, "wait", &all, &[])?;
            let (order, _) = order(history, "as_completed")?;
            require(order.len() == all.len(), || {
                format!("{} of {} futures were returned", order.len(), all.len())
            })
        },
        ..CASE
    },
    Case {
        id: "wait.timeout-of-zero",
        requirement: "The pool MUST NOT block in a wait, or in an iteration over futures as they are done, with a timeout of zero.",
        source: CPYTHON,
        rows: &["WAIT-08", "WAIT-10"],
        needs: &[Has::Wait, Has::AsCompleted],
        kills: &["wait-takes-zero-for-none", "as-completed-takes-zero-for-none"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.wait(&["a"], Until::AllCompleted, Some(0)).as_completed(&["a"], Some(0));
            plan.hold("go").shutdown("p").until(returned("as_completed")).open("go");
        },
        judge: |history| {
            partition(history, "wait", &[], &["a"])?;
            let (order, timed_out) = order(history, "as_completed")?;
            require(order.is_empty() && timed_out, || format!("it yielded {order:?}"))
        },
        ..CASE
    },
    Case {
        id: "wait.as-completed-yields-what-is-cancelled",
        requirement: "The pool MUST yield a future that is cancelled during an iteration over futures as they are done.",
        source: COMPLETED,
        rows: &["WAIT-09", "CAN-06"],
        needs: &[Has::AsCompleted, Has::Cancel, Has::Threads],
        kills: &["as-completed-misses-a-cancellation"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            // Far enough back in the queue that no worker takes it next.
            for tag in ["a", "b", "c", "d", "e", "f"] {
                plan.submit("p", gated(tag, "go"));
            }
            plan.hold("look").cancel("f").hold("end").shutdown("p");
            plan.client("taker").hold("all").as_completed(&["a", "f"], None);
            plan.until(begun("a")).until(returned("submit f")).open("all");
            plan.until(called("as_completed")).quiet().open("look");
            plan.until(returned("cancel f")).open("go").until(returned("as_completed")).open("end");
        },
        judge: |history| {
            history.returned("cancel f", true)?;
            let (order, _) = order(history, "as_completed")?;
            // A pool may notice the cancellation only when a worker would take the task.
            require(order.len() == 2, || format!("the futures were {order:?}"))
        },
        ..CASE
    },
    Case {
        id: "wait.first-completed",
        requirement: "The pool MUST return from a wait for the first future when one is done, with the others as not done.",
        source: CPYTHON,
        rows: &["WAIT-02"],
        needs: &[Has::Wait],
        kills: &["wait-returns-late"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("a", "first")).submit("p", gated("b", "go")).hold("both");
            plan.wait(&["a", "b"], Until::FirstCompleted, None).shutdown("p");
            plan.until(begun("a")).until(begun("b")).open("both");
            plan.until(called("wait")).open("first").until(returned("wait")).open("go");
        },
        judge: |history| partition(history, "wait", &["a"], &["b"]),
        ..CASE
    },
    Case {
        id: "wait.first-completed-of-what-is-done",
        requirement: "The pool MUST return at once from a wait for the first future when one is already done.",
        source: CPYTHON,
        rows: &["WAIT-03"],
        needs: &[Has::Wait],
        kills: &["wait-returns-late"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", echo("a", 1)).result("a").submit("p", gated("b", "go"));
            plan.wait(&["a", "b"], Until::FirstCompleted, None).hold("go").shutdown("p");
            plan.until(returned("wait")).open("go");
        },
        judge: |history| partition(history, "wait", &["a"], &["b"]),
        ..CASE
    },
    Case {
        id: "wait.first-exception",
        requirement: "The pool MUST continue to wait for the first error while tasks return, and return when one fails.",
        source: CPYTHON,
        rows: &["WAIT-04"],
        needs: &[Has::Wait],
        kills: &["wait-returns-early", "wait-returns-late"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("slow", "go")).submit("p", echo("a", 1)).result("a");
            plan.submit("p", gated("b", "fails")).submit("p", fail("c", "oh"));
            plan.wait(&["a", "slow", "c"], Until::FirstException, None).hold("go").shutdown("p");
            plan.until(begun("slow")).until(called("wait")).quiet().open("fails");
            plan.until(returned("wait")).open("go");
        },
        judge: |history| partition(history, "wait", &["a", "c"], &["slow"]),
        ..CASE
    },
    Case {
        id: "wait.first-exception-of-what-failed",
        requirement: "The pool MUST return at once from a wait for the first error when a task has already failed.",
        source: CPYTHON,
        rows: &["WAIT-06"],
        needs: &[Has::Wait],
        kills: &["wait-returns-late"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", fail("a", "oh")).result("a").submit("p", gated("b", "go"));
            plan.wait(&["a", "b"], Until::FirstException, None).hold("go").shutdown("p");
            plan.until(returned("wait")).open("go");
        },
        judge: |history| partition(history, "wait", &["a"], &["b"]),
        ..CASE
    },
    Case {
        id: "wait.first-exception-without-one",
        requirement: "The pool MUST return from a wait for the first error when all tasks have returned without one.",
        source: CPYTHON,
        rows: &["WAIT-04"],
        needs: &[Has::Wait],
        kills: &["wait-returns-early"],
        plan: |plan| {
            // One is done before, and the other one while it waits.
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a");
            plan.submit("p", gated("b", "go"));
            plan.wait(&["a", "b"], Until::FirstException, None).shutdown("p");
            plan.until(begun("b")).until(called("wait")).quiet().open("go");
        },
        judge: |history| partition(history, "wait", &["a", "b"], &[]),
        ..CASE
    },
    Case {
        id: "wait.timeout",
        requirement: "The pool MUST return from a wait at its timeout, not before, with the futures that are done and those that are not.",
        source: CPYTHON,
        rows: &["WAIT-08"],
        needs: &[Has::Wait],
        kills: &["wait-ignores-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", echo("a", 1)).result("a").submit("p", gated("b", "go"));
            plan.wait(&["a", "b"], Until::AllCompleted, Some(200)).hold("go").shutdown("p");
            plan.until(returned("wait")).open("go");
        },
        judge: |history| {
            partition(history, "wait", &["a"], &["b"])?;
            let waited = history.ended_at("wait")? - history.step("wait")?.begin;
            require(waited >= 198_000_000, || {
                format!("it returned after {} ms", waited / 1_000_000)
            })
        },
        ..CASE
    },
    Case {
        id: "wait.timeout-names-what-was-done-meanwhile",
        requirement: "The pool MUST return from a wait at its timeout with those futures as done that were done while it waited.",
        source: CPYTHON,
        rows: &["WAIT-08"],
        needs: &[Has::Wait, Has::Threads],
        kills: &["wait-timeout-forgets-what-was-done"],
        plan: |plan| {
            plan.new_pool("p", workers(2))
                .submit("p", gated("a", "a"))
                .submit("p", gated("b", "b"));
            plan.hold("both").result("a").hold("end").shutdown("p");
            plan.client("waiter").hold("both");
            plan.wait(&["a", "b"], Until::AllCompleted, Some(1_500));
            plan.until(begun("a")).until(begun("b")).open("both").until(called("wait")).quiet();
            plan.open("a").until(returned("wait")).open("b").open("end");
        },
        judge: |history| {
            let read = history.ended_at("result a")?;
            // On a slow machine, the time may be over before.
            let is_done = read < history.ended_at("wait")?;
            if is_done { partition(history, "wait", &["a"], &["b"]) } else { Ok(()) }
        },
        ..CASE
    },
    Case {
        id: "wait.timeout-in-time",
        requirement: "The pool MUST return from a wait at its timeout, not at a multiple of it.",
        source: CPYTHON,
        rows: &["WAIT-08"],
        needs: &[Has::Wait],
        kills: &["wait-timeout-is-late"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for _ in repeated("wait") {
                plan.wait(&["a"], Until::AllCompleted, Some(WAIT_MILLIS));
            }
            plan.hold("go").shutdown("p").until(called("gate go")).open("go");
        },
        judge: |history| {
            for step in repeated("wait") {
                partition(history, &step, &[], &["a"])?;
            }
            in_time(history, &repeated("wait"))
        },
        ..CASE
    },
    Case {
        id: "wait.as-completed-timeout-in-time",
        requirement: "The pool MUST end an iteration over futures as they are done at its timeout, not at a multiple of it.",
        source: COMPLETED,
        rows: &["WAIT-10"],
        needs: &[Has::AsCompleted],
        kills: &["as-completed-timeout-is-late"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for _ in repeated("as_completed") {
                plan.as_completed(&["a"], Some(WAIT_MILLIS));
            }
            plan.hold("go").shutdown("p").until(called("gate go")).open("go");
        },
        judge: |history| {
            for step in repeated("as_completed") {
                let (order, timed_out) = order(history, &step)?;
                require(order.is_empty() && timed_out, || {
                    format!("\"{step}\" yielded {order:?} and no timeout")
                })?;
            }
            in_time(history, &repeated("as_completed"))
        },
        ..CASE
    },
    Case {
        id: "wait.duplicates",
        requirement: "The pool MUST count a future once that is passed to a wait twice.",
        source: "CPython: test_wait.py, test_20369",
        rows: &["WAIT-01"],
        needs: &[Has::Wait],
        kills: &["wait-forgets-one"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1));
            plan.wait(&["a", "a"], Until::AllCompleted, None).shutdown("p");
        },
        judge: |history| {
            partition(history, "wait", &["a"], &[])?;
            let done = &history.value("wait")?["done"];
            require(done.as_array().is_some_and(|done| done.len() == 1), || {
                format!("done were {done}")
            })
        },
        ..CASE
    },
    Case {
        id: "wait.no-lost-wake-up",
        requirement: "The pool MUST return from a wait for all futures, even if they are done while it begins.",
        source: "CPython: test_pending_calls_race",
        rows: &["WAIT-14"],
        needs: &[Has::Wait],
        kills: &["wait-loses-a-wake-up"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for round in 0..20 {
                let tags: Vec<String> =
                    (0..10).map(|number| format!("t{round}-{number}")).collect();
                for tag in &tags {
                    plan.submit("p", echo(tag, 1));
                }
                let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                plan.wait(&tags, Until::AllCompleted, None);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for round in 1..=20 {
                let step = format!("wait #{round}");
                let left = &history.value(&step)?["not_done"];
                require(left.as_array().is_some_and(Vec::is_empty), || {
                    format!("not done were {left}")
                })?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "wait.break-wakes",
        requirement: "The pool MUST wake a wait for all futures when it breaks or their worker dies.",
        source: "CPython: test_deadlock.py; mpi4py.futures: test_initializer_error",
        rows: &["WAIT-15"],
        needs: &[Has::Wait, Has::WorkerDeath],
        kills: &["wait-sleeps-through-a-death"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never"));
            plan.wait(&["a"], Until::AllCompleted, None).shutdown("p");
            plan.until(begun("a")).until(called("wait")).signal(crate::plan::worker_of("a"), 9);
        },
        judge: |history| partition(history, "wait", &["a"], &[]),
        ..CASE
    },
    Case {
        id: "wait.as-completed-when-it-breaks",
        requirement: "The pool MUST yield a future whose worker dies to an iteration over futures as they are done.",
        source: "CPython: test_deadlock.py, for a wait",
        rows: &["WAIT-15"],
        needs: &[Has::AsCompleted, Has::WorkerDeath],
        kills: &["as-completed-sleeps-through-a-death"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never"));
            plan.as_completed(&["a"], None).shutdown("p");
            plan.until(begun("a")).until(called("as_completed")).quiet();
            plan.signal(crate::plan::worker_of("a"), 9);
        },
        judge: |history| {
            let (yielded, _) = order(history, "as_completed")?;
            require(yielded == ["a"], || format!("it yielded {yielded:?}"))
        },
        ..CASE
    },
    Case {
        id: "wait.as-completed-by-completion",
        requirement: "The pool MUST yield futures in the order in which they are done.",
        source: COMPLETED,
        rows: &["WAIT-09"],
        needs: &[Has::AsCompleted],
        kills: &["as-completed-in-order", "as-completed-forgets-one"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("a", "second")).submit("p", gated("b", "first")).hold("both");
            plan.as_completed(&["a", "b"], None).shutdown("p");
            plan.until(begun("a")).until(begun("b")).open("both").until(called("as_completed"));
            // The second one continues when the first has certainly been delivered.
            plan.open("first").until(crate::plan::ended("b")).quiet().quiet().open("second");
        },
        judge: |history| {
            let (order, _) = order(history, "as_completed")?;
            require(order == ["b", "a"], || format!("the order was {order:?}"))
        },
        ..CASE
    },
    Case {
        id: "wait.as-completed-each-once",
        requirement: "The pool MUST yield each future once as it is done, even if it was passed twice.",
        source: COMPLETED,
        rows: &["WAIT-09", "WAIT-11"],
        needs: &[Has::AsCompleted],
        kills: &["as-completed-repeats-one", "as-completed-forgets-one"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", echo("a", 1)).submit("p", fail("b", "oh")).submit("p", echo("c", 3));
            plan.as_completed(&["a", "b", "c", "a"], None).shutdown("p");
        },
        judge: |history| {
            let (mut order, _) = order(history, "as_completed")?;
            order.sort();
            require(order == ["a", "b", "c"], || format!("the futures were {order:?}"))
        },
        ..CASE
    },
    Case {
        id: "wait.as-completed-timeout",
        requirement: "The pool MUST yield the futures that are done and then end at the timeout.",
        source: COMPLETED,
        rows: &["WAIT-10"],
        needs: &[Has::AsCompleted],
        kills: &["as-completed-hides-the-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", echo("a", 1)).result("a").submit("p", gated("b", "go"));
            plan.as_completed(&["a", "b"], Some(100)).hold("go").shutdown("p");
            plan.until(returned("as_completed")).open("go");
        },
        judge: |history| {
            let (order, timed_out) = order(history, "as_completed")?;
            require(order == ["a"] && timed_out, || {
                format!(
                    "the futures were {order:?}, and the time was{} over",
                    if timed_out { "" } else { " not" }
                )
            })
        },
        ..CASE
    },
    Case {
        id: "wait.as-completed-ends-after-cancelling-shutdown",
        requirement: "The pool MUST yield futures that its shutdown cancels to an iteration over futures as they are done.",
        source: "CPython: gh-136655 (as_completed hangs after shutdown(cancel_futures=True))",
        rows: &["WAIT-13"],
        needs: &[Has::AsCompleted, Has::ShutdownCancel, Has::ShutdownNowait, Has::Threads],
        kills: &["as-completed-leaves-out-cancelled-ones"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            let tags: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
            for tag in &tags {
                plan.submit("p", gated(tag, "go"));
            }
            plan.hold("look").shutdown_with("p", false, true).hold("end").shutdown("p");
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            plan.client("taker").hold("look").as_completed(&tags, None);
            plan.until(begun("t0"))
                .until(returned("submit t11"))
                .open("look")
                .until(returned("shutdown p"));
            plan.until(called("as_completed")).open("go");
            plan.until(returned("as_completed")).open("end");
        },
        judge: |history| {
            let (order, _) = order(history, "as_completed")?;
            require(order.len() == 12, || format!("{} of 12 futures were returned", order.len()))
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("WAIT-05", "Only CPython has a state between cancelled and notified."),
    ("WAIT-12", "The objects that an iterator keeps alive depend on the language."),
];
