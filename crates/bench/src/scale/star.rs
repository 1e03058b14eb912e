//! A pool of many made-up workers: what it takes to start it, to have it, and to give it work.
//!
//! The measuring thread submits, and has as many tasks in the pool as it has workers, or more: a closed loop. At a
//! moderate rate each worker has one task nearly all the time, and sends its result alone. At saturation results
//! arrive together, and one turn of the program handles many.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use procpool::{Future, ProcessPoolExecutor};

use super::hosts::{self, MadeUp, Shared};
use super::usage::{Thread, Usage};
use crate::Outcome;
use crate::pools::noop;
use crate::report::scale::{Loaded, Star};
use crate::timing::{nanos_of, seconds};

/// The name of a pool's own thread.
pub(crate) const MANAGER: &str = "procpool-manager";

/// How many tasks arrive in a second at the moderate rate, at every size. More would be no moderate rate for
/// thousands of workers; fewer takes longer.
const RATE: f64 = 200.0;

/// At saturation a task takes this long for each worker, but no less than [`SHORTEST`]: workers could answer 400,000
/// tasks a second. Longer leaves the program idle.
const EACH: Duration = Duration::from_nanos(2_500);

/// Shorter ones are given to few workers only.
const SHORTEST: Duration = Duration::from_micros(25);

/// How many tasks wait in the queue at saturation. More takes memory; fewer lets workers run dry.
const QUEUED: usize = 4096;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How often each load runs.
    pub(crate) rounds: usize,
    /// How many tasks at the moderate rate.
    pub(crate) paced: usize,
    /// How many tasks at saturation; fewer if they take longer than [`PATIENCE`].
    pub(crate) saturated: usize,
}

/// The longest time at saturation. Longer delays the run; shorter counts fewer tasks of large pools.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pool on made-up hosts.
pub(crate) struct Pool {
    pub(crate) executor: ProcessPoolExecutor,
    shared: Arc<Shared>,
    workers: usize,
}

impl Pool {
    /// A pool that has not started its workers.
    pub(crate) fn new(workers: usize) -> Outcome<Self> {
        let shared = Arc::new(Shared::default());
        let builder = ProcessPoolExecutor::builder().max_workers(workers);
        let executor = builder.__elsewhere(Box::new(MadeUp::new(&shared))).build()?;
        Ok(Self { executor, shared, workers })
    }

    pub(crate) fn start(&self) -> Outcome {
        Ok(self.executor.start_workers(self.workers).result()?)
    }

    /// How many calls the made-up hosts have answered.
    #[cfg(test)]
    pub(crate) fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    fn set_duration(&self, duration: Duration) {
        self.shared.nanos.store(nanos_of(duration), Ordering::Relaxed);
    }

    /// A closed loop of at most `tasks` tasks, at the moderate rate. Those before them fill the workers one
    /// after the other, so that they end one after the other.
    pub(crate) fn paced(&self, tasks: usize) -> Outcome<Loaded> {
        let pause = Duration::from_secs_f64(1.0 / RATE);
        self.set_duration(pause * self.workers as u32);
        let (start, mut running) = (Instant::now(), VecDeque::new());
        for number in 0..self.workers {
            let at = start + pause * number as u32;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            running.push_back(self.executor.submit(noop, ()));
        }
        self.closed_loop(tasks, Duration::MAX, running)
    }

    /// The same with more tasks than workers, which take too short for the program.
    pub(crate) fn saturated(&self, tasks: usize) -> Outcome<Loaded> {
        self.set_duration((EACH * self.workers as u32).max(SHORTEST));
        let many = 2 * self.workers + QUEUED;
        let running = (0..many).map(|_| self.executor.submit(noop, ())).collect();
        self.closed_loop(tasks, PATIENCE, running)
    }

    /// Submits a task for each result, in their order, `tasks` times or until `limit` has passed.
    fn closed_loop(
        &self,
        tasks: usize,
        limit: Duration,
        mut running: VecDeque<Future<()>>,
    ) -> Outcome<Loaded> {
        let [manager, network] = [MANAGER, hosts::THREAD].map(|name| Thread::named(name, &[]));
        let threads = [manager?, Thread::current(), network?];
        let cpu = || threads.iter().map(|thread| thread.cpu()).collect::<Outcome<Vec<f64>>>();
        let (before, start, mut done) = (cpu()?, Instant::now(), 0);
        while done < tasks && start.elapsed() < limit {
            running.pop_front().ok_or("nothing runs")?.result()?;
            running.push_back(self.executor.submit(noop, ()));
            done += 1;
        }
        let (wall, after) = (start.elapsed().as_secs_f64(), cpu()?);
        for future in running {
            future.result()?;
        }
        let micros = |thread: usize| (after[thread] - before[thread]) * 1e6 / done as f64;
        Ok(Loaded {
            tasks: done,
            seconds: wall,
            manager: micros(0),
            submitting: micros(1),
            network: micros(2),
        })
    }
}

/// Measures a pool of this size.
pub(crate) fn measure(workers: usize, effort: Effort) -> Outcome<Star> {
    let before = Usage::now()?;
    let pool = Pool::new(workers)?;
    let (start, ()) = seconds(|| pool.start())?;
    // It has done nothing else so far.
    let start_cpu = Thread::named(MANAGER, &[])?.cpu()?;
    let usage = Usage::now()?.per_worker(before, workers);
    let rounds = || 0..effort.rounds;
    let paced = rounds().map(|_| pool.paced(effort.paced)).collect::<Outcome<_>>()?;
    let saturated = rounds().map(|_| pool.saturated(effort.saturated)).collect::<Outcome<_>>()?;
    let used = Usage::now()?.per_worker(before, workers);
    Ok(Star {
        workers,
        start,
        start_cpu,
        descriptors: usage.descriptors,
        mappings: usage.mappings,
        resident: usage.resident,
        resident_after: used.resident,
        address_space: usage.address_space,
        paced,
        saturated,
    })
}
