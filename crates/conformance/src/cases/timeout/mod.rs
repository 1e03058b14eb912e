//! Time limits: of a wait for a result, of a task, and of an idle worker.
//!
//! Owns the rules that all three share. A judge requires that nothing ends before its time, and that
//! everything with a limit ends; it never checks how late, since a machine may be slow.

mod idle;
mod result;
mod task;

pub(super) use idle::CASES as IDLE;
pub(super) use result::CASES as RESULT;
pub(super) use task::CASES as TASK;

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("TMO-04", "Whether a time can be other than a number depends on the language's types.")];

/// Nanoseconds, less the two milliseconds by which millisecond clocks round down.
fn millis(count: u64) -> u64 {
    count.saturating_sub(2) * 1_000_000
}
