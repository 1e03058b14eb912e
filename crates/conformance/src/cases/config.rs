//! How a pool is created.

use std::collections::BTreeMap;

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, PoolOptions};

use crate::case::{CASE, Case};
use crate::environment::{EMPTY, LINES, LINES_VALUE};
use crate::history::require;
use crate::plan::{call, echo, workers};

const CPYTHON: &str = "CPython: test_executor.py, test_max_workers_negative";

/// A check of a few values may miss the others.
const NEGATIVE: [i64; 4] = [-1, -2, -1_000, i32::MIN as i64];

fn getenv(tag: &str, name: &str) -> Call {
    Call { text: Some(name.to_owned()), ..call(Body::Getenv, tag) }
}

fn with_env(pairs: &[(&str, &str)]) -> PoolOptions {
    let env: BTreeMap<String, String> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    PoolOptions { env, ..workers(1) }
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "config.no-workers-is-refused",
        requirement: "The pool MUST refuse to be created without workers.",
        source: CPYTHON,
        rows: &["CFG-01"],
        needs: &[Has::ChecksMaxWorkers],
        kills: &["accepts-nonsense"],
        plan: |plan| {
            plan.new_pool("p", workers(0));
        },
        judge: |history| history.failure("new p", &[ErrorClass::Invalid]).map(|_| ()),
        ..CASE
    },
    Case {
        id: "config.negative-workers-are-refused",
        requirement: "The pool MUST refuse to be created with a negative number of workers.",
        source: CPYTHON,
        rows: &["CFG-01"],
        needs: &[Has::ChecksMaxWorkers],
        kills: &["accepts-nonsense", "refuses-only-minus-one"],
        plan: |plan| {
            NEGATIVE.iter().for_each(|count| _ = plan.new_pool("p", workers(*count)));
        },
        judge: |history| {
            (1..=NEGATIVE.len()).try_for_each(|nth| {
                history.failure(&format!("new p #{nth}"), &[ErrorClass::Invalid]).map(|_| ())
            })
        },
        ..CASE
    },
    Case {
        id: "config.one-worker-is-enough",
        requirement: "The pool MUST run tasks with one worker.",
        source: CPYTHON,
        rows: &["SUB-22"],
        kills: &["starts-a-worker-per-task"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..5 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            for number in 0..5 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            (0..5).try_for_each(|number| history.returned(&format!("result t{number}"), number))?;
            let workers = history.workers().len();
            require(workers == 1, || format!("{workers} processes ran tasks"))
        },
        ..CASE
    },
    Case {
        id: "config.env-reaches-workers",
        requirement: "The pool MUST set its environment variables in its workers.",
        source: "loky: test_child_env_executor; procspawn: test_envvar",
        rows: &["CFG-11"],
        needs: &[Has::Env, Has::Getenv],
        kills: &["ignores-env"],
        plan: |plan| {
            plan.new_pool("p", with_env(&[("CONFORMANCE_COLOUR", "blue green")]));
            plan.submit("p", getenv("a", "CONFORMANCE_COLOUR")).result("a").shutdown("p");
        },
        judge: |history| history.returned("result a", "blue green"),
        ..CASE
    },
    Case {
        id: "config.env-overrides",
        requirement: "The pool MUST let its variables override the inherited ones.",
        source: "loky: test_child_env_process",
        rows: &["CFG-11"],
        needs: &[Has::Env, Has::Getenv],
        kills: &["ignores-env"],
        plan: |plan| {
            plan.new_pool("p", with_env(&[("HOME", "/elsewhere")]));
            plan.submit("p", getenv("a", "HOME")).result("a").shutdown("p");
        },
        judge: |history| history.returned("result a", "/elsewhere"),
        ..CASE
    },
    Case {
        id: "config.env-is-one-pools-own",
        requirement: "The pool MUST NOT set the variables of one pool in the workers of a later one.",
        source: "loky: test_child_env_process, the parent's environment is unchanged",
        rows: &["CFG-11"],
        needs: &[Has::Env, Has::Getenv],
        kills: &["keeps-the-environment-of-a-pool"],
        plan: |plan| {
            plan.new_pool("p", with_env(&[("CONFORMANCE_COLOUR", "blue")]));
            plan.submit("p", getenv("a", "CONFORMANCE_COLOUR")).result("a").shutdown("p");
            plan.new_pool("q", workers(1)).submit("q", getenv("b", "CONFORMANCE_COLOUR"));
            plan.result("b").shutdown("q");
        },
        judge: |history| {
            history.returned("result a", "blue")?;
            history.returned("result b", ())
        },
        ..CASE
    },
    Case {
        id: "config.environment-is-inherited",
        requirement: "The pool MUST give its workers the environment of the program.",
        source: "POSIX: the environment of every child process",
        rows: &["CFG-11"],
        needs: &[Has::Getenv],
        kills: &[
            "empties-a-variable-of-workers",
            "loses-an-empty-variable",
            "reads-its-environment-by-lines",
        ],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .submit("p", getenv("a", "PATH"))
                .submit("p", getenv("b", EMPTY))
                .submit("p", getenv("c", LINES))
                .result("a")
                .result("b")
                .result("c")
                .shutdown("p");
        },
        judge: |history| {
            let path = history.value("result a")?;
            require(path.as_str().is_some_and(|path| !path.is_empty()), || {
                format!("PATH is {path}")
            })?;
            history.returned("result b", "")?;
            history.returned("result c", LINES_VALUE)
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("CFG-02", "The maximum number of workers depends on the platform; Linux has none."),
    ("CFG-03", "Which values can be called depends on the language's types."),
    ("CFG-05", "Which start methods allow retirement depends on the pool; an adapter declares it."),
    ("CFG-06", "An adapter has one start method, so there is no default to test."),
    ("CFG-07", "An adapter has one start method, which exists."),
    ("CFG-10", "It needs a sandbox in which one system call fails."),
    ("CFG-12", "The contract does not ask for the size of a pool."),
];
