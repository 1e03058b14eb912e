//! The end of a [`ChunkSource`] into which items go one by one, as results are read.
//!
//! Owns the encoding of those items, outside the lock. Unlike a [`Feeder`](super::Feeder) it takes
//! the source's lock for every item, because each is a submission of its own: it is either there for
//! the pool to take, or refused because the pool takes no more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ChunkSource;
use super::feeder::{Pushed, push_any};
use crate::payload::Payload;

/// The end into which the items of a map with a buffersize go.
#[derive(Debug)]
pub(crate) struct PulledFeeder {
    source: Arc<ChunkSource>,
}

impl PulledFeeder {
    pub(super) fn new(source: Arc<ChunkSource>) -> Self {
        Self { source }
    }

    /// Adds an item, or why it cannot be encoded.
    pub(crate) fn push<A: Payload>(&self, value: &A) -> Pushed {
        let mut item = Vec::new();
        push_any(&mut item, value);
        let mut state = self.source.lock();
        if !state.open {
            state.refused += 1;
            return Pushed::Refused;
        }
        let is_chunk = state.add_pulled(item);
        // Relaxed: it is set under the lock.
        let is_wanted = is_chunk && self.source.attention.load(Ordering::Relaxed);
        if is_wanted { Pushed::Wanted } else { Pushed::Quietly }
    }
}

impl Drop for PulledFeeder {
    /// Says that no more items come.
    fn drop(&mut self) {
        let mut state = self.source.lock();
        state.take_filled();
        state.open = false;
    }
}
