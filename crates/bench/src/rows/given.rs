//! How soon a map yields its results when its tasks last: the time at which the reader gets result *i*,
//! minus the earliest possible time, at which task *i* and all earlier ones had ended.
//!
//! 60 tasks sleep for 1 to 9 ms each, on a new pool of 2 workers each time: so the duration of tasks is
//! unknown to the pool, and all items exist before the first worker does, as in a program that makes a
//! pool and maps. A task returns the time of its end by the monotonic clock, which all processes share;
//! the reader only waits for results. The figure includes the sending, the waking of the reader and every
//! result that waits for something else, such as the end of its chunk. No peer has this row: their
//! programs cannot report when they got a result.
//!
//! The second figure is the same for one task of 20 ms between 2 × 500 of some microseconds, which share
//! chunks: a result may then be late by two of the manager's ticks.

use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::Bench;
use crate::row::{Figure, Row};
use crate::statistics::quantile;
use crate::target::{Target, number};
use crate::timing::nanos_of;

const WORKERS: usize = 2;
/// In microseconds; drawn once. No two neighbours are alike.
const MICROS: [u64; 10] = [8_100, 1_000, 9_000, 2_300, 1_000, 4_700, 1_400, 6_200, 3_100, 1_900];
const TASKS: usize = 60;
/// Short tasks before and behind a long one, and its duration.
const SHORT: usize = 500;
const LONG: u64 = 20_000;

/// The row `given`.
pub(crate) fn given(bench: &Bench) -> Outcome<Row> {
    let long: Vec<u64> = MICROS.into_iter().cycle().take(TASKS).collect();
    let mut mixed = vec![0; 2 * SHORT + 1];
    mixed[SHORT] = LONG;
    let what = "when results of a map are given, against when they could be";
    let mut row = Row::new("given", what);
    for (name, tasks, target) in [("tasks of 1 to 9 ms", &long, 2.0), ("one of 20 ms", &mixed, 5.0)]
    {
        let (mut blocks, mut all) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds(5, 21) {
            let late = round(tasks)?;
            blocks.push(quantile(&late, 0.99) as f64 / 1e6);
            all.extend(late);
        }
        let p50 = number(quantile(&all, 0.5) as f64 / 1e6);
        let worst = number(quantile(&all, 1.0) as f64 / 1e6);
        let figure = Figure::judged(format!("{name}, p99"), "ms", blocks, Target::AtMost(target));
        row.figures.push(figure.with_note(format!("p50 {p50} ms, at worst {worst} ms")));
    }
    Ok(row)
}

/// Runs the tasks; returns by how many nanoseconds each result was late.
fn round(micros: &[u64]) -> Outcome<Vec<u64>> {
    let executor = ProcessPoolExecutor::builder().max_workers(WORKERS).build()?;
    let (mut ended, mut given) = (Vec::new(), Vec::new());
    for result in executor.map(sleep, micros.iter().copied()) {
        given.push(now());
        ended.push(result?);
    }
    Ok(lateness(&ended, &given))
}

/// Sleeps, and returns the time of its end.
fn sleep(micros: u64) -> u64 {
    if micros > 0 {
        thread::sleep(Duration::from_micros(micros));
    }
    now()
}

/// The monotonic clock, in nanoseconds.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| nanos_of(time.into()))
}

/// How much later than possible each result was yielded: the tasks' ends and the results' times are in the
/// order of the items.
fn lateness(ended: &[u64], given: &[u64]) -> Vec<u64> {
    let mut possible = 0;
    let late = |(ended, given): (&u64, &u64)| {
        possible = possible.max(*ended);
        given.saturating_sub(possible)
    };
    ended.iter().zip(given).map(late).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_due_once_its_task_and_all_earlier_ones_have_ended() {
        assert_eq!(lateness(&[10, 20, 30], &[10, 21, 35]), [0, 1, 5]);
        // The second ended first; so it could be yielded with the first.
        assert_eq!(lateness(&[50, 20, 60], &[52, 53, 60]), [2, 3, 0]);
        // Both waited for the third.
        assert_eq!(lateness(&[10, 20, 90], &[91, 91, 91]), [81, 71, 1]);
    }

    #[test]
    fn a_clock_reading_between_two_others_does_not_count_as_late() {
        assert_eq!(lateness(&[10], &[9]), [0]);
    }

    #[test]
    fn a_task_reports_its_end_time() {
        let before = now();
        let ended = sleep(1_000);
        assert!(ended >= before + 1_000_000 && now() >= ended);
    }
}
