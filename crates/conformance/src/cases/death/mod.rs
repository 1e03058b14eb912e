//! Workers that die.

mod broken;
mod others;
mod replaced;
mod task;

pub(super) use broken::CASES as BROKEN;
pub(super) use others::CASES as OTHERS;
pub(super) use replaced::CASES as REPLACED;
pub(super) use task::CASES as TASK;

use procpool_contract::{Call, ErrorClass, EventKind, policy};

use crate::case::Only;
use crate::history::{Finding, History, require};
use crate::plan::{Plan, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_deadlock.py";

const BREAKS: Option<Only> = Some(Only {
    words: "worker_death is break",
    holds: |policies| policies.worker_death == Some(policy::WorkerDeath::Break),
});

const REPLACES: Option<Only> = Some(Only {
    words: "worker_death is replace",
    holds: |policies| policies.worker_death == Some(policy::WorkerDeath::Replace),
});

/// One task that ends its worker in the given way.
fn one_dies(plan: &mut Plan, task: Call) {
    plan.new_pool("p", workers(1)).submit("p", task).result("a").shutdown("p");
}

fn is_broken(history: &History) -> Finding {
    history.event(EventKind::Begin, "a")?;
    refused(history, "a")
}

fn status_is(history: &History, expected: &str) -> Finding {
    let failure = history.task_failure("a", &[ErrorClass::Broken])?;
    let status = failure.status.as_deref();
    require(status == Some(expected), || format!("the error says {status:?}, not {expected}"))
}

fn refused(history: &History, future: &str) -> Finding {
    history.task_failure(future, &[ErrorClass::Broken]).map(|_| ())
}

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("BRK-15", "The contract's arguments do nothing when they are dropped."),
    ("BRK-20", "The contract's callbacks do not submit."),
    ("BRK-22", "The text of a crash on standard error depends on the language."),
    ("BRK-23", "Only loky replaces a worker because its memory has grown."),
    ("BRK-25", "It needs a fault inside the pool."),
];
