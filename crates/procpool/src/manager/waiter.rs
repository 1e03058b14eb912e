//! Waiting for a result by reading the worker's link on the waiting thread.
//!
//! Owns one hand-over and its proof. A link has one reader at a time, named by `Worker::reader`
//! and changed under the pool's lock only:
//!
//! 1. The waiter finds its task in a worker, sets `reader = Waiter` and mutes the link in the
//!    poller, all under the lock.
//! 2. It polls the socket without the lock, then reads and handles frames under it, with the same
//!    code as the manager.
//! 3. When its task has settled or its time is up, it sets `reader = Manager` and unmutes, under
//!    the lock. Data that arrived meanwhile is not lost: the poller is level-triggered.
//!
//! What could go wrong, and what forbids it:
//!
//! - The manager fetched an event for the link before step 1 and handles it after: it looks at
//!   `reader` under the lock and leaves the link alone.
//! - The worker ends while the waiter polls: the manager, told by the process descriptor, reads
//!   what is left, settles the task and hangs the socket up, which ends the poll. So it does not
//!   matter whether some other process still holds the worker's end.
//! - The descriptor is closed and its number reused while the waiter polls: the waiter holds the
//!   socket itself, not its number.

use std::sync::Arc;
use std::time::Instant;

use super::Pool;
use super::state::PoolState;
use super::worker::{Reader, Stage, Work};
use crate::future::{Progress, SharedFuture};
use crate::sys::poller::{Interest, wait_readable};
use crate::sys::socket::Socket;

impl Progress for Pool {
    fn advance(&self, future: &SharedFuture, deadline: Option<Instant>) {
        let Some((serial, socket)) = self.lock().lend_link(self, future) else { return };
        loop {
            wait_readable(&*socket, deadline);
            let over = self.with_state(|state, settled| {
                let Some(index) = state.index_of(serial) else { return true };
                state.read_link(self, index, settled);
                let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                let lent = state.workers[index].reader == Reader::Waiter;
                let over = late || !lent || !state.has_task(index, future);
                if over {
                    state.return_link(self, index);
                }
                over
            });
            if over {
                return;
            }
        }
    }
}

impl PoolState {
    /// Lends the link of the worker that has `future`'s task, if it can be lent now.
    fn lend_link(&mut self, pool: &Pool, future: &SharedFuture) -> Option<(u64, Arc<Socket>)> {
        let index = (0..self.workers.len()).find(|index| self.has_task(*index, future))?;
        let worker = &mut self.workers[index];
        // Whoever writes the rest of a long frame is woken by the poller: that is the manager.
        if worker.reader != Reader::Manager || worker.link.has_unsent() {
            return None;
        }
        worker.reader = Reader::Waiter;
        pool.poller.modify(&worker.link, worker.link_number(), Interest::Nothing);
        Some((worker.serial, worker.link.socket()))
    }

    fn return_link(&mut self, pool: &Pool, index: usize) {
        let worker = &mut self.workers[index];
        if worker.reader == Reader::Waiter {
            worker.reader = Reader::Manager;
            let interest = worker.interest();
            pool.poller.modify(&worker.link, worker.link_number(), interest);
        }
    }

    /// Whether this worker has the task of `future`.
    fn has_task(&self, index: usize, future: &SharedFuture) -> bool {
        match &self.workers[index].stage {
            Stage::Busy(in_flight) => match &in_flight.work {
                Work::Call(theirs) => std::ptr::eq(&**theirs, future),
                Work::Chunk(..) => false,
            },
            _ => false,
        }
    }
}
