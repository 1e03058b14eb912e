//! The end of a pool: by shutdown, by force, by letting go of it, and with its program.
//!
//! Owns what these files share. What a pool refuses after its end is in the areas of what is refused.

pub(super) mod cancelling;
pub(super) mod dropping;
pub(super) mod ending;
pub(super) mod killing;
pub(super) mod nowait;
pub(super) mod waiting;

use procpool_contract::{ErrorClass, EventKind};

use crate::history::{Finding, History};
use crate::plan::{Plan, gated};

/// What the end of a pool may do to a task that does not come to its own.
const ENDED: &[ErrorClass] = &[ErrorClass::Broken, ErrorClass::Cancelled, ErrorClass::Rejected];

/// Submits so many tasks that wait for the gate `go`.
fn many(plan: &mut Plan, count: usize) {
    for number in 0..count {
        plan.submit("p", gated(&format!("t{number}"), "go"));
    }
}

/// Checks that each of so many tasks has given its own tag.
fn many_returned(history: &History, count: usize) -> Finding {
    (0..count).try_for_each(|number| {
        let tag = format!("t{number}");
        history.returned(&format!("result {tag}"), tag.clone())
    })
}

/// What shutdown has cancelled, of so many: none is left without an outcome.
fn cancelled(history: &History, count: usize) -> Result<usize, String> {
    let mut cancelled = 0;
    for number in 0..count {
        let tag = format!("t{number}");
        let step = format!("result {tag}");
        if history.count(EventKind::Begin, &tag) > 0 {
            history.returned(&step, tag.clone())?;
        } else {
            history.failure(&step, &[ErrorClass::Cancelled])?;
            cancelled += 1;
        }
    }
    Ok(cancelled)
}

/// Submits tasks that wait for a gate.
fn submit_gated<'a>(plan: &'a mut Plan, tags: &[&str], gate: &str) -> &'a mut Plan {
    tags.iter().fold(plan, |plan, tag| plan.submit("p", gated(tag, gate)))
}

/// Waits for several futures, one after the other.
fn results<'a>(plan: &'a mut Plan, tags: &[&str]) -> &'a mut Plan {
    tags.iter().fold(plan, |plan, tag| plan.result(tag))
}

/// Checks that each of these tasks has given its own tag.
fn all_returned(history: &History, tags: &[&str]) -> Finding {
    tags.iter().try_for_each(|tag| history.returned(&format!("result {tag}"), *tag))
}

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("SHUT-20", "The contract does not nest pools that are then killed."),
    ("SHUT-22", "A wait for a pool's end that is no shutdown is pebble's own."),
    (
        "SHUT-31",
        "It needs a system that refuses processes, which a suite must not make of the machine.",
    ),
    (
        "SHUT-32",
        "It needs a system that refuses threads, which a suite must not make of the machine.",
    ),
    ("SHUT-33", "The contract does not warm pools up."),
];
