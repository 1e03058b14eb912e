//! The end of a pool by force.

use procpool_contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, PoolOptions, policy,
};

use crate::case::{CASE, Case, Level, Only};
use crate::history::require;
use crate::plan::{
    Condition, begun, call, die, echo, gated, returned, tasks_begun, worker_gone, workers,
};

use super::ENDED;

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "shutdown.kill-ends-running-tasks",
        requirement: "The pool MUST end running tasks when its workers are killed by a call, and give every future an error.",
        source: "CPython 3.14: test_force_shutdown_workers",
        rows: &["SHUT-17", "SHUT-19", "SHUT-21"],
        needs: &[Has::KillWorkers],
        kills: &["kill-returns-null"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..8 {
                plan.submit("p", gated(&format!("t{number}"), "never"));
            }
            plan.hold("look").kill_workers("p");
            (0..8).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.shutdown("p");
            plan.until(tasks_begun(2)).open("look").until(Condition::WorkersGone);
        },
        judge: |history| {
            for number in 0..8 {
                let classes = [ErrorClass::Broken, ErrorClass::Cancelled];
                history.failure(&format!("result t{number}"), &classes)?;
            }
            let ended = history.events(EventKind::End).count();
            require(ended == 0, || format!("{ended} tasks returned"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-rejects-later-tasks",
        requirement: "The pool MUST refuse tasks after its workers were killed.",
        source: "CPython 3.14: test_force_shutdown_workers_stops_pool",
        rows: &["SHUT-17"],
        needs: &[Has::KillWorkers],
        kills: &["accepts-after-a-kill"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").kill_workers("p");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
        },
        judge: |history| {
            let classes = [ErrorClass::Rejected, ErrorClass::Broken, ErrorClass::Cancelled];
            history.task_failure("b", &classes).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-of-nothing",
        requirement: "The pool MUST NOT fail when it is asked to kill workers that it does not have, or no longer has.",
        source: "CPython 3.14: test_force_shutdown_workers_not_started_yet",
        rows: &["SHUT-18"],
        needs: &[Has::KillWorkers],
        kills: &["kill-needs-a-worker"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).kill_workers("p").kill_workers("p").shutdown("p");
        },
        judge: |history| {
            history.value("kill_workers p")?;
            history.value("kill_workers p #2")?;
            history.value("shutdown p").map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-when-broken",
        requirement: "The pool MUST return when it is asked to kill its workers and is broken.",
        source: "CPython: test_process_pool.py, test_force_shutdown_workers_dead_workers",
        rows: &["SHUT-18"],
        needs: &[Has::WorkerDeath],
        only: Some(Only {
            words: "worker_death is break",
            holds: |policies| policies.worker_death == Some(policy::WorkerDeath::Break),
        }),
        kills: &["kill-needs-a-worker"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", die("a", 3)).result("a").kill_workers("p");
            plan.shutdown("p");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Broken])?;
            history.value("kill_workers p")?;
            history.value("shutdown p").map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-while-a-worker-retires",
        requirement: "The pool MUST NOT replace a worker that retires after a call to kill its workers.",
        source: "CPython: test_force_shutdown_during_max_tasks_worker_exit",
        rows: &["SHUT-30"],
        needs: &[Has::KillWorkers, Has::MaxTasksPerChild],
        kills: &["kill-spares-workers-that-retire"],
        plan: |plan| {
            plan.new_pool("p", PoolOptions { max_tasks_per_child: Some(1), ..workers(1) });
            plan.submit("p", echo("a", 1)).submit("p", gated("b", "never")).result("a");
            plan.kill_workers("p").result("b").hold("end").shutdown("p");
            plan.until(returned("result b")).until(Condition::WorkersGone).quiet().open("end");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            history.failure("result b", &[ErrorClass::Broken, ErrorClass::Cancelled])?;
            let late = history.ended_at("result b")?;
            let begun = history.events(EventKind::Begin).filter(|event| event.at > late).count();
            require(begun == 0, || "a task began afterwards".to_owned())
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-while-a-large-argument-travels",
        requirement: "The pool MUST return when it is asked to kill its workers while it sends a large argument.",
        source: "pebble: test_process_pool_stop_large_data",
        rows: &["SHUT-23"],
        needs: &[Has::Blob],
        kills: &["kill-waits-for-large-arguments"],
        plan: |plan| {
            let large = "y".repeat(4 << 20);
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).hold("look");
            plan.submit("p", Call { value: large.into(), count: Some(1), ..call(Body::Blob, "b") });
            plan.kill_workers("p").result("a").result("b");
            plan.until(begun("a")).open("look");
        },
        judge: |history| {
            history.value("submit b")?;
            history.value("kill_workers p")?;
            history.failure("result a", ENDED)?;
            history.failure("result b", ENDED).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-ends-workers-that-ignore-sigterm",
        level: Level::Should,
        requirement: "The pool SHOULD end a worker that ignores SIGTERM when it is asked to kill its workers.",
        source: "CPython: ProcessPoolExecutor.kill_workers",
        rows: &["SHUT-17"],
        needs: &[Has::IgnoreTerm],
        kills: &["kills-by-sigterm"],
        plan: |plan| {
            let stubborn = Call { run: Body::IgnoreTerm, ..gated("a", "never") };
            plan.new_pool("p", workers(1)).submit("p", stubborn).hold("look").kill_workers("p");
            plan.hold("end");
            plan.until(begun("a")).quiet().open("look").until(worker_gone("a")).open("end");
        },
        judge: |history| {
            history.event(EventKind::Begin, "a")?;
            history.value("kill_workers p").map(|_| ())
        },
        ..CASE
    },
];
