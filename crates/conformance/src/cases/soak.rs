//! Thousands of tasks, and hundreds of pools and deaths: faults that begin late, or grow slowly.
//!
//! These cases take minutes with slow pools, so they are a tier of their own.

use std::ops::Range;

use procpool_contract::{Capability as Has, ErrorClass, PoolOptions};

use super::leak::{first_is_t, look_early, look_late, looks, nth, submit};
use crate::case::{CASE, Case, Kind, Tier};
use crate::history::{Finding, History, require};
use crate::plan::{Plan, begun, called, die, echo, gated, squared, squares, workers};

/// The tasks of each map, and the number of maps, of pools, of deaths and of workers that retire.
const ITEMS: i64 = 200;
const MAPS: usize = 60;
const POOLS: usize = 300;
const DEATHS: usize = 200;
const RETIREMENTS: usize = 400;
/// The items of each map beside a long task, and the number of maps: together more than 16 bits count.
const BESIDE: i64 = 1_000;
const MAPS_BESIDE: usize = 66;

const LONG: &str = "long-lived programs: reports of pools that fail after days";

const SOAK: Case = Case { tier: Tier::Soak, source: LONG, ..CASE };

/// Holds the client after `early` of all rounds, and after the last, so that the suite can look.
fn rounds(plan: &mut Plan, all: usize, early: usize, each: impl Fn(&mut Plan, usize)) {
    for round in 0..all {
        each(plan, round);
        if round + 1 == early {
            plan.hold("early");
        }
    }
    looks(plan);
}

fn has_not_grown(history: &History) -> Finding {
    history.sample("late")?.is_no_more_than(history.sample("early")?)
}

/// Checks that every step of this name succeeded: after a failed one, a name stands for an earlier future.
fn each_succeeded(history: &History, step: &str, rounds: usize) -> Finding {
    (0..rounds).try_for_each(|round| history.value(&nth(step, 1, round)).map(|_| ()))
}

fn each_returned(history: &History, rounds: usize) -> Finding {
    each_succeeded(history, "submit t", rounds)?;
    (0..rounds).try_for_each(|round| history.returned(&nth("result t", 1, round), 1))
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "soak.many-maps",
        requirement: "The pool MUST return every result of thousands of tasks in order, and hold no more resources after them.",
        kills: &["loses-an-item-after-ten-thousand"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            rounds(plan, MAPS, 5, |plan, round| {
                plan.map("p", squares(&format!("m{round}-"), ITEMS));
            });
            plan.shutdown("p");
        },
        judge: |history| {
            for round in 0..MAPS {
                let (step, expected) = (nth("map p", 1, round), squared(ITEMS));
                let values = history.values(&step)?;
                let wrong = values.iter().zip(&expected).position(|(value, right)| value != right);
                require(values == expected, || {
                    let items = values.len();
                    format!(
                        "\"{step}\" gave {items} items of {ITEMS}, the first wrong one {wrong:?}"
                    )
                })?;
            }
            has_not_grown(history)
        },
        ..SOAK
    },
    Case {
        id: "soak.one-task-beside-many",
        requirement: "The pool MUST return the result of a task that runs beside tens of thousands of others, and theirs.",
        needs: &[Has::Submit, Has::Map],
        kills: &["counts-tasks-with-16-bits"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("long", "go"));
            for round in 0..MAPS_BESIDE {
                plan.map("p", squares(&format!("m{round}-"), BESIDE));
            }
            plan.hold("end").result("long").shutdown("p");
            plan.until(begun("long")).until(called("gate end")).open("go").open("end");
        },
        judge: |history| {
            for round in 0..MAPS_BESIDE {
                let step = nth("map p", 1, round);
                let values = history.values(&step)?;
                require(values == squared(BESIDE), || format!("\"{step}\" gave wrong items"))?;
            }
            history.returned("result long", "long")
        },
        ..SOAK
    },
    Case {
        id: "soak.many-pools",
        requirement: "The pool MUST leave nothing behind when hundreds of pools are made and shut down.",
        kills: &["leaks-with-every-hundredth-pool", "makes-no-pool-after-a-hundred"],
        plan: |plan| {
            rounds(plan, POOLS, 20, |plan, round| {
                plan.new_pool("p", workers(1));
                submit(plan, echo(&first_is_t(round), 1)).result("t").shutdown("p");
            });
        },
        judge: |history| {
            each_succeeded(history, "new p", POOLS)?;
            each_returned(history, POOLS)?;
            has_not_grown(history)
        },
        ..SOAK
    },
    Case {
        id: "soak.many-deaths",
        requirement: "The pool MUST report each of hundreds of deaths, and leave nothing behind.",
        needs: &[Has::WorkerDeath],
        kills: &["hides-a-death-after-a-hundred", "makes-no-pool-after-a-hundred"],
        plan: |plan| {
            rounds(plan, DEATHS, 20, |plan, round| {
                plan.new_pool("p", workers(1));
                submit(plan, die(&first_is_t(round), 3)).result("t").shutdown("p");
            });
        },
        judge: |history| {
            each_succeeded(history, "new p", DEATHS)?;
            each_succeeded(history, "submit t", DEATHS)?;
            for round in 0..DEATHS {
                history.failure(&nth("result t", 1, round), &[ErrorClass::Broken])?;
            }
            has_not_grown(history)
        },
        ..SOAK
    },
    Case {
        id: "soak.many-lives",
        requirement: "The pool MUST give every call its own outcome in a hundred programs that make several pools, and use each in many ways.",
        source: "property.lives, with eight times as many draws",
        needs: &[Has::Submit],
        kills: &["loses-pages"],
        property: Some(Kind::Lives),
        ..SOAK
    },
    Case {
        id: "soak.many-retirements",
        requirement: "The pool MUST replace each of hundreds of workers that retire, and hold no more resources after them.",
        needs: &[Has::MaxTasksPerChild],
        kills: &["retires-no-more-after-two-hundred"],
        plan: |plan| {
            let retiring = PoolOptions { max_tasks_per_child: Some(1), ..workers(1) };
            plan.new_pool("p", retiring);
            // A look while a task runs: at other times a replacement has started already, or not yet.
            let ask = |plan: &mut Plan, rounds: Range<usize>| {
                for round in rounds {
                    submit(plan, echo(&first_is_t(round), 1)).result("t");
                }
            };
            let hold = |plan: &mut Plan, tag: &str, gate: &str| {
                plan.submit("p", gated(tag, gate)).hold(gate).result(tag).until(begun(tag));
            };
            ask(plan, 0..20);
            hold(plan, "first", "early");
            look_early(plan);
            ask(plan, 20..RETIREMENTS - 2);
            hold(plan, "last", "late");
            look_late(plan);
            plan.shutdown("p");
        },
        judge: |history| {
            each_returned(history, RETIREMENTS - 2)?;
            history.returned("result first", "first")?;
            history.returned("result last", "last")?;
            let workers = history.workers().len();
            require(workers == RETIREMENTS, || {
                format!("{workers} workers ran {RETIREMENTS} tasks, one each")
            })?;
            has_not_grown(history)
        },
        ..SOAK
    },
];
