//! Waiting for a result by watching the worker's link from the waiting thread.
//!
//! Owns one hand-over and its proof. Each worker has at most one watcher, named by
//! its `bells`, which changes only under the pool's lock. While there is one, the worker
//! wakes it for results instead of the manager:
//!
//! 1. The waiter finds its task in a worker and becomes the watcher, under the lock.
//! 2. It watches the shared segment without the lock: it spins for a moment, then sleeps.
//! 3. It reads results under the lock, with the same code as the manager, and dispatches.
//! 4. When its task is no longer there or its time is up, it stops watching and reads once more.
//!    Results that the worker published before it could see that are read here; later ones are
//!    reported to the manager (`bell` of `procpool_link`).
//!
//! The hazards, and what prevents each:
//!
//! - Another thread settles the watcher's task or takes it back, or the worker ends: whichever
//!   thread does so nudges the watcher, which then looks at the pool.
//! - The worker is removed and its memory unmapped while the watcher sleeps on it: the watcher
//!   holds the memory itself.
//! - A second thread waits for a task of the same worker: it sleeps on its future, and asks that
//!   every result be reported at once.
//!
//! Waiters that cannot watch a link do the same: those that wait for one of many futures, callbacks
//! and wakers. If the task was sent, they [`expect`](PoolOfFuture::expect) it. If not, it carries a
//! mark that the sending thread sees.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use procpool_callbacks::CallbackThread;
use procpool_link::Watch;

use super::Pool;
use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use crate::future::{PoolOfFuture, SharedFuture};
use crate::lifecycle::KillOutcome;

impl PoolOfFuture for Pool {
    fn is_ours(&self) -> bool {
        Pool::is_ours(self)
    }

    fn advance(&self, future: &SharedFuture, deadline: Option<Instant>) {
        let watch = self.change(|state, _| state.start_watch(future));
        let Some((serial, watch, mut spin_limit)) = watch else { return };
        loop {
            // Relaxed: one spinning thread too many or too few does no harm.
            let may_spin = self.spinning.fetch_add(1, Ordering::Relaxed) < self.may_spin;
            watch.wait(deadline, may_spin.then_some(spin_limit));
            self.spinning.fetch_sub(1, Ordering::Relaxed);
            let goes_on = self.turn(|state, wakes| {
                let index = state.index_of(serial)?;
                let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                state.look_as_watcher(&self.context, index, future, late, wakes)
            });
            match goes_on {
                Some(more) => spin_limit = more,
                None => return,
            }
        }
    }

    fn cancel_sent(&self, future: &Arc<SharedFuture>) -> bool {
        self.turn(|state, wakes| state.cancel_sent(&self.context, future, wakes))
    }

    fn kill(&self, future: &Arc<SharedFuture>) -> KillOutcome {
        self.turn(|state, wakes| state.kill_task(&self.context, future, wakes))
    }

    fn has_started(&self, future: &SharedFuture) -> bool {
        let mut state = self.lock();
        state.workers.iter_mut().any(|worker| {
            let index = worker.index_of(future);
            index.is_some_and(|index| {
                worker.link.first_unclaimed().is_ok_and(|claimed| claimed > index)
            })
        })
    }

    fn expect(&self, future: &SharedFuture) {
        self.change(|state, _| {
            let mut workers = state.workers.iter_mut();
            if let Some(worker) = workers.find(|worker| worker.index_of(future).is_some()) {
                worker.report_at_once();
                state.set_bells();
            }
        });
    }

    fn note_cancelled(&self, id: u64) {
        let cx = &self.context;
        if cx.settings.policies.queue_capacity.is_some() && !cx.inbox.withdraw(id) {
            self.turn(|state, _| state.freed += 1);
        }
    }

    fn callbacks(&self) -> CallbackThread {
        self.callbacks.clone()
    }
}

impl PoolState {
    /// Makes the calling thread the watcher of the worker that has `future`'s task, if possible.
    fn start_watch(&mut self, future: &SharedFuture) -> Option<(u64, Watch, Duration)> {
        let mut workers = self.workers.iter().enumerate();
        let (index, task) =
            workers.find_map(|(index, worker)| Some((index, worker.index_of(future)?)))?;
        let worker = &mut self.workers[index];
        if worker.is_watched() || worker.stage() != Stage::Ready {
            worker.report_at_once();
            self.set_bells();
            return None;
        }
        worker.watch_for(task);
        let watch = worker.link.watch();
        let (serial, spin_limit) = (worker.serial, worker.link.spin_limit());
        self.set_bells();
        Some((serial, watch, spin_limit))
    }

    /// Reads results for the watcher. Returns how long it should spin before it sleeps, or `None`
    /// if it has stopped watching.
    fn look_as_watcher(
        &mut self,
        cx: &Context,
        index: usize,
        future: &SharedFuture,
        late: bool,
        wakes: &mut Wakes,
    ) -> Option<Duration> {
        let serial = self.workers[index].serial;
        // Nobody needs a nudge while the watcher itself runs this.
        let watched = self.workers[index].end_watch();
        self.read_results(cx, index, wakes);
        // Reading may give up this worker, but removes none.
        let worker = &mut self.workers[index];
        debug_assert_eq!(worker.serial, serial);
        if !late && !future.is_settled() && worker.index_of(future).is_some() {
            watched.into_iter().for_each(|task| worker.watch_for(task));
            return Some(worker.link.spin_limit());
        }
        worker.link.end_watch();
        if worker.link.has_results() {
            self.read_results(cx, index, wakes);
        }
        None
    }
}
