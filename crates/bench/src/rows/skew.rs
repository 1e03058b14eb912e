//! One long task among many short ones: whether any task waits behind it.
//!
//! 20,000 tasks of 1 µs are submitted to 2 workers, and as the 5,000th one that sleeps for 100 ms; then
//! the results of all but the long one are taken in order. *Lateness* is the time from before the first
//! `submit` until the last of them has arrived, minus the time of the same short tasks on a pool of one
//! worker, the one that the long task leaves free: the ideal, measured in turn in the same round. So the
//! cost of a task itself is not lateness, but a short task that waits behind the long one is up to 100 ms
//! late. Half of the rounds may be 5 ms late, none 20 ms.
//!
//! The long task sleeps instead of computing: it takes a worker, not a CPU, away from the others, which is
//! what the one-worker pool lacks too. Results are waited for, never polled: polling would take the CPU
//! that the remaining worker needs.

use std::time::{Duration, Instant};

use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::Bench;
use crate::pools::warm_pool;
use crate::row::{Figure, Row, Sample};
use crate::statistics::{differences, largest};
use crate::target::{Target, number};
use crate::timing::seconds;

const TASKS: usize = 20_000;
const LONG: usize = 5_000;

/// The row `skew`.
pub(crate) fn skew(bench: &Bench) -> Outcome<Row> {
    let (two, one) = (warm_pool(2)?, warm_pool(1)?);
    let (us, ideal) = bench.duel(
        bench.rounds(11, 31),
        &mut || batch(&two, Some(LONG)),
        "one worker without the long task",
        &mut || batch(&one, None),
    )?;
    let late = differences(&us.blocks, &ideal.blocks);
    let note = format!("{} ms, ideal {} ms", number(us.median()), number(ideal.median()));
    let mut row =
        Row::new("skew", "20,000 tasks of 1 µs and one of 100 ms: how late the others are");
    let figure =
        Figure::judged("the last other task, p50", "ms", late.clone(), Target::AtMost(5.0));
    row.figures.push(figure.with_note(note));
    let worst = largest(&late);
    let mut figure = Figure::judged("the same, at worst", "ms", vec![worst], Target::AtMost(20.0));
    figure.blocks = late;
    row.figures.push(figure);
    Ok(row)
}

/// Runs the tasks; the figure is the time in ms until the last short result has arrived.
fn batch(executor: &ProcessPoolExecutor, long: Option<usize>) -> Outcome<Sample> {
    let (took, long) = seconds(|| {
        let mut long_one = None;
        let mut short = Vec::with_capacity(TASKS);
        for number in 0..TASKS {
            if long == Some(number) {
                long_one = Some(executor.submit(sleep, ()));
            }
            short.push(executor.submit(spin, ()));
        }
        for future in short {
            future.result()?;
        }
        Ok(long_one)
    })?;
    // The next batch must find both workers free.
    if let Some(long) = long {
        long.result()?;
    }
    Ok(Sample::from(took * 1e3))
}

fn spin((): ()) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_micros(1) {}
}

fn sleep((): ()) {
    std::thread::sleep(Duration::from_millis(100));
}
