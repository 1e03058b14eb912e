//! When a worker reports its results, and to whom.
//!
//! Owns, for each worker, the thread that watches its link and the result from which on the worker
//! rings: at once if somebody waits for each result or waiting calls could refill it, otherwise when it
//! falls asleep. `waiter` decides which thread watches.

use super::state::PoolState;
use super::worker::Worker;

/// To whom and from when on one worker reports.
#[derive(Debug, Default)]
pub(super) struct Bells {
    /// The index of the task for which a waiting thread watches the link.
    watched: Option<u64>,
    /// Whether others wait as well, so that each result should be reported at once.
    eager: bool,
    /// The index from which on the worker was asked to ring.
    rings_from: u64,
}

impl Worker {
    pub(super) fn is_watched(&self) -> bool {
        self.bells.watched.is_some()
    }

    /// Makes the calling thread the watcher, for the task with this index.
    pub(super) fn watch_for(&mut self, task: u64) {
        self.bells.watched = Some(task);
    }

    /// Ends the watch. Returns the task that [`watch_for`](Self::watch_for) was given.
    pub(super) fn end_watch(&mut self) -> Option<u64> {
        self.bells.watched.take()
    }

    /// Has every result reported at once until the worker has no task left. Takes effect by
    /// [`set_bells`](PoolState::set_bells).
    pub(super) fn report_at_once(&mut self) {
        self.bells.eager = true;
    }

    /// Makes the thread that watches the link look at the pool.
    pub(super) fn nudge(&self) {
        if self.is_watched() {
            self.link.nudge();
        }
    }

    /// Rewrites the pool's own words in the shared memory: a task may have overwritten them.
    pub(super) fn refresh_link(&mut self) {
        self.link.refresh(self.bells.rings_from, self.bells.watched.is_some());
    }
}

impl PoolState {
    /// Sets from which result on each worker rings at once.
    pub(super) fn set_bells(&mut self) {
        let refill = !self.queue.is_empty();
        for worker in &mut self.workers {
            let Some(front) = worker.front() else {
                worker.bells.eager = false;
                continue;
            };
            let refill = refill || !worker.reserved.is_empty();
            let half = worker.calls() as u64 / 2;
            let at = if worker.bells.eager {
                front
            } else {
                let refilled = if refill { worker.link.sent() - 1 - half } else { u64::MAX };
                refilled.min(worker.bells.watched.unwrap_or(u64::MAX))
            };
            if at != worker.bells.rings_from {
                worker.bells.rings_from = at;
                worker.link.ring_from(at);
                // Published before the worker could see the new point: nobody rings for that.
                self.alarm.note_unreported(at != u64::MAX && worker.has_unseen_results());
            }
        }
    }
}
