//! Who is to be woken once the pool's lock is free.
//!
//! Owns the futures that settled under the lock while threads slept on them: a thread that is woken
//! at once would run into the lock.

use std::sync::Arc;

use crate::future::{Outcome, SharedFuture};

/// Futures whose sleepers are woken when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Wakes(Vec<Arc<SharedFuture>>);

impl Wakes {
    /// Settles `future` and remembers who waits for it.
    pub(crate) fn finish(&mut self, future: &Arc<SharedFuture>, outcome: Outcome) {
        if future.finish(outcome) {
            self.0.push(Arc::clone(future));
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        for future in &self.0 {
            future.wake();
        }
    }
}
