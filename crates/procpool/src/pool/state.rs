//! The pool's state, and how the pool ends.
//!
//! Owns the queue and the workers. `dispatch` decides which worker gets the next task; `events`,
//! `ends` and `lateness` interpret frames, deaths and delays; `starts` decides when workers are
//! started. Runs under the pool's lock: nothing here blocks or calls user code. "Idle", "live" and
//! "needed" are derived from the workers' stages and the queue on demand; there is no counter to
//! keep in step.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use procpool_launch::OomKills;

use super::alarm::Alarm;
use super::block::Slice;
use super::context::Context;
use super::forkserver::Expected;
use super::settings::Step;
use super::starts::Awaited;
use super::wakes::Wakes;
use super::worker::{InFlight, Worker};
use crate::chunk_source::ChunkSource;
use crate::error::{BrokenCause, BrokenProcessPool, Error};
use crate::future::SharedFuture;
use crate::lifecycle::{Event, EventKind, ExitReason, Stats, WorkerInfo, WorkerState};

/// An entry that waits for a worker.
#[derive(Debug)]
pub(super) enum Queued {
    Calls(Slice),
    /// Stays in the queue until it has handed out its last chunk.
    Source(Arc<ChunkSource>),
}

impl Queued {
    /// Whether it holds no task any more.
    fn is_over(&self) -> bool {
        match self {
            Queued::Calls(slice) => slice.futures().all(|future| future.is_settled()),
            Queued::Source(source) => source.is_exhausted(),
        }
    }

    /// How many workers it could occupy, counting at most `limit`.
    pub(super) fn demand(&self, limit: usize) -> usize {
        match self {
            Queued::Calls(slice) => {
                slice.futures().filter(|future| !future.is_settled()).take(limit).count()
            }
            Queued::Source(source) => source.demand(limit),
        }
    }

    pub(super) fn fail(self, error: &Error, wakes: &mut Wakes) {
        match self {
            Queued::Calls(slice) => slice.fail(error, wakes),
            Queued::Source(source) => wakes.wakers.extend(source.stop(error)),
        }
    }
}

/// A broadcast that some worker has not finished: its calls and its future.
pub(super) type Broadcast = (Vec<(WorkerInfo, Arc<SharedFuture>)>, Arc<SharedFuture>);

/// The mutable part of a pool.
#[derive(Debug, Default)]
pub(super) struct PoolState {
    pub(super) queue: VecDeque<Queued>,
    pub(super) workers: Vec<Worker>,
    /// How many tasks fewer wait than the inbox knows of.
    pub(super) freed: isize,
    pub(super) shut_down: bool,
    pub(super) broken: Option<BrokenProcessPool>,
    /// How long a task takes, in nanoseconds: rises at once, falls by halves. 0 if not yet known.
    pub(super) task_nanos: u64,
    pub(super) alarm: Alarm,
    /// How many workers in a row ended before they took tasks.
    pub(super) failed_starts: u32,
    /// Waiters for workers to take tasks.
    pub(super) awaited: Vec<Awaited>,
    /// Which slots have had a worker, and how many workers were started in such a slot.
    pub(super) had_worker: Vec<bool>,
    pub(super) restarts: u64,
    /// How many tasks returned a result, and how many failed.
    pub(super) done: u64,
    pub(super) failed: u64,
    /// Subscribers to events.
    observers: Vec<mpsc::Sender<Event>>,
    /// The replies that the manager awaits from the forkserver.
    pub(super) expected: Expected,
    pub(super) oom_kills: OomKills,
    /// Broadcasts that have not settled.
    pub(super) broadcasts: Vec<Broadcast>,
    /// The functions that every worker runs before its first task, in this order, after the initializer.
    pub(super) standing: Vec<Step>,
}

impl PoolState {
    /// Sends an event to every observer. Sending never blocks.
    pub(super) fn emit(&mut self, kind: EventKind) {
        if !self.observers.is_empty() {
            let event = Event { at: std::time::SystemTime::now(), kind };
            self.observers.retain(|observer| observer.send(event.clone()).is_ok());
        }
    }

    pub(super) fn observe(&mut self, observer: mpsc::Sender<Event>) {
        self.observers.push(observer);
    }

    /// Returns the pool's numbers.
    pub(super) fn stats(&mut self, cx: &Context) -> Stats {
        self.take_inbox(cx);
        let waiting = self.queue.iter().filter(|queued| !matches!(queued, Queued::Source(_)));
        let mut stats = Stats {
            queued: waiting.map(|tasks| tasks.demand(usize::MAX)).sum(),
            done: self.done,
            failed: self.failed,
            restarts: self.restarts,
            failed_starts: self.failed_starts,
            ..Stats::default()
        };
        for worker in &mut self.workers {
            *match worker.state() {
                WorkerState::Starting => &mut stats.starting,
                WorkerState::Idle => &mut stats.idle,
                WorkerState::Busy => &mut stats.busy,
                WorkerState::Leaving => &mut stats.leaving,
            } += 1;
            let tasks = worker.calls();
            // An impossible claim word is handled when results are read.
            let claimed = worker.link.first_unclaimed().unwrap_or_default();
            let running = claimed.saturating_sub(worker.front().unwrap_or(claimed)) as usize;
            stats.running += running.min(tasks);
            stats.queued += tasks.saturating_sub(running);
            let reserved = worker.reserved.iter().flat_map(Slice::futures);
            stats.queued += reserved.filter(|future| !future.is_settled()).count();
        }
        stats
    }

    /// Whether the manager's work is done.
    pub(super) fn is_over(&self) -> bool {
        let idle = self.queue.is_empty() && self.workers.is_empty();
        idle && !self.expected.owes_worker() && (self.shut_down || self.broken.is_some())
    }

    pub(super) fn index_of(&self, serial: u64) -> Option<usize> {
        self.workers.iter().position(|worker| worker.serial == serial)
    }

    /// Whether the queue holds tasks that exist, as opposed to those that a map may still produce.
    pub(super) fn has_work(&self) -> bool {
        self.queue.iter().any(|queued| !matches!(queued, Queued::Source(_)))
    }

    /// Removes leading entries without tasks, so that a queue without work is empty. No worker
    /// would take them: a task cancelled before any worker was started would keep the pool from
    /// ending.
    pub(super) fn forget_what_is_over(&mut self) {
        while self.queue.front().is_some_and(Queued::is_over) {
            self.queue.pop_front();
        }
    }

    /// Accepts no more tasks; if asked to, cancels those that have not started.
    pub(super) fn shut_down(&mut self, cx: &Context, cancel_futures: bool, wakes: &mut Wakes) {
        self.shut_down = true;
        self.alarm.allow_starts();
        self.emit(EventKind::ShutDown);
        self.fail_awaiting(&Error::Shutdown, wakes);
        for queued in &self.queue {
            if let Queued::Source(source) = queued {
                wakes.wakers.extend(source.close(&Error::Shutdown));
            }
        }
        if !cancel_futures {
            return;
        }
        for index in 0..self.workers.len() {
            if self.workers[index].has_backlog() || !self.workers[index].reserved.is_empty() {
                self.take_back(cx, index, wakes);
            }
            self.workers[index].fail_pinned(&Error::Cancelled, wakes);
        }
        self.take_inbox(cx);
        for queued in std::mem::take(&mut self.queue) {
            match queued {
                Queued::Calls(slice) => {
                    for future in slice.futures() {
                        let _ = wakes.cancel(future);
                    }
                }
                Queued::Source(source) => wakes.wakers.extend(source.stop(&Error::Cancelled)),
            }
        }
    }

    /// Breaks the pool: every unfinished task fails with `cause`, and every worker is killed.
    pub(super) fn break_pool(&mut self, cx: &Context, cause: BrokenCause, wakes: &mut Wakes) {
        self.break_pool_over(cx, cause, VecDeque::new(), wakes);
    }

    /// Breaks the pool because of a worker that is gone or given up, and fails its tasks as well.
    /// If there are several causes, all tasks report the first.
    pub(super) fn break_pool_over(
        &mut self,
        cx: &Context,
        cause: BrokenCause,
        in_flight: VecDeque<InFlight>,
        wakes: &mut Wakes,
    ) {
        let first = self.broken.is_none();
        let broken = self.broken.get_or_insert_with(|| BrokenProcessPool::from(cause)).clone();
        let error = Error::BrokenProcessPool(broken.clone());
        in_flight.iter().for_each(|in_flight| in_flight.calls.fail(&error, wakes));
        if !first {
            return;
        }
        self.emit(EventKind::Broken(broken.cause().clone()));
        self.fail_awaiting(&error, wakes);
        let broadcasts = std::mem::take(&mut self.broadcasts).into_iter();
        broadcasts.for_each(|(_, future)| wakes.settle(&future, Err(Box::new(error.clone()))));
        cx.inbox.close(&error, wakes);
        // Finished tasks keep their results, including those not read yet. From here on nothing is
        // dispatched and no second cause is recorded.
        for index in 0..self.workers.len() {
            if !self.workers[index].in_flight.is_empty() {
                self.read_results(cx, index, wakes);
            }
        }
        for worker in &mut self.workers {
            let in_flight = worker.kill(ExitReason::Killed);
            in_flight.iter().for_each(|in_flight| in_flight.calls.fail(&error, wakes));
        }
        self.take_inbox(cx);
        for queued in std::mem::take(&mut self.queue) {
            queued.fail(&error, wakes);
        }
    }

    /// Breaks the pool, and also kills workers that were sent SIGTERM and may handle it.
    pub(super) fn kill_all(&mut self, cx: &Context, wakes: &mut Wakes) {
        self.break_pool(cx, BrokenCause::Killed, wakes);
        self.workers.iter_mut().for_each(|worker| drop(worker.kill(ExitReason::Killed)));
    }

    /// Breaks the pool as a kill does, but lets the workers handle the signal.
    pub(super) fn terminate_all(&mut self, cx: &Context, wakes: &mut Wakes) {
        let deadline = Instant::now().checked_add(cx.settings.policies.grace);
        for index in 0..self.workers.len() {
            // Finished tasks keep their results.
            self.read_results(cx, index, wakes);
        }
        let mut in_flight = VecDeque::new();
        let mut told = Vec::new();
        for mut worker in std::mem::take(&mut self.workers) {
            in_flight.append(&mut worker.terminate(ExitReason::Killed, deadline));
            told.push(worker);
        }
        // Breaking the pool must not kill workers that were sent SIGTERM.
        self.break_pool_over(cx, BrokenCause::Terminated, in_flight, wakes);
        self.workers = told;
    }

    /// Waits until every worker has ended; all were killed. Only for a manager that failed.
    pub(super) fn reap_all_blocking(&mut self, cx: &Context) {
        for worker in self.workers.drain(..) {
            worker.unwatch(cx);
            worker.nudge();
            worker.process.end();
        }
    }
}
