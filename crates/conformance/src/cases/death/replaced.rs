//! Pools that replace a worker that has died.

use procpool_contract::Capability as Has;

use crate::case::{CASE, Case};
use crate::plan::{begun, die, echo, ended, gated, returned, worker_gone, worker_of, workers};

use super::{REPLACES, is_broken};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "death.idle-is-replaced",
        requirement: "The pool MUST run a task that is submitted after an idle worker has died, as it declares.",
        source: "procspawn: Pool",
        rows: &["BRK-16"],
        needs: &[Has::WorkerDeath],
        only: REPLACES,
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").hold("dead");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(ended("a")).until(returned("result a")).signal(worker_of("a"), 9);
            plan.until(worker_gone("a")).quiet().quiet().quiet().open("dead");
        },
        judge: |history| {
            history.value("submit b")?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "death.costs-its-own-task",
        requirement: "The pool MUST fail only the task whose worker has died, as it declares, and run the others.",
        source: "pebble: test_process_pool_expired_worker",
        rows: &["BRK-17"],
        needs: &[Has::WorkerDeath],
        only: REPLACES,
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("a", "never")).submit("p", gated("b", "go"));
            for number in 0..10 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.result("a").result("b");
            for number in 0..10 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p").until(begun("a")).until(begun("b")).signal(worker_of("a"), 9);
            plan.until(returned("result a")).open("go");
        },
        judge: |history| {
            is_broken(history)?;
            history.returned("result b", "b")?;
            (0..10).try_for_each(|number| history.returned(&format!("result t{number}"), number))
        },
        ..CASE
    },
    Case {
        id: "death.place-is-taken",
        requirement: "The pool MUST have as many workers as before after one has died, as it declares.",
        source: "procspawn: Pool; pebble: test_process_pool_expired_worker",
        rows: &["BRK-17"],
        needs: &[Has::WorkerDeath],
        only: REPLACES,
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", die("a", 1)).result("a");
            plan.submit("p", gated("b", "go")).submit("p", gated("c", "go"));
            plan.result("b").result("c").shutdown("p");
            plan.until(begun("b")).until(begun("c")).open("go");
        },
        judge: |history| {
            is_broken(history)?;
            history.returned("result b", "b")?;
            history.returned("result c", "c")
        },
        ..CASE
    },
];
