//! Results of chunks that are still running.
//!
//! Owns the moments at which a map's reader gets the first results of a chunk while the rest still
//! runs: the manager's ticks, if the reader waits for them and the chunk is not about to finish
//! anyway. So no result waits for another item that takes long. `link/draft` describes how a worker
//! writes results before their chunk is over.

use std::collections::VecDeque;

use procpool_link::Scribbled;

use super::Pool;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::{InFlight, Stage, Work, Worker};
use crate::chunk_source::ChunkTask;

impl PoolState {
    /// Passes on the results that running chunks have so far.
    pub(super) fn give_drafts(&mut self, pool: &Pool, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            if worker.stage == Stage::Ready && worker.drafts() && worker.link.look_at_draft() {
                let awaited = |chunk: &mut ChunkTask| chunk.is_awaited();
                let is_awaited = front_chunk(&mut worker.in_flight).is_some_and(awaited);
                let given = if is_awaited { worker.give_draft() } else { Ok(()) };
                self.check(pool, index, given, wakes);
            }
        }
    }
}

impl Worker {
    /// Whether its running chunk can pass on results before it is over.
    pub(super) fn drafts(&self) -> bool {
        match self.in_flight.front() {
            Some(InFlight { work: Work::Chunk(chunk, _), .. }) => chunk.has_parts(),
            _ => false,
        }
    }

    /// Passes on the results that its running chunk has so far, if it runs one.
    pub(super) fn give_draft(&mut self) -> Result<(), Scribbled> {
        if let Some(chunk) = front_chunk(&mut self.in_flight) {
            chunk.give(&self.link.draft(chunk.shown())?);
        }
        Ok(())
    }
}

/// The chunk at the front, if the next result is a chunk's.
pub(super) fn front_chunk(in_flight: &mut VecDeque<InFlight>) -> Option<&mut ChunkTask> {
    match &mut in_flight.front_mut()?.work {
        Work::Chunk(chunk, _) => Some(chunk),
        Work::Calls(_) => None,
    }
}
