//! Resources that a pool leaves behind in a long-lived program.
//!
//! A pool may keep helpers, files and threads for the next one, but their number must not grow with each
//! pool: two looks compare the program after some pools with the same program after some more.

mod uses;

pub(super) use uses::CASES as USES;

use std::collections::BTreeSet;

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, EventKind, Place, Step};

use crate::case::{CASE, Case, Level};
use crate::history::{Finding, History, Sample, require};
use crate::plan::{
    Condition, Plan, begun, call, called, die, echo, fail, gated, returned, worker_of, workers,
};

/// Results between two looks at the memory of a worker.
const EACH: i64 = 40;
/// The looks, each with the number of results before it. The first is taken when the worker has loaded
/// everything it needs.
const LOOKS: [(&str, i64); 5] = [
    ("first", EACH),
    ("second", 2 * EACH),
    ("third", 3 * EACH),
    ("fourth", 4 * EACH),
    ("fifth", 5 * EACH),
];

const CPYTHON: &str = "CPython: threading_cleanup and reap_children of its test suite";

/// Six pools of one name, whose futures have one name too, so that the program drops each; with a look
/// after the second and after the last.
fn six_pools(plan: &mut Plan, each: fn(&mut Plan, &str)) {
    for round in 0..6 {
        plan.new_pool("p", workers(2));
        each(plan, &first_is_t(round));
        plan.shutdown("p");
        if round == 1 {
            plan.hold("early");
        }
    }
    looks(plan);
}

/// The tag of the task of a round. The first has the name of the futures: their outcome is the same.
pub(super) fn first_is_t(round: usize) -> String {
    if round == 0 { "t".to_owned() } else { format!("t{round}") }
}

/// The step of this name that is the first in its round, of `each` there.
pub(super) fn nth(step: &str, each: usize, round: usize) -> String {
    match each * round {
        0 => step.to_owned(),
        earlier => format!("{step} #{}", earlier + 1),
    }
}

/// Looks while the client waits at the gate `early`, and after the last round.
pub(super) fn looks(plan: &mut Plan) {
    look_early(plan);
    plan.hold("late");
    look_late(plan);
}

/// Looks while the client waits at the gate `early`.
pub(super) fn look_early(plan: &mut Plan) {
    plan.until(called("gate early")).sample("early").open("early");
}

/// Looks while the client waits at the gate `late`: threads and processes may need a moment to exit.
pub(super) fn look_late(plan: &mut Plan) {
    plan.until(called("gate late")).settle("late", "early").open("late");
}

fn use_it(plan: &mut Plan, tag: &str) {
    submit(plan, echo(tag, 1)).result("t");
}

fn break_it(plan: &mut Plan, tag: &str) {
    submit(plan, die(tag, 1)).result("t");
}

pub(super) fn submit(plan: &mut Plan, call: Call) -> &mut Plan {
    plan.step(Step::Submit { pool: "p".to_owned(), future: "t".to_owned(), call })
}

fn does_not_grow(history: &History, what: &str, count: fn(&Sample) -> usize) -> Finding {
    let ran = history.events(EventKind::Begin).count();
    require(ran == 6, || format!("{ran} of 6 tasks began"))?;
    is_no_more(history, what, count)
}

fn is_no_more(history: &History, what: &str, count: fn(&Sample) -> usize) -> Finding {
    let (early, late) = (count(history.sample("early")?), count(history.sample("late")?));
    require(late <= early, || format!("{early} {what} after two pools, {late} after six"))
}

/// The look after the program's end saw no more than the one before its pool.
fn left_nothing(
    history: &History,
    place: &str,
    files: fn(&Sample) -> &BTreeSet<String>,
) -> Finding {
    let (before, after) = (history.sample("before")?, history.sample("after")?);
    let left: Vec<&String> = files(after).difference(files(before)).collect();
    require(left.is_empty(), || format!("it left {left:?} {place}"))
}

/// A hundred tasks in one worker, each second of which is a bad one, with a look after ten and one after all.
fn a_hundred_tasks(plan: &mut Plan, bad: fn(&str) -> Call) {
    plan.new_pool("p", workers(1));
    for number in 0..100 {
        let tag = format!("t{number}");
        let good = match number % 10 {
            // Large values may travel by a file.
            3 => echo(&tag, "x".repeat(100_000)),
            _ => echo(&tag, number),
        };
        plan.submit("p", if number % 2 == 0 { bad(&tag) } else { good });
        if number == 9 {
            plan.result("t9").hold("go");
        }
    }
    plan.result("t99").hold("end").shutdown("p");
    plan.until(returned("result t9")).sample("before").open("go");
    plan.until(returned("result t99")).sample("after").open("end");
}

fn keeps_its_descriptors(history: &History) -> Finding {
    // In a pool that ends a worker with such a task, or after a few, there are none that could add up.
    if history.workers().len() > 1 {
        return Ok(());
    }
    let worker = history.event(EventKind::Begin, "t99")?.pid;
    let open = |name| {
        let mut opened = history.sample(name)?.opened.iter();
        let found = opened.find(|(pid, _)| *pid == worker).map(|(_, open)| open.len());
        found.ok_or_else(|| format!("the worker {worker} was not seen at the look \"{name}\""))
    };
    let (before, after): (usize, usize) = (open("before")?, open("after")?);
    // Descriptors of the task that has just ended may still be open.
    require(after <= before + 2, || {
        format!("90 tasks took it from {before} to {after} descriptors")
    })
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "leak.descriptors",
        requirement: "The pool MUST NOT leave descriptors open in its program.",
        source: "CPython: bpo-33056, gh-124706",
        rows: &["LEAK-01"],
        kills: &["leaks-a-descriptor"],
        plan: |plan| six_pools(plan, use_it),
        judge: |history| does_not_grow(history, "descriptors", |sample| sample.descriptors),
        ..CASE
    },
    Case {
        id: "leak.descriptors-of-broken-pools",
        requirement: "The pool MUST NOT leave descriptors open when its workers die.",
        source: "measured: loky leaves one",
        rows: &["LEAK-01"],
        needs: &[Has::WorkerDeath],
        kills: &["leaks-a-descriptor"],
        plan: |plan| six_pools(plan, break_it),
        judge: |history| does_not_grow(history, "descriptors", |sample| sample.descriptors),
        ..CASE
    },
    Case {
        id: "leak.threads",
        requirement: "The pool MUST NOT leave threads in its program.",
        source: CPYTHON,
        rows: &["LEAK-02", "SHUT-26"],
        kills: &["leaks-a-thread"],
        plan: |plan| six_pools(plan, use_it),
        judge: |history| does_not_grow(history, "threads", |sample| sample.threads),
        ..CASE
    },
    Case {
        id: "leak.threads-of-broken-pools",
        requirement: "The pool MUST NOT leave threads in its program when its workers die.",
        source: CPYTHON,
        rows: &["LEAK-02"],
        needs: &[Has::WorkerDeath],
        kills: &["leaks-a-thread"],
        plan: |plan| six_pools(plan, break_it),
        judge: |history| does_not_grow(history, "threads", |sample| sample.threads),
        ..CASE
    },
    Case {
        id: "leak.processes",
        requirement: "The pool MUST NOT leave processes behind whose number grows with each pool.",
        source: "loky: _check_subprocesses_number",
        rows: &["LEAK-04"],
        kills: &["leaks-a-worker"],
        plan: |plan| six_pools(plan, use_it),
        judge: |history| does_not_grow(history, "processes", |sample| sample.alive.len()),
        ..CASE
    },
    Case {
        id: "leak.zombies",
        requirement: "The pool MUST reap its workers.",
        source: CPYTHON,
        rows: &["LEAK-03"],
        kills: &["leaks-a-zombie"],
        plan: |plan| six_pools(plan, use_it),
        judge: |history| {
            does_not_grow(history, "zombies", |sample| sample.zombies.len())?;
            let zombies = history.sample("late")?.zombies.len();
            require(zombies == 0, || format!("{zombies} zombies were there"))
        },
        ..CASE
    },
    Case {
        id: "leak.zombies-of-broken-pools",
        requirement: "The pool MUST reap the workers that die.",
        source: CPYTHON,
        rows: &["LEAK-03"],
        needs: &[Has::WorkerDeath],
        kills: &["leaks-a-zombie"],
        plan: |plan| six_pools(plan, break_it),
        judge: |history| does_not_grow(history, "zombies", |sample| sample.zombies.len()),
        ..CASE
    },
    Case {
        id: "leak.many-pools",
        requirement: "The pool MUST work when it is created, used and shut down a hundred times in one program.",
        source: "CPython: gh-124706",
        rows: &["LEAK-06"],
        kills: &["makes-only-five-pools"],
        plan: |plan| {
            for round in 0..100 {
                let tag = format!("t{round}");
                plan.new_pool("p", workers(1)).submit("p", echo(&tag, round)).result(&tag);
                plan.shutdown("p");
            }
            // Each group of ten has its own time limit: all of them together may take as long as several
            // pools.
            for round in (9..100).step_by(10) {
                plan.until(returned(&format!("result t{round}")));
            }
        },
        judge: |history| {
            (0..100).try_for_each(|round| history.returned(&format!("result t{round}"), round))
        },
        ..CASE
    },
    Case {
        id: "leak.dropped-pools",
        requirement: "The pool MUST close its descriptors and end its threads and processes, and remove its temporary files when it is dropped without a shutdown.",
        source: "CPython: gh-124706",
        rows: &["LEAK-06"],
        kills: &["leaks-a-descriptor", "leaks-a-thread", "leaks-a-worker"],
        plan: |plan| {
            for round in 0..6 {
                let (pool, tag) = (format!("p{round}"), format!("t{round}"));
                plan.new_pool(&pool, workers(1)).submit(&pool, echo(&tag, 1)).result(&tag);
                plan.drop_pool(&pool);
                if round == 1 {
                    plan.hold("early");
                }
            }
            looks(plan);
        },
        judge: |history| {
            does_not_grow(history, "descriptors", |sample| sample.descriptors)?;
            does_not_grow(history, "threads", |sample| sample.threads)?;
            does_not_grow(history, "processes", |sample| sample.alive.len())?;
            does_not_grow(history, "temporary files", |sample| sample.temporary.len())
        },
        ..CASE
    },
    Case {
        id: "leak.shared-memory",
        requirement: "The pool MUST leave no named shared memory behind when its program has ended.",
        source: "CPython: gh-104090 (semaphores that are left); pebble: issue 160",
        rows: &["LEAK-05"],
        kills: &["leaves-shared-memory"],
        plan: |plan| {
            let large = "x".repeat(1 << 20);
            plan.hold("go").new_pool("p", workers(2)).submit("p", gated("a", "used")).result("a");
            plan.submit("p", echo("b", large)).result("b").shutdown("p");
            plan.until(called("gate go")).sample("before").open("go");
            plan.until(begun("a")).sample("used").open("used");
            plan.until(Condition::OwnerEnded).settle("after", "before");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.sample("used")?;
            left_nothing(history, "in /dev/shm", |sample| &sample.shared_memory)
        },
        ..CASE
    },
    Case {
        id: "leak.temporary-files",
        requirement: "The pool MUST leave no temporary files behind when its program has ended.",
        source: "POSIX: TMPDIR is for what a program removes",
        rows: &["LEAK-05"],
        kills: &["leaves-a-temporary-file", "leaves-a-file-of-a-large-value"],
        plan: |plan| {
            // Large values may travel by a file.
            let large = "x".repeat(1 << 20);
            plan.hold("go").new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a");
            plan.submit("p", echo("b", large)).result("b").shutdown("p");
            plan.until(called("gate go")).sample("before").open("go");
            plan.until(Condition::OwnerEnded).settle("after", "before");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            history.value("result b")?;
            left_nothing(history, "in TMPDIR", |sample| &sample.temporary)
        },
        ..CASE
    },
    Case {
        id: "leak.files-of-broken-pools",
        requirement: "The pool MUST leave neither named shared memory nor temporary files behind when its worker was killed.",
        source: "CPython: gh-104090 (semaphores that are left)",
        rows: &["LEAK-05"],
        needs: &[Has::WorkerDeath],
        kills: &["leaves-the-shared-memory-of-a-broken-pool"],
        plan: |plan| {
            plan.hold("go").new_pool("p", workers(1)).submit("p", gated("a", "never")).result("a");
            plan.shutdown("p");
            plan.until(called("gate go")).sample("before").open("go");
            plan.until(begun("a")).sample("used").signal(worker_of("a"), 9);
            plan.until(Condition::OwnerEnded).settle("after", "before");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Broken])?;
            history.sample("used")?;
            left_nothing(history, "in /dev/shm", |sample| &sample.shared_memory)?;
            left_nothing(history, "in TMPDIR", |sample| &sample.temporary)
        },
        ..CASE
    },
    Case {
        id: "leak.memory-of-workers",
        level: Level::Should,
        requirement: "The pool SHOULD NOT keep the results of its tasks in a worker.",
        source: "CPython: test_process_pool.py, test_ressources_gced_in_workers",
        rows: &["LEAK-07"],
        needs: &[Has::Blob],
        kills: &["keeps-results"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..=5 * EACH {
                let tag = format!("t{number}");
                // One at a time: results that wait in a worker to be sent are not a leak.
                let large = Call { count: Some(1 << 20), ..call(Body::Blob, &tag) };
                plan.submit("p", large).result(&tag);
                if let Some(look) = LOOKS.iter().find(|(_, after)| *after == number) {
                    plan.hold(look.0);
                }
            }
            plan.shutdown("p");
            for (look, after) in LOOKS {
                plan.until(returned(&format!("result t{after}"))).sample(look).open(look);
            }
        },
        judge: |history| {
            let worker = history.event(EventKind::Begin, &format!("t{}", 5 * EACH))?.pid;
            let count = history.workers().len();
            require(count == 1, || format!("{count} workers ran the tasks of one"))?;
            let seen: Result<Vec<u64>, String> = LOOKS
                .iter()
                .map(|(look, _)| {
                    let found = history.sample(look)?.memory.get(&worker).copied();
                    found.ok_or_else(|| {
                        format!("the worker {worker} was not seen at the look \"{look}\"")
                    })
                })
                .collect();
            let seen = seen?;
            // A leak grows steadily. A garbage collector, or an allocator, lets memory grow for a while,
            // and then stops.
            let kept = |pair: &[u64]| pair[1] >= pair[0] + (EACH as u64) * 512;
            require(!seen.windows(2).all(kept), || {
                format!("each {EACH} results of 1 MiB took more: {seen:?} KiB")
            })
        },
        ..CASE
    },
    Case {
        id: "leak.descriptors-of-workers",
        requirement: "The pool MUST NOT leave descriptors open in a worker with every task that returns, or fails.",
        source: CPYTHON,
        rows: &["LEAK-01"],
        kills: &[
            "workers-open-a-file-per-failed-task",
            "leaks-a-descriptor-per-task",
            "workers-open-a-file-per-large-argument",
        ],
        plan: |plan| a_hundred_tasks(plan, |tag| fail(tag, "oh")),
        judge: keeps_its_descriptors,
        ..CASE
    },
    Case {
        id: "leak.descriptors-of-workers-with-bad-results",
        requirement: "The pool MUST NOT leave descriptors open in a worker with every task whose result cannot be encoded.",
        source: CPYTHON,
        rows: &["LEAK-01"],
        needs: &[Has::PoisonEncodeResult],
        kills: &["workers-open-a-file-per-bad-result"],
        plan: |plan| {
            a_hundred_tasks(plan, |tag| Call { poison: Some(Place::EncodeResult), ..echo(tag, 1) });
        },
        judge: keeps_its_descriptors,
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[];
