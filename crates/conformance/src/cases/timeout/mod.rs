//! Limits of time: for who waits for a result, for a task, and for a worker without one.
//!
//! Owns what the three have in common. A judge asks that nothing ends before its time, and that what has
//! to end does; how long after its time is never asked, since a machine may be slow.

mod idle;
mod result;
mod task;

pub(super) use idle::CASES as IDLE;
pub(super) use result::CASES as RESULT;
pub(super) use task::CASES as TASK;

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("TMO-04", "A time that is no number is a matter of the language's types.")];

/// Nanoseconds, but for the two milliseconds by which clocks of milliseconds round down.
fn millis(count: u64) -> u64 {
    count.saturating_sub(2) * 1_000_000
}
