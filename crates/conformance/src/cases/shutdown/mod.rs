//! The end of a pool: by shutdown, by force, by dropping it, and with its program.
//!
//! Owns the helpers that these files share. Refusals of a pool after its end are in the area of the
//! refused call.

pub(super) mod cancelling;
pub(super) mod dropping;
pub(super) mod ending;
pub(super) mod killing;
pub(super) mod nowait;
pub(super) mod waiting;

use procpool_contract::{ErrorClass, EventKind};

use crate::history::{Finding, History};
use crate::plan::{Plan, gated};

/// The errors by which an unfinished task may fail at the end of its pool.
const ENDED: &[ErrorClass] = &[ErrorClass::Broken, ErrorClass::Cancelled, ErrorClass::Rejected];

/// Submits `count` tasks that wait for the gate `go`.
fn many(plan: &mut Plan, count: usize) {
    for number in 0..count {
        plan.submit("p", gated(&format!("t{number}"), "go"));
    }
}

/// Checks that each of `count` tasks has returned its own tag.
fn many_returned(history: &History, count: usize) -> Finding {
    (0..count).try_for_each(|number| {
        let tag = format!("t{number}");
        history.returned(&format!("result {tag}"), tag.clone())
    })
}

/// Returns how many of `count` tasks shutdown has cancelled; each of them must have an outcome.
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

/// Checks that each of these tasks has returned its own tag.
fn all_returned(history: &History, tags: &[&str]) -> Finding {
    tags.iter().try_for_each(|tag| history.returned(&format!("result {tag}"), *tag))
}

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("SHUT-20", "The contract does not nest pools that are then killed."),
    ("SHUT-22", "Only pebble has a wait for a pool's end that is not a shutdown."),
    (
        "SHUT-31",
        "It needs a system without free processes, and a suite must not bring the machine into that state.",
    ),
    (
        "SHUT-32",
        "It needs a system without free threads, and a suite must not bring the machine into that state.",
    ),
    ("SHUT-33", "The contract does not warm pools up."),
];
