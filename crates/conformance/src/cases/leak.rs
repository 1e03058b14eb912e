//! What a pool leaves behind in a program that lives on.
//!
//! A pool may keep helpers, files and threads for the next one. What must not be is that they become
//! more with each pool: the looks compare the program after some pools with the same after some more.

use crate::case::{CASE, Case};
use crate::contract::{Capability as Has, EventKind};
use crate::history::{Finding, History, Sample, require};
use crate::plan::{Plan, die, echo, returned, workers};

const CPYTHON: &str = "CPython: threading_cleanup and reap_children of its test suite";

/// Six pools of one name, so that the program lets go of each, with a look after the second and after
/// the last.
fn six_pools(plan: &mut Plan, each: fn(&mut Plan, &str)) {
    for round in 0..6 {
        plan.new_pool("p", workers(2));
        each(plan, &format!("t{round}"));
        plan.shutdown("p");
        if round == 1 {
            plan.hold("early");
        }
    }
    plan.hold("late");
    // Threads and processes may need a moment to be gone.
    plan.until(returned("shutdown p #2")).quiet().sample("early").open("early");
    plan.until(returned("shutdown p #6")).quiet().sample("late").open("late");
}

fn use_it(plan: &mut Plan, tag: &str) {
    plan.submit("p", echo(tag, 1)).result(tag);
}

fn break_it(plan: &mut Plan, tag: &str) {
    plan.submit("p", die(tag, 1)).result(tag);
}

fn does_not_grow(history: &History, what: &str, count: fn(&Sample) -> usize) -> Finding {
    let ran = history.events(EventKind::Begin).count();
    require(ran == 6, || format!("{ran} of 6 tasks began"))?;
    let (early, late) = (count(history.sample("early")?), count(history.sample("late")?));
    require(late <= early, || format!("{early} {what} after two pools, {late} after six"))
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
        requirement: "The pool MUST NOT leave processes behind that become more with each pool.",
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
        requirement: "The pool MUST be made, used and shut down a hundred times in one program.",
        source: "CPython: gh-124706",
        rows: &["LEAK-06"],
        plan: |plan| {
            for round in 0..100 {
                let tag = format!("t{round}");
                plan.new_pool("p", workers(1)).submit("p", echo(&tag, round)).result(&tag);
                plan.shutdown("p");
            }
        },
        judge: |history| {
            (0..100).try_for_each(|round| history.returned(&format!("result t{round}"), round))
        },
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("LEAK-05", "What lies in /dev/shm and /tmp may be another program's."),
    ("LEAK-07", "How much memory a worker has depends on its language's allocator."),
];
