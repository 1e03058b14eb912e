//! What is done once the pool's lock is free.
//!
//! Owns the futures that settled under the lock while somebody waited for them (telling at once would
//! run into the lock, and a waker is the user's code), the hooks that are due, warnings for the log (a
//! logger is the user's code, too), and the workers that are gone. Those that watched such a worker are
//! told; only then are its memory and descriptors given back, which takes longer than anything else
//! about a death, and which nobody should wait for. Counts what settled.

use std::sync::Arc;
use std::thread;

use super::worker::Worker;
use crate::chunk_source::ChunkTask;
use crate::error::Error;
use crate::future::{Outcome, SharedFuture};
use crate::lifecycle::{ExitReason, WorkerInfo};

/// A hook that is due.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hook {
    Start(WorkerInfo),
    Exit(WorkerInfo, ExitReason),
}

/// Tells whom it has to when it is dropped, and then lets go of the workers.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    settled: Vec<Arc<SharedFuture>>,
    hooks: Vec<Hook>,
    gone: Vec<Worker>,
    warnings: Vec<String>,
    pub(super) done: u64,
    pub(super) failed: u64,
}

impl Wakes {
    /// Settles `future` and remembers who waits for it.
    pub(super) fn finish(&mut self, future: &Arc<SharedFuture>, outcome: Outcome) {
        if future.is_settled() {
            return;
        }
        self.count(&outcome);
        self.settle(future, outcome);
    }

    /// Settles a future that stands for no task.
    pub(super) fn settle(&mut self, future: &Arc<SharedFuture>, outcome: Outcome) {
        if future.finish(outcome) {
            self.settled.push(Arc::clone(future));
        }
    }

    /// Records what became of `chunk`.
    pub(super) fn finish_chunk(&mut self, chunk: &ChunkTask, outcome: Outcome) {
        if !chunk.is_settled() {
            self.count(&outcome);
            chunk.finish(outcome);
        }
    }

    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Ok(_) => self.done += 1,
            Err(error) if **error == Error::Cancelled => {}
            Err(_) => self.failed += 1,
        }
    }

    /// Cancels a task that has not been sent. Returns whether it is cancelled now.
    pub(super) fn cancel(&mut self, future: &Arc<SharedFuture>) -> bool {
        let (cancelled, tell) = future.cancel_pending();
        if tell {
            self.settled.push(Arc::clone(future));
        }
        cancelled
    }

    /// Keeps a worker that is not in the pool any more until everybody has been told.
    pub(super) fn bury(&mut self, worker: Worker) {
        self.gone.push(worker);
    }

    /// Writes `warning` to the log, later.
    pub(super) fn warn_later(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Writes the warnings to the log.
    pub(super) fn warn(&mut self) {
        self.warnings.drain(..).for_each(|warning| log::warn!("{warning}"));
    }

    pub(super) fn call(&mut self, hook: Hook) {
        self.hooks.push(hook);
    }

    pub(super) fn take_hooks(&mut self) -> Vec<Hook> {
        std::mem::take(&mut self.hooks)
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.settled.iter().for_each(|future| future.tell());
        self.gone.iter().for_each(Worker::nudge);
        // The workers are dropped after this. Whoever was told may have been put on this thread's CPU,
        // although another is idle, and would wait until this thread sleeps.
        if !self.gone.is_empty() {
            thread::yield_now();
        }
    }
}
