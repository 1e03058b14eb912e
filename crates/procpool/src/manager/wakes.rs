//! What is done once the pool's lock is free.
//!
//! Owns the futures that settled under the lock while threads slept on them (a thread that is woken
//! at once would run into the lock), and the workers that are gone: giving their memory and
//! descriptors back takes longer than anything else about a death, and nobody should wait for it.

use std::sync::Arc;

use super::worker::Worker;
use crate::future::{Outcome, SharedFuture};

/// Wakes whom it has to when it is dropped, and then lets go of the workers.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    settled: Vec<Arc<SharedFuture>>,
    gone: Vec<Worker>,
}

impl Wakes {
    /// Settles `future` and remembers who waits for it.
    pub(super) fn finish(&mut self, future: &Arc<SharedFuture>, outcome: Outcome) {
        if future.finish(outcome) {
            self.settled.push(Arc::clone(future));
        }
    }

    /// Keeps a worker that was reaped until everybody has been woken.
    pub(super) fn bury(&mut self, worker: Worker) {
        self.gone.push(worker);
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        // The workers are dropped after this.
        self.settled.iter().for_each(|future| future.wake());
    }
}
