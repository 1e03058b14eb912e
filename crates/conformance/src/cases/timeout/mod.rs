//! Time limits: of a wait for a result, of a task, and of an idle worker.
//!
//! Owns the rules that all three share. A judge requires that nothing ends before its time, and that
//! everything with a limit ends. A slow machine ends some of it late, so how late is only checked of the
//! soonest of several.

mod idle;
mod result;
mod task;

pub(super) use idle::CASES as IDLE;
pub(super) use result::CASES as RESULT;
pub(super) use task::CASES as TASK;

use crate::history::{Finding, History, require};

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("TMO-04", "Whether a time can be other than a number depends on the language's types.")];

/// How many waits of [`WAIT_MILLIS`] a case makes to find the soonest.
const WAITS: u64 = 4;

/// The timeout of a wait that must be in time.
pub(super) const WAIT_MILLIS: u64 = 400;

/// Returns the names of the first waits of `step`: `step #1`, `step #2` …
pub(super) fn repeated(step: &str) -> Vec<String> {
    (1..=WAITS).map(|number| format!("{step} #{number}")).collect()
}

/// Checks that the soonest of several waits ended before twice its time.
pub(super) fn in_time(history: &History, steps: &[String]) -> Finding {
    let mut waits = Vec::new();
    for step in steps {
        waits.push(history.ended_at(step)? - history.step(step)?.begin);
    }
    soonest_in_time(&waits, WAIT_MILLIS)
}

fn soonest_in_time(waits: &[u64], limit: u64) -> Finding {
    let soonest = waits.iter().min().copied().unwrap_or_default() / 1_000_000;
    require(soonest < 2 * limit, || {
        format!("of {} waits of {limit} ms, the soonest ended after {soonest} ms", waits.len())
    })
}

/// Nanoseconds, less the two milliseconds by which millisecond clocks round down.
fn millis(count: u64) -> u64 {
    count.saturating_sub(2) * 1_000_000
}
