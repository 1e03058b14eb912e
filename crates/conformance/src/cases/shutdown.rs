//! The ends of a pool.

use crate::case::{CASE, Case, Only, Waiver};
use crate::contract::{Capability as Has, ErrorClass, EventKind, PoolOptions, policy};
use crate::history::{Finding, History, require};
use crate::plan::{
    Condition, Plan, begun, called, echo, gated, returned, tasks_begun, traced, worker_gone,
    workers,
};

fn many(plan: &mut Plan, count: usize) {
    for number in 0..count {
        plan.submit("p", gated(&format!("t{number}"), "go"));
    }
}

fn all_returned(history: &History, count: usize) -> Finding {
    (0..count).try_for_each(|number| {
        let tag = format!("t{number}");
        history.returned(&format!("result {tag}"), tag.clone())
    })
}

/// What shutdown has cancelled, of so many: none is left without an outcome.
fn cancelled(history: &History, count: usize) -> Result<usize, String> {
    let mut cancelled = 0;
    for number in 0..count {
        let tag = format!("t{number}");
        let step = format!("result {tag}");
        if history.count(EventKind::Begin, &tag) > 0 {
            history.returned(&step, tag.clone())?;
        } else {
            history.failure(&step, &[ErrorClass::Cancelled])?;
            cancelled += 1;
        }
    }
    Ok(cancelled)
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "shutdown.waits-for-tasks",
        requirement: "The pool MUST NOT return from a shutdown that waits before every task has returned.",
        source: "CPython: test_hang_issue12364",
        rows: &["SHUT-01", "SHUT-03"],
        kills: &[
            "shutdown-does-not-wait",
            "shutdown-always-cancels",
            "shutdown-kills",
            "starts-one-too-many",
        ],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 10);
            plan.shutdown("p");
            (0..10).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.until(called("shutdown p")).until(tasks_begun(2)).quiet().open("go");
        },
        judge: |history| {
            all_returned(history, 10)?;
            let returned = history.ended_at("shutdown p")?;
            let late = history.events(EventKind::End).filter(|event| event.at > returned).count();
            require(late == 0, || format!("{late} tasks returned after it had"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.ends-workers",
        requirement: "The pool MUST have ended and reaped its workers when a shutdown that waits returns.",
        source: "CPython: test_processes_terminate",
        rows: &["SHUT-02", "LEAK-03", "LEAK-04"],
        plan: |plan| {
            plan.new_pool("p", workers(3));
            many(plan, 3);
            plan.shutdown("p").hold("look");
            plan.until(tasks_begun(3)).until(called("shutdown p")).open("go");
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
        requirement: "The pool MUST let itself be shut down again, in every way, without an error.",
        source: "mpi4py.futures: test_shutdown_cancel",
        rows: &["SHUT-07"],
        needs: &[Has::ShutdownNowait, Has::ShutdownCancel],
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
        requirement: "The pool MUST let itself be shut down by several threads at a time.",
        source: "mpi4py.futures: test_shutdown_cancel",
        rows: &["SHUT-07"],
        needs: &[Has::Threads],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("a", "go")).hold("now").shutdown("p");
            plan.client("second").hold("now").shutdown("p");
            plan.client("third").hold("now").shutdown("p");
            plan.until(begun("a")).open("now");
            plan.until(called("shutdown p")).until(called("shutdown p #2"));
            plan.until(called("shutdown p #3")).quiet().open("go");
        },
        judge: |history| {
            for number in 1..=3 {
                history.value(&format!("shutdown p #{number}"))?;
            }
            history.event(EventKind::End, "a").map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.without-waiting-returns",
        requirement: "The pool MUST return at once from a shutdown that does not wait, and run what was submitted.",
        source: "CPython: test_shutdown_no_wait",
        rows: &["SHUT-04"],
        needs: &[Has::ShutdownNowait],
        kills: &["shutdown-always-waits", "shutdown-always-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 6);
            plan.shutdown_with("p", false, false);
            (0..6).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.until(returned("shutdown p")).open("go");
        },
        judge: |history| all_returned(history, 6),
        ..CASE
    },
    Case {
        id: "shutdown.without-waiting-ends-workers",
        requirement: "The pool MUST end its workers after a shutdown that did not wait, once they have no more tasks.",
        source: "CPython: test_shutdown_no_wait",
        rows: &["SHUT-04"],
        needs: &[Has::ShutdownNowait],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 4);
            plan.shutdown_with("p", false, false).hold("end");
            plan.until(returned("shutdown p")).until(begun("t0")).open("go");
            plan.until(traced(EventKind::End, 4)).until(Condition::WorkersGone).open("end");
        },
        judge: |history| {
            let ran = history.events(EventKind::End).count();
            require(ran == 4, || format!("{ran} of 4 tasks ran"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.cancels",
        requirement: "The pool MUST cancel the tasks that have not begun when it is told to, and finish the others.",
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
            // Two run, and a few may be on their way.
            require(cancelled >= 20, || format!("{cancelled} of 30 were cancelled"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.cancelling-wakes-who-waits",
        requirement: "The pool MUST wake whoever waits for a task that its shutdown cancels.",
        source: "CPython: gh-136655, of which this is the simple form",
        rows: &["SHUT-05", "WAIT-13"],
        needs: &[Has::ShutdownCancel, Has::Threads],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            many(plan, 10);
            plan.hold("look").shutdown_with("p", true, true);
            plan.client("waiter").hold("wait").result("t9");
            plan.until(begun("t0")).open("wait").until(called("result t9")).quiet().open("look");
            plan.until(called("shutdown p")).until(returned("result t9")).open("go");
        },
        judge: |history| history.failure("result t9", &[ErrorClass::Cancelled]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "shutdown.second-is-honoured",
        requirement: "The pool MUST wait in a second shutdown that is told to, after a first one that was not.",
        source: "mpi4py.futures: test_submit_shutdown_cancel",
        rows: &["SHUT-06"],
        needs: &[Has::ShutdownNowait],
        only: Some(Only {
            words: "second_shutdown is honoured",
            holds: |policies| policies.second_shutdown == Some(policy::SecondShutdown::Honoured),
        }),
        kills: &["shutdown-does-not-wait"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("look");
            plan.shutdown_with("p", false, false).shutdown("p");
            plan.until(begun("a")).open("look").until(called("shutdown p #2")).quiet().open("go");
        },
        judge: |history| {
            let (end, returned) =
                (history.event(EventKind::End, "a")?.at, history.ended_at("shutdown p #2")?);
            require(end <= returned, || "it returned while the task ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "shutdown.second-is-ignored",
        requirement: "The pool MUST end after a second shutdown that it ignores, as it says, with the task finished.",
        source: "CPython 3.13: measured",
        rows: &["SHUT-06"],
        needs: &[Has::ShutdownNowait],
        only: Some(Only {
            words: "second_shutdown is ignored",
            holds: |policies| policies.second_shutdown == Some(policy::SecondShutdown::Ignored),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("look");
            plan.shutdown_with("p", false, false).shutdown("p").result("a");
            plan.until(begun("a")).open("look").until(called("shutdown p #2")).quiet().open("go");
        },
        judge: |history| history.returned("result a", "a"),
        ..CASE
    },
    Case {
        id: "shutdown.right-after-submitting",
        requirement: "The pool MUST return from a shutdown that comes right after more tasks than it has workers.",
        source: "CPython: test_shutdown_race_issue12456",
        rows: &["SHUT-10"],
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
        requirement: "The pool MUST return from a shutdown that comes right after a task was submitted and cancelled.",
        source: "CPython: test_hang_gh94440",
        rows: &["SHUT-11"],
        needs: &[Has::Cancel],
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
        requirement: "The pool MUST return from a shutdown during which a worker dies, and tell so by the task's future.",
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
            plan.signal(crate::plan::worker_of("a"), 9);
        },
        judge: |history| history.failure("result a", &[ErrorClass::Broken]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "shutdown.kill-ends-running-tasks",
        requirement: "The pool MUST end running tasks when it is told to kill its workers, and give every future an error.",
        source: "CPython 3.14: test_force_shutdown_workers",
        rows: &["SHUT-17", "SHUT-19", "SHUT-21"],
        needs: &[Has::KillWorkers],
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
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").kill_workers("p");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
        },
        judge: |history| {
            let classes = [ErrorClass::Rejected, ErrorClass::Broken, ErrorClass::Cancelled];
            let step = if history.value("submit b").is_ok() { "result b" } else { "submit b" };
            history.failure(step, &classes).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.kill-of-nothing",
        requirement: "The pool MUST NOT fail when it is told to kill workers that it has not, or not any more.",
        source: "CPython 3.14: test_force_shutdown_workers_not_started_yet",
        rows: &["SHUT-18"],
        needs: &[Has::KillWorkers],
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
        id: "shutdown.kill-while-a-worker-retires",
        requirement: "The pool MUST NOT replace a worker that retires when it was told to kill its workers.",
        source: "CPython: test_force_shutdown_during_max_tasks_worker_exit",
        rows: &["SHUT-30"],
        needs: &[Has::KillWorkers, Has::MaxTasksPerChild],
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
        id: "shutdown.drop-drains-and-waits",
        requirement: "The pool MUST finish its tasks before it is gone when it is dropped, as it says.",
        source: "CPython: test_del_shutdown",
        rows: &["SHUT-08"],
        needs: &[Has::Drop],
        only: Some(Only {
            words: "drop is drain_and_wait",
            holds: |policies| policies.drop == Some(policy::Drop::DrainAndWait),
        }),
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
            all_returned(history, 4)?;
            let dropped = history.ended_at("drop p")?;
            let late = history.events(EventKind::End).filter(|event| event.at > dropped).count();
            require(late == 0, || format!("{late} tasks returned after it was gone"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.drop-drains",
        requirement: "The pool MUST finish its tasks when it is dropped, as it says, and then end its workers.",
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
        judge: |history| all_returned(history, 4),
        ..CASE
    },
    Case {
        id: "shutdown.drop-kills",
        requirement: "The pool MUST end its workers when it is dropped, as it says, and give every future an error.",
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
        requirement: "The pool MUST tell of a worker that dies after the pool was dropped, and end the others.",
        source: "loky: test_processes_crash_handling_after_executor_gc",
        rows: &["SHUT-09"],
        needs: &[Has::Drop, Has::WorkerDeath, Has::Threads],
        only: Some(Only {
            words: "drop is not kill",
            holds: |policies| policies.drop != Some(policy::Drop::Kill),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("a", "never"))
                .hold("look")
                .drop_pool("p");
            plan.hold("end").client("waiter").hold("look").result("a");
            plan.until(begun("a")).open("look").until(called("drop p")).quiet();
            plan.signal(crate::plan::worker_of("a"), 9).until(worker_gone("a"));
            plan.until(returned("result a")).open("end");
        },
        judge: |history| history.failure("result a", &[ErrorClass::Broken]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "shutdown.program-end-drains",
        requirement: "The pool MUST finish its tasks before a program ends that does not shut it down, as it says.",
        source: "CPython: test_interpreter_shutdown",
        rows: &["SHUT-15", "SHUT-16"],
        only: Some(Only {
            words: "program_end is drain",
            holds: |policies| policies.program_end == Some(policy::ProgramEnd::Drain),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 4);
            plan.until(begun("t0")).until(returned("submit t3")).quiet().open("go");
        },
        judge: |history| {
            let ran = history.events(EventKind::End).count();
            require(ran == 4, || format!("{ran} of 4 tasks ran"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.program-end-abandons",
        requirement: "The pool MUST let a program end that does not shut it down, as it says, with no worker left.",
        source: "multiprocessing: daemon processes",
        rows: &["SHUT-15"],
        only: Some(Only {
            words: "program_end is abandon",
            holds: |policies| policies.program_end == Some(policy::ProgramEnd::Abandon),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).hold("end");
            plan.until(begun("a")).open("end").until(Condition::OwnerEnded);
        },
        judge: |history| {
            let ended = history.count(EventKind::End, "a");
            require(ended == 0, || "the task returned, though its gate is shut".to_owned())
        },
        waives: &[Waiver::CleanEnd],
        ..CASE
    },
    Case {
        id: "shutdown.program-end-after-nowait",
        requirement: "The pool MUST finish its tasks before a program ends that shut it down without waiting, as it says.",
        source: "CPython: test_hang_gh83386; loky: test_hang_issue39205",
        rows: &["SHUT-16"],
        needs: &[Has::ShutdownNowait],
        only: Some(Only {
            words: "nowait_end is drain",
            holds: |policies| policies.nowait_end == Some(policy::ProgramEnd::Drain),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.shutdown_with("p", false, false);
            plan.until(begun("a")).until(returned("shutdown p")).quiet().open("go");
        },
        judge: |history| history.event(EventKind::End, "a").map(|_| ()),
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("SHUT-20", "The contract does not nest pools that are then killed."),
    ("SHUT-22", "A wait for a pool's end that is no shutdown is pebble's own."),
    (
        "SHUT-23",
        "A pool that is stopped while an argument is on its way is a race that no gate orders.",
    ),
    ("SHUT-24", "It takes a gigabyte of arguments, and machines that have it."),
    (
        "SHUT-29",
        "A pool that is dropped while workers retire is recycle.shutdown-without-waiting with another beginning; which outcome is right, pools differ in.",
    ),
    (
        "SHUT-31",
        "It needs a system that refuses processes, which a suite must not make of the machine.",
    ),
    (
        "SHUT-32",
        "It needs a system that refuses threads, which a suite must not make of the machine.",
    ),
    ("SHUT-33", "The contract does not warm pools up."),
];
