//! The end of a [`ChunkSource`] that takes items one by one, as results are read.
//!
//! Owns the encoding of those items, outside the lock. Unlike a [`Feeder`](super::Feeder) it takes
//! the source's lock for every item, because each is a submission of its own: the pool can take it,
//! or it is refused because the pool accepts no more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ChunkSource;
use super::feeder::{Pushed, encode_item};
use crate::payload::Payload;

/// The end that takes the items of a map with a buffersize.
#[derive(Debug)]
pub(crate) struct PulledFeeder {
    source: Arc<ChunkSource>,
}

impl PulledFeeder {
    pub(super) fn new(source: Arc<ChunkSource>) -> Self {
        Self { source }
    }

    /// Adds an item or, if it cannot be encoded, the reason.
    pub(crate) fn push<A: Payload>(&self, value: &A) -> Pushed {
        let mut item = Vec::new();
        encode_item(&mut item, value);
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
    /// Marks the end of the items.
    fn drop(&mut self) {
        let mut state = self.source.lock();
        state.take_filled();
        state.open = false;
    }
}
