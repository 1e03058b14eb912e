//! Blocks of operations with a clock around them.

use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::row::Sample;
use crate::statistics::quantile;

/// Runs `operation` `count` times without a pause. The figure is the median in µs: another program that
/// gets the CPU takes it for a thousand operations, and a mean would measure that. The rare slow ones are
/// in the p99. One clock reading per operation is included, for every contender alike.
pub(crate) fn back_to_back(
    count: usize,
    mut operation: impl FnMut() -> Outcome,
) -> Outcome<Sample> {
    let mut nanos = Vec::with_capacity(count);
    let mut before = Instant::now();
    for _ in 0..count {
        operation()?;
        let after = Instant::now();
        nanos.push(nanos_of(after - before));
        before = after;
    }
    Ok(median_of(nanos))
}

/// Runs `operation` `count` times, sleeping for `pause` before each. The figure is the median in µs.
pub(crate) fn after_pauses(
    count: usize,
    pause: Duration,
    mut operation: impl FnMut() -> Outcome,
) -> Outcome<Sample> {
    let mut nanos = Vec::with_capacity(count);
    for _ in 0..count {
        thread::sleep(pause);
        let before = Instant::now();
        operation()?;
        nanos.push(nanos_of(before.elapsed()));
    }
    Ok(median_of(nanos))
}

/// A block whose figure is the mean of its durations in µs.
pub(crate) fn mean_of(nanos: Vec<u64>) -> Sample {
    let sum: u64 = nanos.iter().sum();
    Sample { figure: sum as f64 / nanos.len() as f64 / 1e3, nanos, ..Sample::default() }
}

/// A block whose figure is the median of its durations in µs.
pub(crate) fn median_of(nanos: Vec<u64>) -> Sample {
    Sample { figure: quantile(&nanos, 0.5) as f64 / 1e3, nanos, ..Sample::default() }
}

/// Returns the duration of `operation`, in seconds, and its result.
pub(crate) fn seconds<T>(operation: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let before = Instant::now();
    let value = operation()?;
    Ok((before.elapsed().as_secs_f64(), value))
}

pub(crate) fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_operation_changes_the_mean_but_not_the_median() {
        assert_eq!(mean_of(vec![1_000, 1_000, 7_000]).figure, 3.0);
        assert_eq!(median_of(vec![1_000, 1_000, 7_000]).figure, 1.0);
    }

    #[test]
    fn every_operation_is_in_the_block() {
        let mut done = 0;
        let sample = back_to_back(5, || {
            done += 1;
            Ok(())
        });
        assert_eq!((done, sample.unwrap().nanos.len()), (5, 5));
        let sample = after_pauses(3, Duration::ZERO, || Ok(()));
        assert_eq!(sample.unwrap().nanos.len(), 3);
        assert!(back_to_back(1, || Err("broken".into())).is_err());
    }
}
