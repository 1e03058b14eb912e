//! The consequences of a change of the pool's state, after its lock is released.
//!
//! A future settles at once, under the lock; its waiters are woken afterwards. Collects futures and streams
//! to wake (a thread woken under the lock would block on it, and a waker is user code), due hooks, warnings for the log (a logger is user code, too), and dead workers. Dead
//! workers are dropped last, after their watchers are nudged: returning their memory and
//! descriptors is the slowest part of a death, and nobody should wait for it. Also counts results.

use std::sync::Arc;
use std::task::Waker;
use std::thread;

use procpool_callbacks::{Callback, write_to_log};

use super::worker::Worker;
use crate::error::Error;
use crate::future::{Outcome, SharedFuture, wake};

/// When dropped, wakes all waiters and then drops the workers.
#[derive(Default)]
pub(super) struct Wakes {
    settled: Vec<Arc<SharedFuture>>,
    /// Of streams that have something to read.
    pub(super) wakers: Vec<Waker>,
    hooks: Vec<Callback>,
    gone: Vec<Worker>,
    warnings: Vec<String>,
    pub(super) done: u64,
    pub(super) failed: u64,
}

impl Wakes {
    /// Settles `future`, counts it, and records its waiters.
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

    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Ok(_) => self.done += 1,
            Err(error) if **error == Error::Cancelled => {}
            Err(_) => self.failed += 1,
        }
    }

    /// Cancels a task that was not sent. The error is its state, if it is another.
    pub(super) fn cancel(&mut self, future: &Arc<SharedFuture>) -> Result<(), u32> {
        if future.cancel()? {
            self.settled.push(Arc::clone(future));
        }
        Ok(())
    }

    /// Keeps a removed worker until all waiters are woken.
    pub(super) fn bury(&mut self, worker: Worker) {
        self.gone.push(worker);
    }

    /// Queues `warning` for the log.
    pub(super) fn warn_later(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Writes the queued warnings to the log.
    pub(super) fn warn(&mut self) {
        let write = |text| write_to_log(log::Level::Warn, format_args!("{text}"));
        self.warnings.drain(..).for_each(write);
    }

    /// Queues a hook that is due, if there is one.
    pub(super) fn queue_hook(&mut self, hook: Option<Callback>) {
        self.hooks.extend(hook);
    }

    pub(super) fn take_hooks(&mut self) -> Vec<Callback> {
        std::mem::take(&mut self.hooks)
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.settled.iter().for_each(|future| future.tell());
        self.wakers.drain(..).for_each(wake);
        self.gone.iter().for_each(Worker::nudge);
        // The workers are dropped after this. A woken thread may have been placed on this thread's
        // CPU although another is idle, and would wait until this thread sleeps.
        if !self.gone.is_empty() {
            thread::yield_now();
        }
    }
}
