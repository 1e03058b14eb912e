//! Shutdown that waits.

use std::time::Duration;

use procpool_contract::{Capability as Has, ErrorClass, EventKind};

use crate::case::{CASE, Case};
use crate::history::require;
use crate::plan::{begun, called, echo, gated, returned, tasks_begun, worker_of, workers};

use super::{many, many_returned, submit_gated};

const SHUTDOWN: &str = "CPython: concurrent.futures.Executor.shutdown";

/// How long a shutdown has to wait. A longer one would also find pools that give up later.
const PATIENCE: Duration = Duration::from_millis(1500);

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "shutdown.waits-for-tasks",
        requirement: "The pool MUST NOT return from a shutdown that waits before every task has returned.",
        source: "CPython: test_hang_issue12364",
        rows: &["SHUT-01", "SHUT-03"],
        kills: &[
            "shutdown-does-not-wait",
            "shutdown-always-cancels",
            "shutdown-kills",
            "shutdown-waits-for-a-second",
            "starts-one-too-many",
        ],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 10);
            plan.hold("begun").shutdown("p");
            (0..10).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.until(called("gate begun")).until(tasks_begun(2)).open("begun");
            // Longer than a pool may wait that gives up.
            plan.until(called("shutdown p")).pause(PATIENCE).open("go");
        },
        judge: |history| {
            many_returned(history, 10)?;
            let returned = history.ended_at("shutdown p")?;
            let late = history.events(EventKind::End).filter(|event| event.at > returned).count();
            require(late == 0, || format!("{late} tasks returned after shutdown had"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.futures-are-done-after",
        requirement: "The pool MUST have completed every future when a shutdown that waits returns.",
        source: SHUTDOWN,
        rows: &["SHUT-01"],
        needs: &[Has::State],
        kills: &["shutdown-does-not-wait"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            submit_gated(plan, &["a", "b", "c"], "go").shutdown("p");
            plan.state("a").state("b").state("c").hold("end");
            plan.until(called("shutdown p")).until(begun("a")).quiet().open("go").open("end");
        },
        judge: |history| {
            for tag in ["a", "b", "c"] {
                let done = history.value(&format!("state {tag}"))? == "done";
                require(done, || format!("\"{tag}\" was not done when shutdown had returned"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "shutdown.ends-workers",
        requirement: "The pool MUST have ended and reaped its workers when a shutdown that waits returns.",
        source: "CPython: test_processes_terminate",
        rows: &["SHUT-02", "LEAK-03", "LEAK-04"],
        kills: &["shutdown-keeps-workers"],
        plan: |plan| {
            plan.new_pool("p", workers(3));
            many(plan, 3);
            plan.hold("begun").shutdown("p").hold("look");
            plan.until(tasks_begun(3)).open("begun").until(called("shutdown p")).open("go");
            plan.until(returned("shutdown p")).sample("after").open("look");
        },
        judge: |history| {
            let after = history.sample("after")?;
            let left: Vec<u32> = history
                .workers()
                .into_iter()
                .filter(|pid| after.alive.contains(pid) || after.zombies.contains(pid))
                .collect();
            require(left.is_empty(), || format!("the workers {left:?} were there after it"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.is-idempotent",
        requirement: "The pool MUST accept further shutdowns, of every kind, without an error.",
        source: "mpi4py.futures: test_shutdown_cancel",
        rows: &["SHUT-07"],
        needs: &[Has::ShutdownNowait, Has::ShutdownCancel],
        kills: &["shuts-down-only-once"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a");
            for (wait, cancel) in [(false, false), (true, false), (false, true), (true, true)] {
                plan.shutdown_with("p", wait, cancel);
            }
        },
        judge: |history| {
            for number in 1..=4 {
                history.value(&format!("shutdown p #{number}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "shutdown.by-several-threads",
        requirement: "The pool MUST accept shutdowns by several threads at the same time, and wait in each.",
        source: "mpi4py.futures: test_shutdown_cancel",
        rows: &["SHUT-07"],
        needs: &[Has::Threads],
        kills: &["second-shutdown-does-not-wait"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("a", "go")).hold("now").shutdown("p");
            plan.client("second").hold("now").shutdown("p");
            plan.client("third").hold("now").shutdown("p");
            plan.until(begun("a")).open("now");
            plan.until(called("shutdown p")).until(called("shutdown p #2"));
            plan.until(called("shutdown p #3")).quiet().open("go");
        },
        judge: |history| {
            let end = history.event(EventKind::End, "a")?.at;
            for time in ["", " #2", " #3"] {
                let step = format!("shutdown p{time}");
                history.value(&step)?;
                let returned = history.ended_at(&step)?;
                require(end <= returned, || "a shutdown returned before the task had".to_owned())?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "shutdown.right-after-submitting",
        requirement: "The pool MUST return from a shutdown right after the submission of more tasks than it has workers.",
        source: "CPython: test_shutdown_race_issue12456",
        rows: &["SHUT-10"],
        kills: &["shutdown-hangs-behind-pending-tasks"],
        plan: |plan| {
            for round in 0..5 {
                let pool = format!("p{round}");
                plan.new_pool(&pool, workers(2));
                for number in 0..3 {
                    plan.submit(&pool, echo(&format!("t{round}-{number}"), number));
                }
                plan.shutdown(&pool);
            }
        },
        judge: |history| {
            let ran = history.events(EventKind::End).count();
            require(ran == 15, || format!("{ran} of 15 tasks ran"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.right-after-cancelling",
        requirement: "The pool MUST return from a shutdown right after a task was submitted and cancelled.",
        source: "CPython: test_hang_gh94440",
        rows: &["SHUT-11"],
        needs: &[Has::Cancel],
        kills: &["shutdown-hangs-after-a-cancellation"],
        plan: |plan| {
            for round in 0..10 {
                let (pool, tag) = (format!("p{round}"), format!("t{round}"));
                plan.new_pool(&pool, workers(1)).submit(&pool, echo(&tag, round)).cancel(&tag);
                plan.shutdown(&pool);
            }
        },
        judge: |history| {
            (0..10).try_for_each(|round| history.value(&format!("shutdown p{round}")).map(|_| ()))
        },
        ..CASE
    },
    Case {
        id: "shutdown.death-while-it-waits",
        requirement: "The pool MUST return from a shutdown during which a worker dies, and report the death by the task's future.",
        source: "CPython: test_shutdown_deadlock",
        rows: &["SHUT-12"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("a", "never"))
                .shutdown("p")
                .result("a");
            plan.until(begun("a")).until(called("shutdown p")).quiet();
            plan.signal(worker_of("a"), 9);
        },
        judge: |history| {
            history.value("shutdown p")?;
            history.failure("result a", &[ErrorClass::Broken]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.unused",
        requirement: "The pool MUST return from the shutdown of a pool that had no task.",
        source: SHUTDOWN,
        rows: &["SHUT-07", "CFG-09"],
        kills: &["shutdown-needs-a-task"],
        plan: |plan| {
            plan.new_pool("p", workers(4)).shutdown("p");
        },
        judge: |history| {
            history.value("new p")?;
            history.value("shutdown p").map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.other-pools-go-on",
        requirement: "The pool MUST NOT end another pool or its tasks when it is shut down.",
        source: SHUTDOWN,
        rows: &["SHUT-02"],
        kills: &["shutdown-ends-all-pools"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).new_pool("q", workers(1));
            plan.submit("q", gated("a", "go")).submit("p", echo("b", 2)).hold("look");
            plan.shutdown("p").submit("q", echo("c", 3)).result("a").result("c").shutdown("q");
            plan.until(begun("a")).open("look").until(returned("shutdown p")).open("go");
        },
        judge: |history| {
            history.value("shutdown p")?;
            history.returned("result a", "a")?;
            history.returned("result c", 3)?;
            // In the same worker: the worker did not belong to the pool that ended.
            let worker = |tag| history.event(EventKind::Begin, tag).map(|event| event.pid);
            let (first, second) = (worker("a")?, worker("c")?);
            require(first == second, || format!("worker {second} took the place of {first}"))
        },
        ..CASE
    },
];
