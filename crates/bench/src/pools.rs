//! The pools and tasks that rows measure.
//!
//! Owns the tasks, and the ways to bring a pool into a known state. Must not know the operation that is
//! timed.

use std::hint::black_box;
use std::time::Duration;

use procpool::ProcessPoolExecutor;
use procpool_testkit::gate::{self, Gate};
use tempfile::TempDir;

use crate::Outcome;

/// How long to wait for workers that must start. A shorter time fails on a busy machine; a longer one
/// delays the report of a pool that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Does nothing.
pub(crate) fn noop((): ()) {}

/// Does nothing, with a payload of one byte.
pub(crate) fn noop_byte(byte: u8) -> u8 {
    byte
}

/// Returns its argument.
pub(crate) fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// An initializer that does nothing.
pub(crate) fn initializer() {}

/// Arrives at a gate, and waits at another one: so a known number of workers have a task.
fn arrive((arrived, leave): (String, String)) -> u32 {
    gate::give(&arrived);
    gate::take(&leave);
    std::process::id()
}

/// Touches memory, reports that, and stays until it is killed.
pub(crate) fn touch_and_park((bytes, arrived): (usize, String)) {
    let memory = black_box(vec![1_u8; bytes]);
    gate::give(&arrived);
    loop {
        std::thread::park();
        black_box(&memory);
    }
}

/// A pool without an initializer. Its workers are not started yet.
pub(crate) fn pool(workers: usize) -> Outcome<ProcessPoolExecutor> {
    Ok(ProcessPoolExecutor::builder().max_workers(workers).build()?)
}

/// A pool whose workers are all started and idle.
pub(crate) fn warm_pool(workers: usize) -> Outcome<ProcessPoolExecutor> {
    let executor = pool(workers)?;
    Gates::new()?.fill(&executor, workers)?;
    Ok(executor)
}

/// Two gates in a folder of their own.
#[derive(Debug)]
pub(crate) struct Gates {
    pub(crate) arrived: Gate,
    leave: Gate,
    _folder: TempDir,
}

impl Gates {
    pub(crate) fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let arrived = Gate::new(folder.path(), "arrived");
        let leave = Gate::new(folder.path(), "leave");
        Ok(Self { arrived, leave, _folder: folder })
    }

    /// Waits until `workers` workers have a task at the same time, releases them, and returns their pids.
    pub(crate) fn fill(&self, executor: &ProcessPoolExecutor, workers: usize) -> Outcome<Vec<u32>> {
        let paths = || (self.arrived.path(), self.leave.path());
        let futures: Vec<_> = (0..workers).map(|_| executor.submit(arrive, paths())).collect();
        let arrived = self.arrived.take(workers, PATIENCE);
        self.leave.give(workers);
        arrived?;
        Ok(futures.iter().map(procpool::Future::result).collect::<Result<_, _>>()?)
    }
}
