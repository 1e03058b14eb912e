//! When workers start, how many, and which of them runs each task.

use procpool_contract::{Capability as Has, EventKind, MapOptions, policy};

use crate::case::{CASE, Case, Level, Only};
use crate::history::require;
use crate::plan::{begun, called, echo, fail, gated, returned, tasks_begun, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_process_pool.py";

const ON_DEMAND: Option<Only> = Some(Only {
    words: "start is on_demand",
    holds: |policies| policies.start == Some(policy::Start::OnDemand),
});

/// More tasks than a pool sends ahead.
const BACKLOG: i64 = 150;
const BEHIND: i64 = 12;

/// Tasks, and a map of one item among them.
const IN_ORDER: [&str; 8] = ["a", "b", "c", "d", "e", "m", "g", "h"];

pub(super) const CASES: &[Case] = &[
    Case {
        id: "start.none-with-the-pool",
        requirement: "The pool MUST NOT start workers before a task is submitted.",
        source: "CPython: test_force_shutdown_workers_not_started_yet",
        rows: &["CFG-09"],
        only: Some(Only {
            words: "start is not at_construction",
            holds: |policies| policies.start != Some(policy::Start::AtConstruction),
        }),
        kills: &["starts-eagerly"],
        plan: |plan| {
            // A helper process of the pool, such as a forkserver, may exist. It may have been started for
            // an earlier pool, which distinguishes it from workers.
            plan.new_pool("first", workers(2)).submit("first", echo("a", 1)).result("a");
            plan.shutdown("first").hold("before").new_pool("p", workers(2)).hold("after");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(returned("shutdown first")).sample("before").open("before");
            plan.until(returned("new p")).quiet().sample("after").open("after");
        },
        judge: |history| {
            history.returned("result b", 2)?;
            let (before, after) = (history.sample("before")?, history.sample("after")?);
            let new: Vec<&u32> = after.alive.difference(&before.alive).collect();
            // A forkserver that a pool starts for itself is one process, and not a worker.
            require(new.len() <= 1, || format!("processes {new:?} started with the pool"))
        },
        ..CASE
    },
    Case {
        id: "start.unused-pool-shuts-down",
        requirement: "The pool MUST shut down when it was never used, and again after that.",
        source: CPYTHON,
        rows: &["CFG-09", "SHUT-07"],
        kills: &["shuts-down-only-once"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).shutdown("p").shutdown("p");
        },
        judge: |history| {
            history.value("shutdown p")?;
            history.value("shutdown p #2").map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "start.idle-worker-is-reused",
        requirement: "The pool MUST NOT start a worker while another one is idle.",
        source: "CPython: test_idle_process_reuse_one",
        rows: &["SPAWN-01"],
        only: ON_DEMAND,
        kills: &["starts-a-worker-per-task"],
        plan: |plan| {
            // Workers are idle after errors, too.
            plan.new_pool("p", workers(4)).submit("p", echo("a", 1)).result("a").hold("one");
            plan.submit("p", fail("b", "oh")).result("b").submit("p", echo("c", 1)).result("c");
            plan.hold("end").shutdown("p");
            plan.until(called("gate one")).sample("one").open("one");
            plan.until(called("gate end")).quiet().sample("end").open("end");
        },
        judge: |history| {
            let workers = history.workers();
            require(workers.len() == 1, || {
                format!("{} workers ran tasks one by one", workers.len())
            })?;
            let (one, end) =
                (history.sample("one")?.alive.len(), history.sample("end")?.alive.len());
            require(end <= one, || format!("there were {one} processes, and {end} after two tasks"))
        },
        ..CASE
    },
    Case {
        id: "start.one-for-each-that-waits",
        requirement: "The pool MUST start as many workers as tasks run at the same time, and no more.",
        source: "CPython: test_processes_terminate",
        rows: &["SPAWN-02", "SPAWN-03"],
        only: ON_DEMAND,
        kills: &["starts-eagerly"],
        plan: |plan| {
            // Beside the first worker there may be a forkserver, or what starts workers on other hosts.
            plan.new_pool("p", workers(5)).submit("p", gated("a", "go")).hold("one");
            plan.submit("p", gated("b", "go")).submit("p", gated("c", "go"));
            plan.result("a").result("b").result("c").shutdown("p");
            plan.until(begun("a")).quiet().sample("one").open("one");
            plan.until(tasks_begun(3)).quiet().sample("three").open("go");
        },
        judge: |history| {
            let (one, three) = (history.sample("one")?, history.sample("three")?);
            let new = three.alive.difference(&one.alive).count();
            require(new == 2, || format!("{new} processes were started for two more tasks"))
        },
        ..CASE
    },
    Case {
        id: "start.all-at-first-submit",
        requirement: "The pool MUST start all its workers with the first task, as it declares.",
        source: "CPython with fork: gh-90622; loky: test_processes_terminate",
        rows: &["SPAWN-03", "SPAWN-05"],
        only: Some(Only {
            words: "start is at_first_submit",
            holds: |policies| policies.start == Some(policy::Start::AtFirstSubmit),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(3)).submit("p", gated("a", "go")).result("a").shutdown("p");
            plan.until(begun("a")).quiet().quiet().sample("running").open("go");
        },
        judge: |history| {
            let alive = history.sample("running")?.alive.len();
            require(alive >= 3, || format!("there were {alive} processes"))
        },
        ..CASE
    },
    Case {
        id: "start.all-at-construction",
        requirement: "The pool MUST start all its workers when it is created, as it declares.",
        source: "procspawn: Pool::new",
        rows: &["SPAWN-05"],
        only: Some(Only {
            words: "start is at_construction",
            holds: |policies| policies.start == Some(policy::Start::AtConstruction),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(3)).hold("look").submit("p", echo("a", 1)).result("a");
            plan.shutdown("p");
            plan.until(returned("new p")).quiet().sample("made").open("look");
        },
        judge: |history| {
            let alive = history.sample("made")?.alive.len();
            require(alive >= 3, || format!("there were {alive} processes"))
        },
        ..CASE
    },
    Case {
        id: "start.never-more-than-max-workers",
        requirement: "The pool MUST NOT run more tasks at the same time than it may have workers, however many are pending.",
        source: "CPython: test_saturation",
        rows: &["SPAWN-04", "SUB-23"],
        kills: &["starts-one-too-many"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..30 {
                plan.submit("p", gated(&format!("t{number}"), "go"));
            }
            plan.result("t29").shutdown("p");
            plan.until(tasks_begun(2)).quiet().quiet().sample("saturated").open("go");
        },
        judge: |history| {
            let seen = history.sample("saturated")?.at;
            let begun = history.events(EventKind::Begin).filter(|event| event.at < seen).count();
            require(begun == 2, || format!("{begun} tasks ran in 2 workers"))
        },
        ..CASE
    },
    Case {
        id: "start.as-many-as-max-workers",
        requirement: "The pool MUST run as many tasks at the same time as it may have workers.",
        source: "loky: test_reusable_executor_queue_size",
        rows: &["CFG-13", "SUB-22"],
        kills: &["starts-one-too-few", "has-four-workers-at-most"],
        plan: |plan| {
            plan.new_pool("p", workers(6));
            for number in 0..6 {
                plan.submit("p", gated(&format!("t{number}"), "go"));
            }
            plan.result("t0").shutdown("p").until(tasks_begun(6)).open("go");
        },
        judge: |history| {
            let workers = history.workers().len();
            require(workers == 6, || format!("{workers} workers ran six tasks at a time"))
        },
        ..CASE
    },
    Case {
        id: "start.in-order-of-submission",
        requirement: "The pool MUST start tasks in the order in which they were submitted, if it has one worker.",
        source: "CPython: test_map_buffersize rests on it",
        rows: &["SUB-17"],
        kills: &["runs-last-first", "runs-last-first-when-behind"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..BACKLOG {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.result("t149").shutdown("p");
        },
        judge: |history| {
            let begun: Vec<&str> =
                history.events(EventKind::Begin).map(|event| event.tag.as_str()).collect();
            let submitted: Vec<String> = (0..BACKLOG).map(|number| format!("t{number}")).collect();
            require(begun == submitted, || format!("they began as {begun:?}"))
        },
        ..CASE
    },
    Case {
        id: "start.in-order-with-several-workers",
        level: Level::Should,
        requirement: "The pool SHOULD start pending tasks in the order in which they were submitted, if it has several workers.",
        source: "CPython: workers take from one queue",
        rows: &["SUB-17"],
        needs: &[Has::Submit],
        kills: &["runs-last-first-with-several-workers"],
        plan: |plan| {
            plan.new_pool("p", workers(3));
            for tag in ["a", "b", "c"] {
                plan.submit("p", gated(tag, tag));
            }
            plan.hold("busy");
            for number in 0..6 {
                plan.submit("p", gated(&format!("t{number}"), "go"));
            }
            plan.result("t5").shutdown("p").until(tasks_begun(3)).open("busy");
            // One worker at a time becomes free.
            plan.until(returned("submit t5"));
            for (count, gate) in [(4, "a"), (5, "b"), (6, "c")] {
                plan.open(gate).until(tasks_begun(count));
            }
            plan.open("go");
        },
        judge: |history| {
            let pending = history.events(EventKind::Begin).filter(|it| it.tag.starts_with('t'));
            let begun: Vec<&str> = pending.take(3).map(|event| event.tag.as_str()).collect();
            require(begun == ["t0", "t1", "t2"], || format!("they began as {begun:?}"))
        },
        ..CASE
    },
    Case {
        id: "start.no-idle-worker-while-tasks-wait",
        requirement: "The pool MUST give pending tasks to a worker that has become idle while another one is busy.",
        source: "CPython: gh-115634 and others left workers idle",
        rows: &["SUB-23"],
        kills: &["deals-tasks-in-turn"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("long", "go"));
            for number in 0..10 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            for number in 0..10 {
                plan.result(&format!("t{number}"));
            }
            plan.hold("go").result("long").shutdown("p");
            plan.until(returned("result t9")).open("go");
        },
        judge: |history| history.returned("result long", "long"),
        ..CASE
    },
    Case {
        id: "start.as-many-in-the-next-pool",
        requirement: "The pool MUST run as many tasks at the same time as it has workers, after an earlier pool of the program.",
        source: CPYTHON,
        rows: &["SUB-22", "SUB-18"],
        kills: &["second-pool-has-one-worker"],
        plan: |plan| {
            for pool in ["p", "q", "r"] {
                let (one, other) = (format!("{pool}0"), format!("{pool}1"));
                plan.new_pool(pool, workers(2));
                plan.submit(pool, gated(&one, pool)).submit(pool, gated(&other, pool));
                plan.result(&one).result(&other).shutdown(pool);
            }
            for pool in ["p", "q", "r"] {
                plan.until(begun(&format!("{pool}0"))).until(begun(&format!("{pool}1"))).open(pool);
            }
        },
        judge: |history| {
            for pool in ["p", "q", "r"] {
                let pid = |number| history.event(EventKind::Begin, &format!("{pool}{number}"));
                let (one, other) = (pid(0)?.pid, pid(1)?.pid);
                require(one != other, || format!("worker {one} ran both tasks of \"{pool}\""))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "start.as-many-after-hundreds-of-tasks",
        requirement: "The pool MUST run as many tasks at the same time as it has workers, after hundreds of tasks.",
        source: CPYTHON,
        rows: &["SUB-22"],
        needs: &[Has::Submit],
        kills: &["runs-one-at-a-time-after-200-tasks"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..250 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.result("t249").submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.result("a").result("b").shutdown("p");
            plan.until(begun("a")).until(begun("b")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.returned("result b", "b")
        },
        ..CASE
    },
    Case {
        id: "start.in-order-of-submission-and-maps",
        requirement: "The pool SHOULD start submitted tasks and items of maps in their order, if it has one worker.",
        level: Level::Should,
        source: "CPython: Executor.map submits each item",
        rows: &["SUB-17", "MAP-01"],
        needs: &[Has::Submit, Has::LazyMap],
        kills: &["maps-have-workers-of-their-own"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("busy", "go")).hold("begun");
            for tag in IN_ORDER {
                match tag {
                    "m" => plan.map_open("p", "m", vec![echo("m", 1)], MapOptions::default()),
                    _ => plan.submit("p", echo(tag, 1)),
                };
            }
            plan.hold("go").map_next("m").result("h").shutdown("p");
            plan.until(begun("busy")).open("begun").until(called("gate go")).open("go");
        },
        judge: |history| {
            let begun: Vec<&str> =
                history.events(EventKind::Begin).map(|event| event.tag.as_str()).skip(1).collect();
            let early = begun.iter().zip(IN_ORDER).position(|(tag, due)| *tag != due);
            require(begun == IN_ORDER, || {
                let place = early.unwrap_or(begun.len());
                format!("they began in another order from place {place}: {begun:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "start.as-many-after-each-kind-of-end",
        requirement: "The pool MUST run and finish all its tasks, as many at the same time as it has workers, after an earlier pool was shut down without waiting, or cancelling.",
        source: CPYTHON,
        rows: &["SUB-22", "SUB-18", "SHUT-05"],
        needs: &[Has::ShutdownNowait, Has::ShutdownCancel],
        kills: &["pool-after-nowait-has-one-worker", "shutdown-cancels-after-one-that-did"],
        plan: |plan| {
            for (pool, wait, cancel) in [("p", false, false), ("q", true, true), ("r", true, false)]
            {
                let (one, other) = (format!("{pool}0"), format!("{pool}1"));
                plan.new_pool(pool, workers(2));
                plan.submit(pool, gated(&one, pool)).submit(pool, gated(&other, pool));
                plan.result(&one).result(&other);
                if pool == "r" {
                    (0..BEHIND).for_each(|number| {
                        plan.submit(pool, echo(&format!("t{number}"), number));
                    });
                }
                plan.shutdown_with(pool, wait, cancel);
            }
            (0..BEHIND).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            for pool in ["p", "q", "r"] {
                plan.until(begun(&format!("{pool}0"))).until(begun(&format!("{pool}1"))).open(pool);
            }
        },
        judge: |history| {
            (0..BEHIND)
                .try_for_each(|number| history.returned(&format!("result t{number}"), number))
        },
        ..CASE
    },
    Case {
        id: "start.default-number-of-workers",
        requirement: "The pool MUST run tasks when no number of workers is given.",
        source: "CPython: documentation of max_workers; loky: test_cpu_count",
        rows: &["CFG-08"],
        needs: &[Has::DefaultMaxWorkers],
        kills: &["needs-a-number-of-workers"],
        plan: |plan| {
            plan.new_pool("p", procpool_contract::PoolOptions::default());
            plan.submit("p", echo("a", 1)).result("a").shutdown("p");
        },
        judge: |history| history.returned("result a", 1),
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("SPAWN-06", "The contract does not resize pools."),
    ("SPAWN-07", "The contract does not resize pools."),
    ("SPAWN-08", "Only loky has a shared pool that the first caller creates."),
];
