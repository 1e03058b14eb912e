//! Idle workers that exit after a time.

use std::time::Duration;

use procpool_contract::{Capability as Has, PoolOptions};

use crate::case::{CASE, Case};
use crate::history::require;
use crate::plan::{
    Condition, begun, called, echo, gated, marked, returned, squared, squares, tasks_begun, whoami,
    worker_gone, workers,
};

const LOKY: &str = "loky: test_worker_timeout";

fn idling(count: i64, idle_timeout: u64) -> PoolOptions {
    PoolOptions { idle_timeout: Some(idle_timeout), ..workers(count) }
}

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "timeout.idle-workers-leave",
        requirement: "The pool MUST end every worker that has been idle for the idle timeout, and start others for new tasks.",
        source: LOKY,
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
        requirement: "The pool MUST work after its idle workers have exited, however often.",
        source: LOKY,
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
        requirement: "The pool MUST NOT end a worker that runs a task while the others are idle and exit.",
        source: LOKY,
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
        requirement: "The pool MUST NOT lose a task that is submitted when a worker is about to exit.",
        source: "loky: test_worker_timeout_with_slowly_pickling_objects",
        rows: &["TMO-06"],
        needs: &[Has::IdleTimeout],
        kills: &["workers-crash-when-idle"],
        plan: |plan| {
            plan.new_pool("p", idling(1, 20));
            for round in 0..40 {
                let tag = format!("t{round}");
                plan.submit("p", echo(&tag, round)).result(&tag).hold(&format!("next{round}"));
                // At different moments around the time at which it exits, before and after.
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
        requirement: "The pool MUST finish its tasks in a shutdown during which an idle worker exits.",
        source: "loky: test_worker_timeout_shutdown_no_deadlock",
        rows: &["TMO-07"],
        needs: &[Has::IdleTimeout],
        kills: &["shutdown-hangs-with-an-idle-timeout"],
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
        requirement: "The pool MUST end when it is shut down while idle workers exit.",
        source: "loky: test_worker_timeout_shutdown_no_deadlock",
        rows: &["TMO-07"],
        needs: &[Has::IdleTimeout],
        kills: &["shutdown-hangs-with-an-idle-timeout"],
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
        requirement: "The pool MUST call the initializer in a worker that starts after an idle one has exited.",
        source: LOKY,
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
