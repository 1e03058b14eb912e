//! Who runs a task that was sent: decided by one compare-and-swap.
//!
//! Owns one number per worker, the index of the next task that the worker may run. Tasks are sent
//! in the order of their indices, so two moves suffice:
//!
//! ```text
//! the worker claims task i:             i ─▶ i + 1       fails when i was taken back
//! the parent takes back what is left:   c ─▶ sent        tasks c..sent will not run there
//! ```
//!
//! Both are a compare-and-swap on the same number, so every task is claimed or taken back, never
//! both and never neither, at whatever instant the worker dies. A finished result is published
//! before the next claim, so of the claimed tasks at most one has no result: the one that runs.

use std::ops::RangeInclusive;

use crate::ring::Scribbled;
use crate::{Ordering, Segment, planted};

/// Claims task `index` for the worker that asks. Where it was taken back, returns the index of the first
/// task after it that was not.
///
/// The worker reports that ([`Skipped`](crate::wire::Frame::Skipped)), because it cannot know: whatever
/// a task writes to the claim word looks the same. Only the parent knows what it has taken back.
pub(super) fn claim(segment: &Segment, line: usize, index: u64) -> Result<Option<u64>, Scribbled> {
    let next = &segment.line(line).number;
    // AcqRel: the result of the task before, published earlier by this thread, must be visible to
    // a parent that sees this claim.
    match next.compare_exchange(index, index + 1, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(None),
        Err(later) if later > index => Ok(Some(later)),
        Err(_) => Err(Scribbled),
    }
}

/// Returns the index of the first task that is not claimed, which must be `possible`.
pub(super) fn claimed(
    segment: &Segment,
    line: usize,
    possible: RangeInclusive<u64>,
) -> Result<u64, Scribbled> {
    let next = segment.line(line).number.load(Ordering::Acquire);
    if possible.contains(&next) { Ok(next) } else { Err(Scribbled) }
}

/// Takes back every possible task that is not claimed. Returns the index of the first one.
pub(super) fn take_back(
    segment: &Segment,
    line: usize,
    possible: RangeInclusive<u64>,
) -> Result<u64, Scribbled> {
    let next = &segment.line(line).number;
    let sent = *possible.end();
    let mut first = claimed(segment, line, possible)?;
    if planted("take back without comparing") {
        next.store(sent, Ordering::Release);
        return Ok(first);
    }
    loop {
        match next.compare_exchange(first, sent, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(first),
            // The worker claimed one more meanwhile. It cannot go on for ever: there are as many
            // turns as tasks.
            Err(later) if later > first && later <= sent => first = later,
            Err(_) => return Err(Scribbled),
        }
    }
}
