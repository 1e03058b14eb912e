//! Results of chunks that are still running.
//!
//! Owns the moments at which a map's reader gets the first results of a chunk while the rest still
//! runs: the manager's ticks, if the reader waits for them and the chunk is not about to finish
//! anyway. So no result waits for another item that takes long. And what a death costs: the item that the
//! worker ran, not its chunk. `draft` of `procpool_link` describes how a worker writes results before their chunk is over.

use std::sync::Arc;

use procpool_link::Scribbled;

use super::block::Slice;
use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Worker;

impl PoolState {
    /// Passes on the results that running chunks have so far.
    pub(super) fn give_drafts(&mut self, cx: &Context, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            if worker.stage() == Stage::Ready && worker.drafts() && worker.link.look_at_draft() {
                let is_awaited = worker.front_chunk().is_some_and(|chunk| chunk.is_awaited());
                let given = if is_awaited { worker.give_draft(wakes) } else { Ok(()) };
                self.check(cx, index, given, wakes);
            }
        }
    }
}

impl Worker {
    /// Whether its running chunk can pass on results before it is over.
    pub(super) fn drafts(&self) -> bool {
        self.front_chunk().is_some_and(|chunk| chunk.has_parts())
    }

    /// Passes on the results that its running chunk has so far, if it runs one.
    pub(super) fn give_draft(&mut self, wakes: &mut Wakes) -> Result<(), Scribbled> {
        if let Some(chunk) = self.front_chunk().map(Arc::clone) {
            wakes.wakers.extend(chunk.give(&self.link.draft(chunk.shown())?));
            // The first of two frames, and the worker has died before the second.
            wakes.wakers.extend(chunk.give(self.part.get(chunk.shown()..).unwrap_or_default()));
        }
        Ok(())
    }

    /// Takes from its running chunk the items that it has not started. The rest are the item that it died
    /// of, and those whose results died with it. Called after [`give_draft`](Self::give_draft).
    pub(super) fn split_front_chunk(&mut self, cx: &Context) -> Option<Slice> {
        let started = self.link.undrafted().saturating_add(1);
        let per_item = cx.settings.policies.task_time_limit;
        let calls = &mut self.in_flight.front_mut()?.calls;
        calls.split_started(started, per_item, || cx.inbox.next_id())
    }
}
