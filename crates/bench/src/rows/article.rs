//! The article's program: ten tasks that sleep, two workers, results in order.
//!
//! The tasks sleep for fixed durations below one second (in a quick run, a tenth of that), through
//! `map` on a warm pool. The ideal is the list schedule: each task goes to the worker that is free
//! first, in the order of the items, and costs nothing else. A chunk of two items puts them behind
//! each other and misses it; the target leaves 1 % for everything.

use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::bench::Bench;
use crate::pools::warm_pool;
use crate::row::{Figure, Row};
use crate::target::{Target, number};
use crate::timing::seconds;

const WORKERS: usize = 2;
/// Drawn once.
const MILLIS: [u64; 10] = [727, 93, 512, 845, 268, 991, 154, 636, 409, 370];

/// The row `article`.
pub(crate) fn article(bench: &Bench) -> Outcome<Row> {
    let executor = warm_pool(WORKERS)?;
    let unit = if bench.is_quick() { 100 } else { 1_000 };
    let micros = MILLIS.map(|millis| millis * unit);
    let ideal = list_schedule(&micros, WORKERS) as f64 / 1e6;
    let (mut blocks, mut took) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(5, 5) {
        let (seconds, ()) = seconds(|| {
            let mut results = executor.map(sleep, micros);
            Ok(results.try_for_each(|result| result.map(|_| ()))?)
        })?;
        took.push(seconds * 1e3);
        blocks.push(seconds / ideal);
    }
    let mut row = Row::new("article", "10 sleeping tasks on 2 warm workers, through map");
    let took = number(crate::statistics::median(&took));
    let note = format!("{took} ms, ideal {} ms", number(ideal * 1e3));
    let figure = Figure::judged("to the ideal schedule", "×", blocks, Target::AtMost(1.01));
    row.figures.push(figure.with_note(note));
    Ok(row)
}

fn sleep(micros: u64) -> u64 {
    thread::sleep(Duration::from_micros(micros));
    micros
}

/// When the last of `tasks` ends if each goes to the first free worker.
fn list_schedule(tasks: &[u64], workers: usize) -> u64 {
    let mut free = vec![0; workers.max(1)];
    for task in tasks {
        if let Some(first) = free.iter_mut().min() {
            *first += task;
        }
    }
    free.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_goes_to_the_first_free_worker() {
        assert_eq!(list_schedule(&[3, 1, 1, 2], 2), 4);
        assert_eq!(list_schedule(&[3, 1, 1, 2], 1), 7);
        assert_eq!(list_schedule(&[1, 1, 5], 2), 6, "the order is that of the items");
    }
}
