//! Decides by one compare-and-swap whether the worker runs a task or the parent takes it back.
//!
//! Owns one number per worker, the index of the next task that the worker may run. Tasks are sent
//! in the order of their indices, so two operations suffice:
//!
//! ```text
//! the worker claims task i:             i ─▶ i + 1       fails if i was taken back
//! the parent takes back the rest:       c ─▶ sent        tasks c..sent will not run there
//! ```
//!
//! Both are a compare-and-swap on the same number, so every task is claimed or taken back, never
//! both and never neither, no matter when the worker dies. A finished result is published
//! before the next claim, so at most one claimed task has no result: the one that runs.

use std::ops::RangeInclusive;

use crate::ring::Scribbled;
use crate::{Ordering, Segment, planted};

/// Claims task `index` for the calling worker. If it was taken back, returns the index of the first task
/// after it that was not.
///
/// The worker reports that ([`Skipped`](crate::wire::Frame::Skipped)), because it cannot be sure: a task may
/// have written the number. Only the parent knows which tasks it has taken back.
pub(super) fn claim(segment: &Segment, line: usize, index: u64) -> Result<Option<u64>, Scribbled> {
    let next = &segment.line(line).number;
    // AcqRel: the previous task's result, which this thread has published, must be visible to a parent
    // that sees this claim.
    match next.compare_exchange(index, index + 1, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(None),
        Err(later) if later > index => Ok(Some(later)),
        Err(_) => Err(Scribbled),
    }
}

/// Returns the index of the first unclaimed task. Fails if it is not within `possible`.
pub(super) fn claimed(
    segment: &Segment,
    line: usize,
    possible: RangeInclusive<u64>,
) -> Result<u64, Scribbled> {
    let next = segment.line(line).number.load(Ordering::Acquire);
    if possible.contains(&next) { Ok(next) } else { Err(Scribbled) }
}

/// Takes back every unclaimed task of `possible`. Returns the index of the first one.
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
            // The worker has claimed another task. The loop ends after at most as many turns as there are
            // tasks.
            Err(later) if later > first && later <= sent => first = later,
            Err(_) => return Err(Scribbled),
        }
    }
}
