//! The task whose worker dies.

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, Outcome, policy};

use crate::case::{CASE, Case, Only};
use crate::history::require;
use crate::plan::{
    begun, call, die, die_by, echo, ended, fail, gated, returned, worker_of, workers,
};

use super::{CPYTHON, is_broken, one_dies, refused, status_is};

/// SIGHUP, SIGKILL, SIGALRM and SIGTERM end a process of any language, by themselves.
const SIGNALS: [i32; 4] = [1, 9, 14, 15];

/// Codes that shells, interpreters and supervisors give a meaning.
const CODES: [i32; 7] = [1, 2, 127, 130, 137, 143, 255];

pub(in crate::cases) const CASES: &[Case] = &[
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
        requirement: "The pool MUST fail a task as broken whose worker is killed by SIGTERM.",
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
        kills: &["hangs-on-a-death", "takes-143-for-an-orderly-exit"],
        plan: |plan| {
            one_dies(plan, die("a", 99));
            for code in CODES {
                let tag = format!("exit-{code}");
                plan.new_pool("p", workers(1)).submit("p", die(&tag, code)).result(&tag);
                plan.shutdown("p");
            }
        },
        judge: |history| {
            is_broken(history)?;
            CODES.iter().try_for_each(|code| refused(history, &format!("exit-{code}")))
        },
        ..CASE
    },
    Case {
        id: "death.exit-with-zero",
        requirement: "The pool MUST fail a task as broken that ends its process with the exit code 0.",
        source: "loky: crash_cases (c_exit)",
        rows: &["BRK-03"],
        needs: &[Has::WorkerDeath],
        kills: &["takes-exit-0-for-a-result"],
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
        kills: &["reports-a-death-as-an-error"],
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
        kills: &["reports-a-death-as-an-error"],
        plan: |plan| one_dies(plan, die_by("a", 6)),
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.by-other-signals",
        requirement: "The pool MUST fail a task as broken that ends its process by SIGHUP, SIGKILL, SIGALRM or SIGTERM.",
        source: CPYTHON,
        rows: &["BRK-03"],
        needs: &[Has::WorkerDeath],
        kills: &["takes-sigalrm-for-an-orderly-exit"],
        plan: |plan| {
            for signal in SIGNALS {
                let tag = format!("signal-{signal}");
                plan.new_pool("p", workers(2)).submit("p", die_by(&tag, signal)).result(&tag);
                plan.shutdown("p");
            }
        },
        judge: |history| {
            SIGNALS.iter().try_for_each(|signal| refused(history, &format!("signal-{signal}")))
        },
        ..CASE
    },
    Case {
        id: "death.says-which-code",
        requirement: "The pool MUST report the exit code of a dead worker, if it reports how a worker ended.",
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
        requirement: "The pool MUST report the signal that killed a worker, if it reports how a worker ended.",
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
        id: "death.after-a-shutdown-without-waiting",
        requirement: "The pool MUST fail a task as broken whose worker is killed after a shutdown that did not wait.",
        source: "CPython: test_deadlock.py, test_shutdown_deadlock",
        rows: &["BRK-01", "SHUT-05"],
        needs: &[Has::WorkerDeath, Has::ShutdownNowait],
        kills: &["hides-a-death-after-a-shutdown"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).hold("begun");
            plan.shutdown_with("p", false, false).result("a");
            plan.until(begun("a")).open("begun").until(returned("shutdown p"));
            plan.signal(worker_of("a"), 9);
        },
        judge: is_broken,
        ..CASE
    },
    Case {
        id: "death.results-stay",
        requirement: "The pool MUST keep the results and errors that were available before a worker died.",
        source: "loky: test_processes_crash_handling_after_executor_gc",
        rows: &["BRK-05"],
        needs: &[Has::WorkerDeath],
        kills: &["a-death-replaces-errors", "a-death-fails-every-result"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("early", 1)).result("early");
            plan.submit("p", fail("bad", "oh")).submit("p", echo("next", 1)).result("next");
            plan.submit("p", die("a", 1)).result("a").result("early").result("bad").shutdown("p");
        },
        judge: |history| {
            is_broken(history)?;
            history.failure("result bad", &[ErrorClass::Task])?;
            history.returned("result early #2", 1)
        },
        ..CASE
    },
    Case {
        id: "death.during-a-large-result",
        requirement: "The pool MUST fail a task as broken whose worker is killed while it sends a large result.",
        source: "measured: CPython 3.13 reads forever",
        rows: &["BRK-10"],
        needs: &[Has::WorkerDeath, Has::Blob],
        kills: &["reports-a-death-as-an-error"],
        plan: |plan| {
            let blob = Call { count: Some(32 << 20), ..call(Body::Blob, "a") };
            plan.new_pool("p", workers(1)).submit("p", blob).result("a").shutdown("p");
            plan.until(ended("a")).signal(worker_of("a"), 9);
        },
        judge: |history| match history.outcome("result a")? {
            Outcome::Error(_) => is_broken(history),
            // Everything had been delivered before the signal.
            Outcome::Ok(value) => {
                let length = value.as_str().map_or(0, str::len);
                require(length == 32 << 20, || {
                    format!("{length} bytes were returned, not {}", 32 << 20)
                })
            }
        },
        ..CASE
    },
    Case {
        id: "death.sigint-is-ignored",
        requirement: "The pool MUST shield a running task from SIGINT, as it declares.",
        source: "pebble: worker_process; gh-125886",
        rows: &["BRK-21"],
        needs: &[Has::WorkerDeath],
        only: Some(Only {
            words: "sigint is ignored",
            holds: |policies| policies.sigint == Some(policy::Sigint::Ignored),
        }),
        kills: &["restores-sigint"],
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
        requirement: "The pool MUST give a task that is interrupted by SIGINT an outcome.",
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
