//! Workers that retire after a number of tasks.

use std::collections::BTreeMap;

use procpool_contract::{
    Call, Capability as Has, ErrorClass, EventKind, MapOptions, Place, PoolOptions,
};

use crate::case::{CASE, Case, Level};
use crate::history::{Finding, History, require};
use crate::plan::{Plan, echo, fail, returned, squared, squares, workers};

const CPYTHON: &str = "CPython: test_process_pool.py, test_max_tasks_per_child";

fn retiring(count: i64, tasks: i64) -> PoolOptions {
    PoolOptions { max_tasks_per_child: Some(tasks), ..workers(count) }
}

/// Submits everything first, then takes the results.
fn backlog(plan: &mut Plan, pool: PoolOptions, tasks: i64) {
    plan.new_pool("p", pool);
    for number in 0..tasks {
        plan.submit("p", echo(&format!("t{number}"), number));
    }
    for number in 0..tasks {
        plan.result(&format!("t{number}"));
    }
    plan.shutdown("p");
}

fn large() -> String {
    "x".repeat(200_000)
}

fn all_ran(history: &History, tasks: i64, most: usize) -> Finding {
    for number in 0..tasks {
        history.returned(&format!("result t{number}"), number)?;
    }
    no_more(history, most)
}

fn no_more(history: &History, most: usize) -> Finding {
    let mut by_worker: BTreeMap<u32, usize> = BTreeMap::new();
    for event in history.events(EventKind::Begin) {
        *by_worker.entry(event.pid).or_default() += 1;
    }
    for (pid, ran) in by_worker {
        require(ran <= most, || format!("worker {pid} ran {ran} tasks, and may run {most}"))?;
    }
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "recycle.after-so-many-tasks",
        requirement: "The pool MUST run no more tasks in a worker than its limit, and the next ones in another.",
        source: CPYTHON,
        rows: &["MTC-01", "MTC-04"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["retires-late", "retires-never", "keeps-the-limit-of-the-first-pool"],
        plan: |plan| {
            plan.new_pool("p", retiring(1, 3));
            for number in 0..7 {
                let tag = format!("t{number}");
                plan.submit("p", echo(&tag, number)).result(&tag);
            }
            plan.shutdown("p");
            // A pool may keep the limit of the first one.
            plan.new_pool("p", retiring(1, 1));
            for number in 7..9 {
                let tag = format!("t{number}");
                plan.submit("p", echo(&tag, number)).result(&tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            all_ran(history, 9, 3)?;
            let workers = history.workers().len();
            require(workers == 5, || {
                format!("{workers} workers ran 7 tasks, 3 each, and then 2, one each")
            })
        },
        ..CASE
    },
    Case {
        id: "recycle.backlog-one-worker",
        requirement: "The pool MUST run all pending tasks while its only worker retires again and again.",
        source: "CPython: gh-115634",
        rows: &["MTC-02"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["retires-without-replacing"],
        plan: |plan| backlog(plan, retiring(1, 2), 6),
        judge: |history| all_ran(history, 6, 2),
        ..CASE
    },
    Case {
        id: "recycle.backlog-two-workers",
        requirement: "The pool MUST run all pending tasks while both its workers retire again and again.",
        source: "CPython: gh-115634",
        rows: &["MTC-02"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["retires-without-replacing"],
        plan: |plan| backlog(plan, retiring(2, 2), 12),
        judge: |history| all_ran(history, 12, 2),
        ..CASE
    },
    Case {
        id: "recycle.one-task-each",
        requirement: "The pool MUST run each task in a worker of its own if a worker may run one.",
        source: CPYTHON,
        rows: &["MTC-04"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["retires-late"],
        plan: |plan| backlog(plan, retiring(2, 1), 8),
        judge: |history| {
            all_ran(history, 8, 1)?;
            let workers = history.workers().len();
            require(workers == 8, || format!("{workers} workers ran 8 tasks"))
        },
        ..CASE
    },
    Case {
        id: "recycle.early-shutdown",
        requirement: "The pool MUST run all pending tasks when it is shut down while workers retire.",
        source: "CPython: test_max_tasks_early_shutdown",
        rows: &["MTC-03"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["shutdown-always-cancels"],
        plan: |plan| {
            plan.new_pool("p", retiring(3, 1));
            for number in 0..6 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.shutdown("p");
            for number in 0..6 {
                plan.result(&format!("t{number}"));
            }
        },
        judge: |history| all_ran(history, 6, 1),
        ..CASE
    },
    Case {
        id: "recycle.shutdown-without-waiting",
        requirement: "The pool MUST run all pending tasks when it is shut down without waiting while its worker retires.",
        source: "CPython: gh-119592, test_shutdown_no_wait_max_tasks",
        rows: &["SHUT-28"],
        needs: &[Has::MaxTasksPerChild, Has::ShutdownNowait],
        kills: &["shutdown-always-cancels"],
        plan: |plan| {
            plan.new_pool("p", retiring(1, 1));
            for number in 0..3 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.shutdown_with("p", false, false);
            for number in 0..3 {
                plan.result(&format!("t{number}"));
            }
        },
        judge: |history| all_ran(history, 3, 1),
        ..CASE
    },
    Case {
        id: "recycle.failing-tasks-count",
        requirement: "The pool MUST also count tasks that fail.",
        source: "measured on CPython 3.13, where they do",
        rows: &["MTC-06"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["retires-never"],
        plan: |plan| {
            plan.new_pool("p", retiring(1, 2));
            for number in 0..4 {
                let tag = format!("t{number}");
                plan.submit("p", fail(&tag, "oh")).result(&tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..4 {
                history.failure(&format!("result t{number}"), &[ErrorClass::Task])?;
            }
            let workers = history.workers().len();
            require(workers == 2, || format!("{workers} workers ran 4 tasks, 2 each"))
        },
        ..CASE
    },
    Case {
        id: "recycle.bad-results-count",
        requirement: "The pool MUST also count tasks whose results cannot be encoded.",
        source: "measured on CPython 3.13, where they do",
        rows: &["MTC-06"],
        needs: &[Has::MaxTasksPerChild, Has::PoisonEncodeResult],
        kills: &["retires-never"],
        plan: |plan| {
            plan.new_pool("p", retiring(1, 2));
            for number in 0..4 {
                let tag = format!("t{number}");
                let call = Call { poison: Some(Place::EncodeResult), ..echo(&tag, number) };
                plan.submit("p", call).result(&tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..4 {
                let classes = [ErrorClass::Serialisation, ErrorClass::Task];
                history.failure(&format!("result t{number}"), &classes)?;
            }
            let workers = history.workers().len();
            require(workers == 2, || format!("{workers} workers ran 4 tasks, 2 each"))
        },
        ..CASE
    },
    Case {
        id: "recycle.items-count",
        requirement: "The pool MUST also count the items of a map if a chunk is one item.",
        source: CPYTHON,
        rows: &["MTC-01"],
        needs: &[Has::MaxTasksPerChild, Has::Map, Has::Chunksize],
        kills: &["retires-never"],
        plan: |plan| {
            let options = MapOptions { chunksize: Some(1), ..MapOptions::default() };
            plan.new_pool("p", retiring(1, 2)).map_with("p", squares("t", 6), options);
            plan.shutdown("p");
        },
        judge: |history| {
            let values = history.values("map p")?;
            require(values == squared(6), || format!("the results were {values:?}"))?;
            no_more(history, 2)
        },
        ..CASE
    },
    Case {
        id: "recycle.failing-task-and-shutdown",
        requirement: "The pool MUST end when a worker's last task fails and it is shut down without waiting.",
        source: "CPython: gh-132969",
        rows: &["SHUT-27"],
        needs: &[Has::MaxTasksPerChild, Has::ShutdownNowait],
        kills: &["hangs-on-a-last-error"],
        plan: |plan| {
            plan.new_pool("p", retiring(2, 1)).submit("p", fail("a", "oh"));
            plan.shutdown_with("p", false, false).result("a");
        },
        judge: |history| history.failure("result a", &[ErrorClass::Task]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "recycle.retired-are-reaped",
        requirement: "The pool MUST reap retired workers while it lives.",
        source: "CPython: test_process_pool.py, \"previous was reaped\"",
        rows: &["MTC-07"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["leaks-a-zombie-per-task"],
        plan: |plan| {
            plan.new_pool("p", retiring(1, 1));
            for number in 0..10 {
                let tag = format!("t{number}");
                plan.submit("p", echo(&tag, number)).result(&tag);
            }
            plan.hold("look").shutdown("p");
            plan.until(returned("result t9")).quiet().quiet().sample("after").open("look");
        },
        judge: |history| {
            all_ran(history, 10, 1)?;
            // The last one may still be pending.
            let zombies = history.sample("after")?.zombies.len();
            require(zombies <= 1, || format!("{zombies} zombies were left of 10 workers"))
        },
        ..CASE
    },
    Case {
        id: "recycle.retiring-is-no-crash",
        requirement: "The pool MUST deliver the result of a worker's last task, and MUST NOT mistake its exit for a crash.",
        source: CPYTHON,
        rows: &["MTC-08"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["exits-before-its-last-result", "exits-before-its-last-large-result"],
        plan: |plan| {
            backlog(plan, retiring(2, 1), 20);
            // More than a pipe holds: the worker cannot exit before the program has read it.
            plan.new_pool("p", retiring(1, 1)).submit("p", echo("large", large()));
            plan.result("large").shutdown("p");
        },
        judge: |history| {
            all_ran(history, 20, 1)?;
            history.returned("result large", large())
        },
        ..CASE
    },
    Case {
        id: "recycle.nonsense-is-refused",
        // Some pools document 0 as no limit.
        level: Level::Should,
        requirement: "The pool SHOULD refuse to be created with workers that may run no task.",
        source: "CPython: ProcessPoolExecutor.__init__, max_tasks_per_child must be >= 1; pebble: 0 is no limit",
        rows: &["CFG-04"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["accepts-workers-without-tasks"],
        plan: |plan| {
            plan.new_pool("p", retiring(1, 0));
        },
        judge: |history| history.failure("new p", &[ErrorClass::Invalid]).map(|_| ()),
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[];
