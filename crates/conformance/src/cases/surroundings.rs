//! The surroundings of the program and of its workers: working folder, umask, environment and signals.
//!
//! The suite reads them in /proc. A pool may change those of the program while it starts a worker, and must
//! restore them.

use std::collections::BTreeMap;

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, EventKind, PoolOptions};

use crate::case::{CASE, Case};
use crate::history::{Finding, History, Surroundings, require};
use crate::plan::{Plan, begun, call, called, echo, gated, worker_of, workers};

const POSIX: &str =
    "POSIX: a new process has the working folder, umask and environment of its parent";
const PROGRAM: &str =
    "CPython: test.libregrtest, save_env reports what a test changes in its process";

/// A variable that no other case sets.
const VARIABLE: &str = "CONFORMANCE_SURROUNDINGS";

/// Looks before a pool, while both its workers run tasks, and after it.
fn used_once(plan: &mut Plan) {
    plan.hold("before").new_pool("p", workers(2)).submit("p", gated("a", "go"));
    plan.submit("p", gated("b", "go")).result("a").result("b").shutdown("p").hold("after");
    plan.until(called("gate before")).sample("before").open("before");
    plan.until(begun("a")).until(begun("b")).sample("during").open("go");
    plan.until(called("gate after")).sample("after").open("after");
}

fn surroundings<'a>(
    history: &'a History,
    look: &str,
    pid: u32,
) -> Result<&'a Surroundings, String> {
    let found = history.sample(look)?.surroundings.get(&pid);
    found.ok_or_else(|| format!("process {pid} was not seen at the look \"{look}\""))
}

/// The program has the same after the pool as before.
fn is_restored(history: &History) -> Finding {
    history.sample("before")?.program_is_as_at(history.sample("after")?, history.owner, &[])
}

/// Each worker has the same as its program.
fn is_inherited(history: &History, what: &str, of: fn(&Surroundings) -> &String) -> Finding {
    for task in ["a", "b"] {
        history.returned(&format!("result {task}"), task)?;
        let worker = history.event(EventKind::Begin, task)?.pid;
        let its = of(surroundings(history, "during", worker)?);
        let programs = of(surroundings(history, "during", history.owner)?);
        require(its == programs, || format!("a worker's {what} is {its:?}, not the program's"))?;
    }
    Ok(())
}

fn getenv(tag: &str) -> Call {
    Call { text: Some(VARIABLE.to_owned()), ..call(Body::Getenv, tag) }
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "surroundings.folder-of-the-program",
        requirement: "The pool MUST NOT change the working folder of its program.",
        source: PROGRAM,
        needs: &[Has::Submit],
        kills: &["changes-the-programs-folder"],
        plan: used_once,
        judge: |history| {
            history.returned("result a", "a")?;
            is_restored(history)
        },
        ..CASE
    },
    Case {
        id: "surroundings.umask-of-the-program",
        requirement: "The pool MUST NOT change the umask of its program.",
        source: PROGRAM,
        needs: &[Has::Submit],
        kills: &["changes-the-programs-umask"],
        plan: used_once,
        judge: |history| {
            history.returned("result a", "a")?;
            is_restored(history)
        },
        ..CASE
    },
    Case {
        id: "surroundings.signals-of-the-program",
        requirement: "The pool MUST leave the signals of its program as they were: caught, ignored, blocked or not.",
        source: PROGRAM,
        needs: &[Has::Submit],
        kills: &["changes-the-programs-signals"],
        plan: used_once,
        judge: |history| {
            history.returned("result a", "a")?;
            is_restored(history)
        },
        ..CASE
    },
    Case {
        id: "surroundings.of-the-program-after-a-death",
        requirement: "The pool MUST NOT change the surroundings of its program when a worker is killed.",
        source: PROGRAM,
        needs: &[Has::Submit, Has::WorkerDeath],
        kills: &["changes-the-umask-after-a-death"],
        plan: |plan| {
            plan.hold("before").new_pool("p", workers(1)).submit("p", gated("a", "never"));
            plan.result("a").shutdown("p").hold("after");
            plan.until(called("gate before")).sample("before").open("before");
            plan.until(begun("a")).signal(worker_of("a"), 9);
            plan.until(called("gate after")).sample("after").open("after");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Broken])?;
            is_restored(history)
        },
        ..CASE
    },
    Case {
        id: "surroundings.of-the-program-after-each-kind-of-end",
        requirement: "The pool MUST NOT change the surroundings of its program when it is shut down without waiting, or cancelling.",
        source: PROGRAM,
        needs: &[Has::Submit, Has::ShutdownNowait, Has::ShutdownCancel],
        kills: &["cancelling-changes-the-umask", "shutdown-without-waiting-blocks-a-signal"],
        plan: |plan| {
            plan.hold("before");
            for (pool, wait, cancel) in [("p", false, false), ("q", true, true)] {
                plan.new_pool(pool, workers(1)).submit(pool, echo(&format!("{pool}0"), 1));
                plan.result(&format!("{pool}0")).shutdown_with(pool, wait, cancel);
            }
            plan.hold("after");
            plan.until(called("gate before")).sample("before").open("before");
            plan.until(called("gate after")).sample("after").open("after");
        },
        judge: |history| {
            history.returned("result p0", 1)?;
            history.returned("result q0", 1)?;
            is_restored(history)
        },
        ..CASE
    },
    Case {
        id: "surroundings.environment-of-one-pool",
        requirement: "The pool MUST NOT set the variables of a pool's workers in its program, or in later pools.",
        source: "the contract: env is the environment of the workers of one pool",
        rows: &["CFG-11"],
        needs: &[Has::Env, Has::Getenv],
        kills: &["keeps-the-environment-of-a-pool"],
        plan: |plan| {
            let env = BTreeMap::from([(VARIABLE.to_owned(), "first".to_owned())]);
            plan.new_pool("p", PoolOptions { env, ..workers(1) });
            plan.submit("p", getenv("a")).result("a").shutdown("p").new_pool("p", workers(1));
            plan.submit("p", getenv("b")).result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", "first")?;
            history.returned("result b", ())
        },
        ..CASE
    },
    Case {
        id: "surroundings.folder-of-workers",
        requirement: "The pool MUST start its workers in the working folder of the program.",
        source: POSIX,
        needs: &[Has::Submit],
        kills: &["works-in-another-folder", "second-worker-works-in-the-root"],
        plan: used_once,
        judge: |history| is_inherited(history, "working folder", |its| &its.folder),
        ..CASE
    },
    Case {
        id: "surroundings.umask-of-workers",
        requirement: "The pool MUST start its workers with the umask of the program.",
        source: POSIX,
        needs: &[Has::Submit],
        kills: &["works-with-another-umask"],
        plan: used_once,
        judge: |history| is_inherited(history, "umask", |its| &its.umask),
        ..CASE
    },
    Case {
        id: "surroundings.of-replacements",
        requirement: "The pool MUST start the workers that replace others in the working folder and with the umask of the program.",
        source: POSIX,
        needs: &[Has::Submit, Has::MaxTasksPerChild],
        kills: &["second-worker-works-in-the-root"],
        plan: |plan| {
            let retiring = PoolOptions { max_tasks_per_child: Some(1), ..workers(2) };
            plan.new_pool("p", retiring).submit("p", echo("c", 3)).submit("p", echo("d", 4));
            plan.result("c").result("d");
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.result("a").result("b").shutdown("p");
            plan.until(begun("a")).until(begun("b")).sample("during").open("go");
        },
        judge: |history| {
            is_inherited(history, "working folder", |its| &its.folder)?;
            is_inherited(history, "umask", |its| &its.umask)
        },
        ..CASE
    },
    Case {
        id: "surroundings.environment-of-workers",
        requirement: "The pool MUST start its workers with all variables of the program, and add its own at most.",
        source: POSIX,
        rows: &["CFG-11"],
        needs: &[Has::Submit],
        kills: &["changes-a-variable-of-workers"],
        plan: used_once,
        judge: |history| {
            for task in ["a", "b"] {
                history.returned(&format!("result {task}"), task)?;
                let worker = history.event(EventKind::Begin, task)?.pid;
                let lacks = &surroundings(history, "during", worker)?.lacks;
                require(lacks.is_empty(), || {
                    format!("a worker lacks, or has with another value: {lacks:?}")
                })?;
            }
            Ok(())
        },
        ..CASE
    },
];
