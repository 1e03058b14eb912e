//! Taking back tasks that were sent to a worker but not claimed.
//!
//! Owns the reasons: one of them is cancelled, a map's results are no longer wanted, they wait
//! behind a long task while another worker is idle, or the task in front of them has to end.
//! `dispatch` decides which worker gets them next. The claim word (`claim` of `procpool_link`) ensures that none
//! of them runs twice.

use std::sync::Arc;

use super::alarm::TICK;
use super::block::Slice;
use super::context::Context;
use super::state::{PoolState, Queued};
use super::wakes::Wakes;
use super::worker::Worker;
use crate::chunk_source::ChunkSource;
use crate::future::{CANCELLED, SharedFuture};

impl PoolState {
    /// Takes back everything that a worker has not claimed, or that is reserved for it, to the front of
    /// the queue; a pinned call stays reserved.
    pub(super) fn take_back(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let taken = self.workers[index].link.take_back();
        let Some(first) = self.check(cx, index, taken, wakes) else { return };
        let worker = &mut self.workers[index];
        let taken = worker.split_in_flight(first);
        worker.nudge();
        self.requeue(taken);
    }

    /// Puts calls that were taken back at the front of the queue, in their order.
    pub(super) fn requeue(&mut self, taken: Vec<Slice>) {
        for calls in taken.into_iter().rev() {
            let taken = calls.futures().filter(|future| future.mark_taken_back()).count();
            if calls.chunk().is_none() {
                self.freed -= taken as isize;
            }
            self.queue.push_front(Queued::Calls(calls));
        }
    }

    /// Takes back tasks that waited a whole tick behind another one, if another worker could run
    /// them.
    pub(super) fn take_back_what_waits(&mut self, cx: &Context, wakes: &mut Wakes) {
        self.workers.iter_mut().for_each(Worker::note_tick);
        for index in 0..self.workers.len() {
            // A map without an item to hand out keeps no worker busy.
            let is_work_waiting = self.demand(1) > 0;
            if !self.workers[index].has_backlog() || is_work_waiting {
                continue;
            }
            if !self.workers.iter().any(Worker::is_idle) && !self.has_free_slot(cx) {
                continue;
            }
            let claimed = self.workers[index].link.first_unclaimed();
            let Some(claimed) = self.check(cx, index, claimed, wakes) else { continue };
            if self.workers[index].was_sent_before_tick(claimed) {
                self.take_back(cx, index, wakes);
                self.workers[index].mark_stuck();
                // The others may be as long: until that is known, none waits behind another.
                self.task_nanos = self.task_nanos.max(TICK.as_nanos() as u64);
            }
        }
        self.workers.iter_mut().for_each(Worker::end_tick);
    }

    /// Cancels the chunks of `source`, which was stopped, that no worker has started.
    pub(super) fn cancel_chunks(&mut self, cx: &Context, source: &ChunkSource, wakes: &mut Wakes) {
        for future in source.unsettled() {
            // The queue's capacity does not count them.
            self.freed -= isize::from(self.cancel_sent(cx, &future, wakes));
        }
    }

    /// Cancels a task that was sent ahead, if its worker has not claimed it.
    pub(super) fn cancel_sent(
        &mut self,
        cx: &Context,
        future: &Arc<SharedFuture>,
        wakes: &mut Wakes,
    ) -> bool {
        let find = |state: &Self| {
            state.workers.iter().position(|worker| worker.index_of(future).is_some())
        };
        if let Some(index) = find(self) {
            self.take_back(cx, index, wakes);
        }
        let cancelled = wakes.cancel(future);
        self.freed += isize::from(cancelled.is_ok());
        matches!(cancelled, Ok(()) | Err(CANCELLED))
    }
}
