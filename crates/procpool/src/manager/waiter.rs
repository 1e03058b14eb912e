//! Waiting for a result by watching the worker's link on the waiting thread.
//!
//! Owns one hand-over and its proof. Each worker has at most one watcher, named by
//! `Worker::watched`, which changes under the pool's lock only. While there is one, the worker tells
//! it of results, not the manager:
//!
//! 1. The waiter finds its task in a worker and becomes the watcher, under the lock.
//! 2. It looks at the shared segment without the lock, for a moment over and over, then asleep.
//! 3. It reads results under the lock, with the same code as the manager, and dispatches.
//! 4. When its task is not there any more or its time is up, it leaves, and reads once more: what
//!    the worker published before it could see that is read here, what comes later is told to the
//!    manager (`link/bell.rs`).
//!
//! What could go wrong, and what forbids it:
//!
//! - Somebody else settles the watcher's task, or takes it back, or the worker ends: whoever does
//!   that nudges the watcher, which then looks at the pool.
//! - The worker is removed and its memory given back while the watcher sleeps on it: the watcher
//!   holds the memory itself.
//! - A second thread waits for a task of the same worker: it sleeps on its future, and asks that
//!   every result is told of at once.
//!
//! So does everybody who cannot watch at all, because what is awaited is one of many futures, or by a
//! callback or a waker: a task that was sent is [`expect`](Progress::expect)ed; one that is not
//! carries a mark, which whoever sends it sees.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use procpool_link::Watch;

use super::Pool;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Stage;
use crate::callbacks::CallbackThread;
use crate::future::{Progress, SharedFuture};
use crate::lifecycle::KillOutcome;

impl Progress for Pool {
    fn is_ours(&self) -> bool {
        Pool::is_ours(self)
    }

    fn advance(&self, future: &SharedFuture, deadline: Option<Instant>) {
        let watch = self.look(|state, _| state.start_watch(future));
        let Some((serial, watch, mut spin_limit)) = watch else { return };
        loop {
            // Relaxed: a thread too many or too few that spins does no harm.
            let may_spin = self.spinning.fetch_add(1, Ordering::Relaxed) < self.may_spin;
            watch.wait(deadline, may_spin.then_some(spin_limit));
            self.spinning.fetch_sub(1, Ordering::Relaxed);
            let goes_on = self.turn(|state, wakes| {
                let index = state.index_of(serial)?;
                let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                state.look_as_watcher(self, index, future, late, wakes)
            });
            match goes_on {
                Some(more) => spin_limit = more,
                None => return,
            }
        }
    }

    fn cancel_sent(&self, future: &Arc<SharedFuture>) -> bool {
        self.turn(|state, wakes| state.cancel_sent(self, future, wakes))
    }

    fn kill(&self, future: &Arc<SharedFuture>) -> KillOutcome {
        self.turn(|state, wakes| state.kill_task(self, future, wakes))
    }

    fn has_started(&self, future: &SharedFuture) -> bool {
        let mut state = self.lock();
        state.workers.iter_mut().any(|worker| {
            let index = worker.index_of(future);
            index.is_some_and(|index| worker.link.claimed().is_ok_and(|claimed| claimed > index))
        })
    }

    fn expect(&self, future: &SharedFuture) {
        self.look(|state, _| {
            let mut workers = state.workers.iter_mut();
            if let Some(worker) = workers.find(|worker| worker.index_of(future).is_some()) {
                worker.eager = true;
                state.set_bells();
            }
        });
    }

    fn callbacks(&self) -> CallbackThread {
        self.callbacks.clone()
    }
}

impl PoolState {
    /// Makes the calling thread the watcher of the worker that has `future`'s task, if it can be.
    fn start_watch(&mut self, future: &SharedFuture) -> Option<(u64, Watch, Duration)> {
        let mut workers = self.workers.iter().enumerate();
        let (index, task) =
            workers.find_map(|(index, worker)| Some((index, worker.index_of(future)?)))?;
        let worker = &mut self.workers[index];
        if worker.watched.is_some() || worker.stage != Stage::Ready {
            worker.eager = true;
            self.set_bells();
            return None;
        }
        worker.watched = Some(task);
        let watch = worker.link.watch();
        let (serial, spin_limit) = (worker.serial, worker.link.spin_limit());
        self.set_bells();
        Some((serial, watch, spin_limit))
    }

    /// Reads results for the watcher. Returns how long it should look before it sleeps; `None` when it
    /// has left.
    fn look_as_watcher(
        &mut self,
        pool: &Pool,
        index: usize,
        future: &SharedFuture,
        late: bool,
        wakes: &mut Wakes,
    ) -> Option<Duration> {
        let serial = self.workers[index].serial;
        // Nobody to nudge while it is here itself.
        let watched = self.workers[index].watched.take();
        self.read_results(pool, index, wakes);
        // Reading may have given up this worker, but it removes none.
        let worker = &mut self.workers[index];
        debug_assert_eq!(worker.serial, serial);
        if !late && !future.is_settled() && worker.index_of(future).is_some() {
            worker.watched = watched;
            return Some(worker.link.spin_limit());
        }
        worker.link.end_watch();
        if worker.link.has_results() {
            self.read_results(pool, index, wakes);
        }
        None
    }
}
