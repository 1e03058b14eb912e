//! Workers that die.

use crate::case::{CASE, Case, Only};
use crate::contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, Failure, Outcome, policy,
};
use crate::history::{Finding, History, require};
use crate::plan::{
    Condition, Plan, begun, call, die, die_by, echo, ended, gated, returned, tasks_begun,
    worker_gone, worker_of, workers,
};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_deadlock.py";

const BREAKS: Option<Only> = Some(Only {
    words: "worker_death is break",
    holds: |policies| policies.worker_death == Some(policy::WorkerDeath::Break),
});

const REPLACES: Option<Only> = Some(Only {
    words: "worker_death is replace",
    holds: |policies| policies.worker_death == Some(policy::WorkerDeath::Replace),
});

/// One task that ends its worker in some way.
fn one_dies(plan: &mut Plan, task: Call) {
    plan.new_pool("p", workers(1)).submit("p", task).result("a").shutdown("p");
}

/// The error of a task: that of the call which submits it, if it was over by then, or its future's.
fn broken<'a>(history: &'a History, future: &str) -> Result<&'a Failure, String> {
    let step = match history.value(&format!("submit {future}")) {
        Ok(_) => format!("result {future}"),
        Err(_) => format!("submit {future}"),
    };
    history.failure(&step, &[ErrorClass::Broken])
}

fn is_broken(history: &History) -> Finding {
    history.event(EventKind::Begin, "a")?;
    refused(history, "a")
}

fn status_is(history: &History, expected: &str) -> Finding {
    let status = broken(history, "a")?.status.as_deref();
    require(status == Some(expected), || format!("the error says {status:?}, not {expected}"))
}

fn refused(history: &History, future: &str) -> Finding {
    broken(history, future).map(|_| ())
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "death.killed-while-running",
        requirement: "The pool MUST fail a task as broken whose worker is killed.",
        source: "CPython: test_killed_child",
        rows: &["BRK-01"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death", "retries-silently"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("a", "never"))
                .result("a")
                .shutdown("p");
            plan.until(begun("a")).until(crate::plan::called("result a")).signal(worker_of("a"), 9);
        },
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.terminated-while-running",
        requirement: "The pool MUST fail a task as broken whose worker is ended by SIGTERM.",
        source: "loky: test_killed_child",
        rows: &["BRK-01"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("a", "never"))
                .result("a")
                .shutdown("p");
            plan.until(begun("a")).signal(worker_of("a"), 15);
        },
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.exit-with-a-code",
        requirement: "The pool MUST fail a task as broken that ends its process with an exit code.",
        source: CPYTHON,
        rows: &["BRK-02", "BRK-03"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death"],
        plan: |plan| one_dies(plan, die("a", 99)),
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.exit-with-zero",
        requirement: "The pool MUST fail a task as broken that ends its process with the exit code 0.",
        source: "loky: crash_cases (c_exit)",
        rows: &["BRK-03"],
        needs: &[Has::WorkerDeath],
        plan: |plan| one_dies(plan, die("a", 0)),
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.segmentation-fault",
        requirement: "The pool MUST fail a task as broken that ends its process by SIGSEGV.",
        source: "CPython: test_crash_during_func_exec_on_worker",
        rows: &["BRK-03"],
        needs: &[Has::WorkerDeath],
        plan: |plan| one_dies(plan, die_by("a", 11)),
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.abort",
        requirement: "The pool MUST fail a task as broken that ends its process by SIGABRT.",
        source: CPYTHON,
        rows: &["BRK-03"],
        needs: &[Has::WorkerDeath],
        plan: |plan| one_dies(plan, die_by("a", 6)),
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.says-which-code",
        requirement: "The pool MUST say with which code a worker ended, where it says how.",
        source: "loky: test_exited_child; CPython 3.15: gh-139462",
        rows: &["BRK-02"],
        needs: &[Has::WorkerDeath, Has::ExitStatus],
        kills: &["lies-about-a-status"],
        plan: |plan| one_dies(plan, die("a", 99)),
        judge: |history| status_is(history, "exit 99"),
        ..CASE
    },
    Case {
        id: "death.says-which-signal",
        requirement: "The pool MUST say by which signal a worker ended, where it says how.",
        source: "loky: test_killed_child",
        rows: &["BRK-02"],
        needs: &[Has::WorkerDeath, Has::ExitStatus],
        kills: &["lies-about-a-status"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", gated("a", "never"))
                .result("a")
                .shutdown("p");
            plan.until(begun("a")).signal(worker_of("a"), 9);
        },
        judge: |history| status_is(history, "signal 9"),
        ..CASE
    },
    Case {
        id: "death.results-stay",
        requirement: "The pool MUST keep the results that tasks had before a worker died.",
        source: "loky: test_processes_crash_handling_after_executor_gc",
        rows: &["BRK-05"],
        needs: &[Has::WorkerDeath],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("early", 1)).result("early");
            plan.submit("p", die("a", 1)).result("a").result("early").shutdown("p");
        },
        judge: |history| {
            is_broken(history)?;
            history.returned("result early #2", 1)
        },
        ..CASE
    },
    Case {
        id: "death.fails-everything",
        requirement: "The pool MUST fail every task that waits or runs when a worker dies, as it says, and lose none.",
        source: CPYTHON,
        rows: &["BRK-04"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        kills: &["hangs-on-a-death", "retries-silently"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("a", "never")).hold("more");
            plan.submit("p", gated("b", "never"));
            for number in 0..50 {
                plan.submit("p", gated(&format!("t{number}"), "never"));
            }
            plan.result("a").result("b");
            for number in 0..50 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p")
                .until(begun("a"))
                .open("more")
                .until(tasks_begun(2))
                .until(returned("submit t49"));
            plan.signal(worker_of("a"), 9);
        },
        judge: |history| {
            is_broken(history)?;
            history.failure("result b", &[ErrorClass::Broken])?;
            for number in 0..50 {
                history.failure(&format!("result t{number}"), &[ErrorClass::Broken])?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "death.ends-the-siblings",
        requirement: "The pool MUST end its other workers when one dies, as it says that it breaks.",
        source: "loky: check_no_running_workers",
        rows: &["BRK-06"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        plan: |plan| {
            // The first one has a worker before there are others, so that it is known which one dies.
            plan.new_pool("p", workers(3)).submit("p", gated("a", "never")).hold("first");
            plan.submit("p", gated("b", "never")).submit("p", gated("c", "never"));
            plan.result("b").hold("end").shutdown("p");
            plan.until(begun("a")).open("first").until(tasks_begun(3));
            plan.signal(worker_of("a"), 9).until(Condition::WorkersGone).open("end");
        },
        judge: |history| history.failure("result b", &[ErrorClass::Broken]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "death.siblings-that-ignore-sigterm",
        requirement: "The pool MUST end, when it is broken, workers that do not listen to SIGTERM.",
        source: "pebble: test_process_pool_ignoring_sigterm; CPython 3.12 and 3.13.0 hang",
        rows: &["BRK-07"],
        needs: &[Has::WorkerDeath, Has::IgnoreTerm],
        only: BREAKS,
        plan: |plan| {
            let deaf = Call { gate: Some("never".into()), ..call(Body::IgnoreTerm, "deaf") };
            plan.new_pool("p", workers(2)).submit("p", gated("a", "never")).hold("more");
            plan.submit("p", deaf);
            plan.result("a").result("deaf").shutdown("p");
            plan.until(begun("a"))
                .open("more")
                .until(tasks_begun(2))
                .quiet()
                .signal(worker_of("a"), 9)
                .until(returned("shutdown p"));
        },
        judge: |history| {
            is_broken(history)?;
            history.failure("result deaf", &[ErrorClass::Broken]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "death.of-the-worker-that-started-last",
        requirement: "The pool MUST notice the death of a worker that it started while others ran.",
        source: "measured: CPython 3.11 waits for the workers that were there when it began to wait",
        rows: &["BRK-01"],
        needs: &[Has::WorkerDeath],
        kills: &["hangs-on-a-death"],
        // A race in the pool, which several rounds make sure of.
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
        id: "death.later-tasks-are-refused",
        requirement: "The pool MUST refuse tasks as broken after a worker has died, as it says.",
        source: "CPython: test_killed_child",
        rows: &["SUB-05", "BRK-16"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        kills: &["retries-silently"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", die("a", 1)).result("a");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
        },
        judge: |history| {
            is_broken(history)?;
            refused(history, "b")
        },
        ..CASE
    },
    Case {
        id: "death.idle-breaks",
        requirement: "The pool MUST refuse tasks as broken after an idle worker has died, as it says, and MUST NOT lose one.",
        source: "loky: test_deadlock_kill",
        rows: &["BRK-16"],
        needs: &[Has::WorkerDeath],
        only: BREAKS,
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 1)).result("a").hold("dead");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(ended("a")).until(returned("result a")).signal(worker_of("a"), 9);
            // The pool may learn of it a little later than the suite.
            plan.until(worker_gone("a")).quiet().quiet().quiet().open("dead");
        },
        judge: |history| refused(history, "b"),
        ..CASE
    },
    Case {
        id: "death.idle-is-replaced",
        requirement: "The pool MUST run a task that comes after an idle worker has died, as it says.",
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
        requirement: "The pool MUST fail only the task whose worker has died, as it says, and run the others.",
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
        requirement: "The pool MUST have as many workers as before after one has died, as it says.",
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
    Case {
        id: "death.leaves-other-pools-alone",
        requirement: "The pool MUST NOT notice that a worker of another one has died.",
        source: "measured: pools inherit each other's descriptors",
        rows: &["BRK-18", "FORK-04"],
        needs: &[Has::WorkerDeath, Has::SeveralPools],
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
        requirement: "The pool MUST work when it is made after another one has lost a worker.",
        source: "loky: test_deadlock_kill",
        rows: &["BRK-19"],
        needs: &[Has::WorkerDeath],
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
        requirement: "The pool MUST give every future an outcome when a worker dies while large arguments wait.",
        source: "CPython: test_crash_big_data",
        rows: &["BRK-13"],
        needs: &[Has::WorkerDeath, Has::Blob],
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
        id: "death.during-a-large-result",
        requirement: "The pool MUST fail a task as broken whose worker is killed while its large result is on the way.",
        source: "measured: CPython 3.13 reads for ever",
        rows: &["BRK-10"],
        needs: &[Has::WorkerDeath, Has::Blob],
        plan: |plan| {
            let blob = Call { count: Some(32 << 20), ..call(Body::Blob, "a") };
            plan.new_pool("p", workers(1)).submit("p", blob).result("a").shutdown("p");
            plan.until(ended("a")).signal(worker_of("a"), 9);
        },
        judge: |history| match history.outcome("result a")? {
            Outcome::Error(_) => is_broken(history),
            // All of it had come before the signal did.
            Outcome::Ok(value) => {
                let length = value.as_str().map_or(0, str::len);
                require(length == 32 << 20, || format!("{length} letters came of {}", 32 << 20))
            }
        },
        ..CASE
    },
    Case {
        id: "death.while-cancelling",
        requirement: "The pool MUST give every future an outcome when a worker dies while cancelled tasks wait among others.",
        source: "CPython: gh-107219",
        rows: &["BRK-24"],
        needs: &[Has::WorkerDeath, Has::Cancel],
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
    Case {
        id: "death.sigint-is-ignored",
        requirement: "The pool MUST shield a running task from SIGINT, as it says.",
        source: "pebble: worker_process; gh-125886",
        rows: &["BRK-21"],
        needs: &[Has::WorkerDeath],
        only: Some(Only {
            words: "sigint is ignored",
            holds: |policies| policies.sigint == Some(policy::Sigint::Ignored),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).result("a");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
            plan.until(begun("a")).signal(worker_of("a"), 2).quiet().open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "death.sigint-has-an-end",
        requirement: "The pool MUST give a task an outcome that is interrupted by SIGINT.",
        source: "CPython, loky: measured",
        rows: &["BRK-21"],
        needs: &[Has::WorkerDeath],
        only: Some(Only {
            words: "sigint is delivered",
            holds: |policies| policies.sigint == Some(policy::Sigint::Delivered),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).result("a").shutdown("p");
            plan.until(begun("a")).signal(worker_of("a"), 2).quiet().open("go");
        },
        judge: |history| match history.outcome("result a")? {
            Outcome::Ok(_) => history.returned("result a", "a"),
            Outcome::Error(_) => {
                history.failure("result a", &[ErrorClass::Task, ErrorClass::Broken]).map(|_| ())
            }
        },
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("BRK-15", "The contract's arguments do nothing when they are dropped."),
    ("BRK-20", "The contract's callbacks do not submit."),
    ("BRK-22", "What a crash writes to standard error is the language's."),
    ("BRK-23", "A worker that is replaced because it has grown is loky's own."),
    ("BRK-25", "It needs a fault inside the pool."),
];
