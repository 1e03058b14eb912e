//! The cost of replacing workers: tasks of 1 ms on workers that live for 25 of them.
//!
//! 500 tasks that sleep for 1 ms go to 2 workers, first of a pool that replaces each worker after 25
//! tasks, then of one that never does, in turn. Throughputs are compared, so 0.9 is a tenth lost. A
//! replacement costs a start of the program, some of which overlaps with the last task of the worker
//! before it, and the moment between that one's end and the replacement's first task.
//!
//! The tasks sleep, because a computing task shares its CPU with the starting program, and then the figure
//! depends on the number of CPUs.

use std::thread;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::Bench;
use crate::pools::warm_pool;
use crate::row::{Figure, Row, Sample};
use crate::statistics::ratios;
use crate::target::{Target, number};
use crate::timing::seconds;

const WORKERS: usize = 2;
const TASKS: usize = 500;
const PER_WORKER: u64 = 25;

/// The row `recycling`.
pub(crate) fn recycling(bench: &Bench) -> Outcome<Row> {
    let builder = ProcessPoolExecutor::builder().max_workers(WORKERS);
    let recycled = builder.max_tasks_per_child(PER_WORKER).build()?;
    let lasting = warm_pool(WORKERS)?;
    let (us, without) = bench.duel(
        bench.rounds(7, 21),
        &mut || batch(&recycled),
        "the same without replacing",
        &mut || batch(&lasting),
    )?;
    let note = format!("{} tasks/s, without {}", number(us.median()), number(without.median()));
    let ratios = ratios(&us.blocks, &without.blocks);
    let mut row = Row::new("recycling", "tasks of 1 ms, a new worker after 25 of them");
    let figure = Figure::judged("to the same without", "×", ratios, Target::AtLeast(0.9));
    row.figures.push(figure.with_note(note));
    Ok(row)
}

fn batch(executor: &ProcessPoolExecutor) -> Outcome<Sample> {
    let (took, ()) = seconds(|| {
        let futures: Vec<_> = (0..TASKS).map(|_| executor.submit(sleep, ())).collect();
        for future in futures {
            future.result()?;
        }
        Ok(())
    })?;
    Ok(Sample::from(TASKS as f64 / took))
}

fn sleep((): ()) {
    thread::sleep(Duration::from_millis(1));
}
