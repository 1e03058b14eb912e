//! Other workers, other pools, and pending tasks.

use procpool_contract::{Capability as Has, ErrorClass, EventKind, Outcome, policy};

use crate::case::{CASE, Case};
use crate::plan::{begun, die, echo, gated, returned, worker_of, workers};

use super::{is_broken, refused};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "death.of-the-worker-that-started-last",
        requirement: "The pool MUST notice the death of a worker that it started while other workers ran.",
        source: "measured: CPython 3.11 waits for the workers that were there when it began to wait",
        rows: &["BRK-01"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death"],
        // A race in the pool: several rounds make it likely.
        plan: |plan| {
            for round in 0..4 {
                let name = |what: &str| format!("{what}{round}");
                let (pool, first, second, last) = (name("p"), name("b"), name("c"), name("a"));
                let (go, more, most) = (name("go"), name("more"), name("most"));
                plan.new_pool(&pool, workers(3)).submit(&pool, gated(&first, &go)).hold(&more);
                plan.submit(&pool, gated(&second, &go)).hold(&most);
                plan.submit(&pool, gated(&last, "never")).result(&last).hold(&go).shutdown(&pool);
                plan.until(begun(&first)).open(&more).until(begun(&second)).open(&most);
                plan.until(begun(&last)).signal(worker_of(&last), 9);
                plan.until(returned(&format!("result {last}"))).open(&go);
            }
        },
        judge: |history| {
            for round in 0..4 {
                history.event(EventKind::Begin, &format!("a{round}"))?;
                refused(history, &format!("a{round}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "death.leaves-other-pools-alone",
        requirement: "The pool MUST NOT be affected when a worker of another pool dies.",
        source: "measured: pools inherit each other's descriptors",
        rows: &["BRK-18", "FORK-04"],
        needs: &[Has::WorkerDeath, Has::SeveralPools],
        kills: &["a-death-fails-every-result"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never"));
            plan.new_pool("q", workers(1)).submit("q", gated("b", "go"));
            plan.result("a").hold("go").result("b").submit("q", echo("c", 3)).result("c");
            plan.shutdown("p").shutdown("q");
            plan.until(begun("a")).until(begun("b")).signal(worker_of("a"), 9);
            plan.until(returned("result a")).open("go");
        },
        judge: |history| {
            is_broken(history)?;
            history.returned("result b", "b")?;
            history.returned("result c", 3)
        },
        ..CASE
    },
    Case {
        id: "death.next-pool-works",
        requirement: "The pool MUST work when it is created after another one has lost a worker.",
        source: "loky: test_deadlock_kill",
        rows: &["BRK-19"],
        needs: &[Has::WorkerDeath],
        kills: &["a-death-fails-every-result"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", die("a", 1)).result("a").shutdown("p");
            plan.new_pool("q", workers(2)).submit("q", echo("b", 2)).result("b").shutdown("q");
        },
        judge: |history| {
            is_broken(history)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "death.many-at-once",
        requirement: "The pool MUST give every future an outcome when several workers die at once.",
        source: "loky: test_crash_races",
        rows: &["BRK-14", "BRK-11", "BRK-12"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death"],
        plan: |plan| {
            for round in 0..5 {
                let pool = format!("p{round}");
                plan.new_pool(&pool, workers(4));
                for number in 0..8 {
                    plan.submit(&pool, die(&format!("t{round}-{number}"), 1));
                }
                for number in 0..8 {
                    plan.result(&format!("t{round}-{number}"));
                }
                plan.shutdown(&pool);
            }
        },
        judge: |history| {
            for round in 0..5 {
                for number in 0..8 {
                    refused(history, &format!("t{round}-{number}"))?;
                }
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "death.with-large-arguments-queued",
        requirement: "The pool MUST give every future an outcome when a worker dies while large arguments are pending.",
        source: "CPython: test_crash_big_data",
        rows: &["BRK-13"],
        needs: &[Has::WorkerDeath, Has::Blob],
        kills: &["forgets-a-future"],
        plan: |plan| {
            let large = "x".repeat((1 << 20) + 1);
            plan.new_pool("p", workers(1)).submit("p", die("a", 1));
            for number in 0..8 {
                plan.submit("p", echo(&format!("t{number}"), large.clone()));
            }
            plan.result("a");
            for number in 0..8 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            is_broken(history)?;
            let replaces =
                history.description.policies.worker_death == Some(policy::WorkerDeath::Replace);
            for number in 0..8 {
                if replaces {
                    history.value(&format!("result t{number}"))?;
                } else {
                    refused(history, &format!("t{number}"))?;
                }
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "death.while-cancelling",
        requirement: "The pool MUST give every future an outcome when a worker dies while cancelled tasks are pending among others.",
        source: "CPython: gh-107219",
        rows: &["BRK-24"],
        needs: &[Has::WorkerDeath, Has::Cancel],
        kills: &["forgets-a-future"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never"));
            for number in 0..40 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            for number in (0..40).step_by(4) {
                plan.cancel(&format!("t{number}"));
            }
            plan.result("a");
            for number in 0..40 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
            plan.until(begun("a")).until(returned("cancel t36")).signal(worker_of("a"), 9);
        },
        judge: |history| {
            is_broken(history)?;
            for number in 0..40 {
                let future = format!("t{number}");
                let result = format!("result {future}");
                if history.value(&format!("submit {future}")).is_err() {
                    refused(history, &future)?;
                } else if matches!(history.outcome(&result)?, Outcome::Ok(_)) {
                    history.returned(&result, number)?;
                } else {
                    history.failure(&result, &[ErrorClass::Broken, ErrorClass::Cancelled])?;
                }
            }
            Ok(())
        },
        ..CASE
    },
];
