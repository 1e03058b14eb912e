//! Calls with a key: which worker gets them, and which of them wait for it.
//!
//! Owns the keys that each worker had, and the calls that are reserved for a busy worker. A worker
//! *had* a key if it was sent a call with it; it remembers its last [`KEYS`].
//!
//! A call with a key leaves the queue in its turn, when some worker could be sent work, and goes to an
//! idle worker: one that had the key, or else the one that had the fewest keys, which spreads them. It
//! is never sent ahead: if no worker is idle, it stays in the queue, and so do the calls behind it. Then
//! the first worker that is free takes it.
//!
//! A *strict* call goes to a busy worker that had its key rather than to an idle one that had not:
//!
//! ```text
//! queue ──▶ reserved (per worker) ──its worker is idle──▶ in flight
//!   ▲              │
//!   └──taken back──┘
//! ```
//!
//! - Reserved calls are the end of what their worker has, behind its calls in flight, but not on its
//!   link: they count as queued, and are cancelled as such. Every event that takes back calls that a
//!   worker has not claimed takes these back, too: its death, its retirement, a task beyond its time limit. Only
//!   calls of a `broadcast`, which wait in the same line, stay reserved.
//! - They were in front of all that is in the queue, so their worker runs them before that, and is sent
//!   nothing ahead meanwhile.
//! - No call is reserved for a worker that could not run it any more, nor for one whose running task is
//!   being stopped: what is sent to that one may be lost.

use super::block::Slice;
use super::context::Context;
use super::stage::Stage;
use super::state::{PoolState, Queued};
use super::wakes::Wakes;
use super::worker::Worker;

/// How many keys a worker remembers. More takes longer to search for each call with a key; fewer
/// forgets workers that still have what belongs to the key.
const KEYS: usize = 64;

impl Worker {
    /// Notes that it was sent a call with `key`.
    pub(super) fn note_key(&mut self, key: u64) {
        self.keys.retain(|had| *had != key);
        self.keys.push_front(key);
        self.keys.truncate(KEYS);
    }

    /// Whether it is going to run one call more than it has.
    fn stays(&self) -> bool {
        let serves = self.stage() == Stage::Ready && !self.is_stopping();
        let is_live = |call: &&Slice| call.futures().any(|future| !future.is_settled());
        let counted = self.reserved.iter().filter(|call| !call.is_pinned()).filter(is_live);
        serves && (self.tasks_left() == u64::MAX || self.tasks_left() > counted.count() as u64)
    }
}

impl PoolState {
    /// Takes the call with a key at position `at` out of the queue, if there is a worker for it. Returns
    /// whether it did so and the worker `by`, for which it was asked, can be sent another call.
    pub(super) fn place(&mut self, cx: &Context, by: usize, at: usize, wakes: &mut Wakes) -> bool {
        let Queued::Calls(call) = &self.queue[at] else { return false };
        let Some((key, strict)) = call.key() else { return false };
        let rank = |(index, worker): (usize, &Worker)| {
            let (had, is_idle) = (worker.keys.contains(&key), worker.is_idle());
            let waits = strict && had && worker.stays();
            let rank = (!waits, !is_idle, !had, worker.reserved.len(), worker.keys.len(), index);
            (is_idle || waits).then_some(rank)
        };
        let best = self.workers.iter().enumerate().filter_map(rank).min();
        let Some((.., chosen)) = best else { return false };
        if let Some(Queued::Calls(call)) = self.queue.remove(at) {
            self.workers[chosen].reserved.push_back(call);
        }
        self.send_reserved(cx, chosen, wakes);
        // A call that was cancelled leaves it idle.
        chosen != by || self.workers[by].is_idle()
    }

    /// Sends a worker that has become idle the first call that is reserved for it.
    pub(super) fn send_reserved(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        while self.workers[index].is_idle()
            && let Some(call) = self.workers[index].reserved.pop_front()
        {
            let sent = self.send_calls(index, call, &mut 0);
            self.check(cx, index, sent, wakes);
        }
    }
}
