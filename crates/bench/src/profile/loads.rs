//! The profiled loads: loops that repeat one operation for a while.
//!
//! Owns the loops. Each is a process of its own, so that its samples are those of the loop and of the
//! pool's start and end, which is little beside some seconds. Knows no profiler.

use std::time::{Duration, Instant};

use procpool::ProcessPoolExecutor;
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::peers::contest::WORKERS;
use crate::pools::{noop, warm_pool};
use crate::rows::{map_chunks, submit_all};
use crate::statistics::median;
use crate::timing::{back_to_back, seconds};

/// Operations in a block of round trips.
const BLOCK: usize = 1_000;
/// Tasks in a block that is submitted as a whole.
const TASKS: u64 = 1_000_000;

/// The result of a loop.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Done {
    /// The loop's own process.
    pub(super) process: u32,
    pub(super) operations: u64,
    /// The median of its blocks: of a round trip's p50, or of a whole block's time by its length.
    pub(super) nanos: f64,
}

/// The number of operations of a block, and the duration of one of them in nanoseconds.
type Block = fn(&ProcessPoolExecutor) -> Outcome<(u64, f64)>;

/// A loop with its name.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The name of an operation.
    pub(super) operation: &'static str,
    block: Block,
}

pub(super) const LOADS: [Load; 3] = [
    Load {
        name: "round-trip",
        title: "One hot submit(noop).result()",
        operation: "round trip",
        block: round_trips,
    },
    Load {
        name: "submit-all",
        title: "1,000,000 no-ops submitted, then all results",
        operation: "task",
        block: all_at_once,
    },
    Load {
        name: "map",
        title: "map(x + 1) over 10,000,000 u64",
        operation: "item",
        block: whole_map,
    },
];

impl Load {
    /// Runs blocks until `time` is over.
    pub(super) fn run(&self, time: Duration) -> Outcome<Done> {
        let executor = warm_pool(WORKERS)?;
        let (began, mut operations, mut nanos) = (Instant::now(), 0, Vec::new());
        while began.elapsed() < time {
            let (count, each) = (self.block)(&executor)?;
            operations += count;
            nanos.push(each);
        }
        Ok(Done { process: std::process::id(), operations, nanos: median(&nanos) })
    }
}

fn round_trips(executor: &ProcessPoolExecutor) -> Outcome<(u64, f64)> {
    let sample = back_to_back(BLOCK, || Ok(executor.submit(noop, ()).result()?))?;
    Ok((BLOCK as u64, sample.figure * 1e3))
}

fn all_at_once(executor: &ProcessPoolExecutor) -> Outcome<(u64, f64)> {
    let (took, _) = seconds(|| submit_all::block(executor, TASKS))?;
    Ok((TASKS, took * 1e9 / TASKS as f64))
}

fn whole_map(executor: &ProcessPoolExecutor) -> Outcome<(u64, f64)> {
    let (took, _) = seconds(|| map_chunks::block(executor, None))?;
    Ok((map_chunks::ITEMS, took * 1e9 / map_chunks::ITEMS as f64))
}
