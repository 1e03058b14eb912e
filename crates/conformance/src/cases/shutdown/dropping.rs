//! The end of a pool without a shutdown: its last handle is dropped.

use procpool_contract::{Capability as Has, ErrorClass, EventKind, Outcome, PoolOptions, policy};

use crate::case::{CASE, Case, Only};
use crate::history::require;
use crate::plan::{
    Condition, begun, called, echo, gated, returned, tasks_begun, worker_gone, worker_of, workers,
};

use super::{all_returned, many, many_returned, results, submit_gated};

const DROP: &str = "CPython: test_shutdown.py, test_del_shutdown";

const DRAINS: Option<Only> = Some(Only {
    words: "drop is drain or drain_and_wait",
    holds: |policies| {
        matches!(policies.drop, Some(policy::Drop::Drain | policy::Drop::DrainAndWait))
    },
});

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "shutdown.drop-drains-and-waits",
        requirement: "The pool MUST finish its tasks before its drop returns, as it declares.",
        source: "CPython: test_del_shutdown",
        rows: &["SHUT-08"],
        needs: &[Has::Drop],
        only: Some(Only {
            words: "drop is drain_and_wait",
            holds: |policies| policies.drop == Some(policy::Drop::DrainAndWait),
        }),
        kills: &["drop-does-not-wait"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 4);
            plan.drop_pool("p");
            (0..4).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.until(tasks_begun(2)).until(called("drop p")).quiet().open("go");
        },
        judge: |history| {
            many_returned(history, 4)?;
            let dropped = history.ended_at("drop p")?;
            let late = history.events(EventKind::End).filter(|event| event.at > dropped).count();
            require(late == 0, || format!("{late} tasks returned after it was gone"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.drop-drains",
        requirement: "The pool MUST finish its tasks when it is dropped, as it declares, and then end its workers.",
        source: "CPython: test_del_shutdown",
        rows: &["SHUT-08"],
        needs: &[Has::Drop],
        only: Some(Only {
            words: "drop is drain",
            holds: |policies| policies.drop == Some(policy::Drop::Drain),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 4);
            plan.drop_pool("p");
            (0..4).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.hold("end").until(returned("drop p")).open("go");
            plan.until(returned("result t3")).until(Condition::WorkersGone).open("end");
        },
        judge: |history| many_returned(history, 4),
        ..CASE
    },
    Case {
        id: "shutdown.drop-kills",
        requirement: "The pool MUST end its workers when it is dropped, as it declares, and give every future an error.",
        source: "procspawn: Pool's Drop; pebble: stop",
        rows: &["SHUT-08"],
        needs: &[Has::Drop],
        only: Some(Only {
            words: "drop is kill",
            holds: |policies| policies.drop == Some(policy::Drop::Kill),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).hold("look");
            plan.drop_pool("p").result("a").hold("end");
            plan.until(begun("a")).open("look").until(returned("drop p"));
            plan.until(Condition::WorkersGone).until(returned("result a")).open("end");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Broken, ErrorClass::Cancelled]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.death-after-drop",
        requirement: "The pool MUST report a worker that dies after the pool was dropped, and end the others.",
        source: "loky: test_processes_crash_handling_after_executor_gc",
        rows: &["SHUT-09"],
        needs: &[Has::Drop, Has::WorkerDeath, Has::Threads],
        only: Some(Only {
            words: "drop is not kill",
            holds: |policies| policies.drop != Some(policy::Drop::Kill),
        }),
        kills: &["hangs-on-a-death"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("a", "never"))
                .hold("look")
                .drop_pool("p");
            plan.hold("end").client("waiter").hold("look").result("a");
            plan.until(begun("a")).open("look").until(called("drop p")).quiet();
            plan.signal(worker_of("a"), 9).until(worker_gone("a"));
            plan.until(returned("result a")).open("end");
        },
        judge: |history| history.failure("result a", &[ErrorClass::Broken]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "shutdown.drop-ends-workers",
        requirement: "The pool MUST end its workers when it has been dropped and has no tasks.",
        source: "loky: test_processes_terminate_on_executor_gc",
        rows: &["SHUT-08"],
        kills: &["drop-keeps-workers"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            submit_gated(plan, &["a", "b"], "go");
            results(plan, &["a", "b"]).drop_pool("p").hold("end");
            plan.until(begun("a")).until(begun("b")).open("go").until(returned("drop p"));
            plan.until(Condition::WorkersGone).open("end");
        },
        judge: |history| {
            history.value("drop p")?;
            all_returned(history, &["a", "b"])
        },
        ..CASE
    },
    Case {
        id: "shutdown.drop-while-workers-retire",
        requirement: "The pool MUST complete every future when it is dropped while workers retire: by running its task, or by failing it as broken.",
        source: "CPython: test_gc_during_max_tasks_worker_exit_gh152967",
        rows: &["SHUT-29"],
        only: DRAINS,
        kills: &["forgets-a-future"],
        plan: |plan| {
            let once = PoolOptions { max_tasks_per_child: Some(1), ..workers(1) };
            plan.new_pool("p", once);
            submit_gated(plan, &["a", "b", "c"], "go").hold("look").drop_pool("p");
            results(plan, &["a", "b", "c"]);
            plan.until(begun("a")).open("look").until(called("drop p")).quiet().open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            for tag in ["b", "c"] {
                let result = format!("result {tag}");
                match history.outcome(&result)? {
                    Outcome::Ok(_) => history.returned(&result, tag)?,
                    Outcome::Error(_) => {
                        history.failure(&result, &[ErrorClass::Broken])?;
                    }
                }
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "shutdown.drop-unused",
        requirement: "The pool MUST return from the drop of a pool that had no task, and leave nothing of it.",
        source: DROP,
        rows: &["SHUT-08"],
        kills: &["leaks-a-worker"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a").shutdown("p");
            plan.hold("first").new_pool("q", workers(2)).drop_pool("q").hold("second");
            plan.until(returned("shutdown p")).sample("before").open("first");
            plan.until(returned("drop q")).settle("after", "before").open("second");
        },
        judge: |history| {
            history.value("new q")?;
            history.value("drop q")?;
            let (before, after) = (history.sample("before")?, history.sample("after")?);
            require(after.alive.len() <= before.alive.len(), || {
                format!(
                    "{} processes were there, and {} before",
                    after.alive.len(),
                    before.alive.len()
                )
            })
        },
        ..CASE
    },
];
