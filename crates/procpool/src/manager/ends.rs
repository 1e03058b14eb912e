//! How workers end: asked to exit or dead, and what happens to their tasks.
//!
//! Owns the meaning of a process's end. Ending a worker because of its task belongs to `deadlines`.

use std::collections::VecDeque;
use std::time::Instant;

use procpool_launch::Ended;
use procpool_launch::WorkerExit;
use procpool_link::Frame;

use super::Pool;
use super::block::Slice;
use super::state::{PoolState, TICK};
use super::stderr::Captured;
use super::wakes::{Hook, Wakes};
use super::worker::{InFlight, Stage, Worker};
use crate::error::{BrokenCause, Error, WorkerDeath};
use crate::lifecycle::{DeathPolicy, EventKind, ExitReason};

/// A task fails once this many workers died after they were sent it and before they started it. It
/// need not be the cause, so one is too few; each costs a worker, an initializer and the sending.
const DELIVERIES: u32 = 3;

impl PoolState {
    /// Asks a worker without tasks to exit, within [`finalizer_time_limit`](super::Policies).
    pub(super) fn let_leave(
        &mut self,
        pool: &Pool,
        index: usize,
        reason: ExitReason,
        wakes: &mut Wakes,
    ) {
        let worker = &mut self.workers[index];
        if worker.leads_group
            && let Some(server) = pool.settings.starter.lock()
        {
            server.spare_group(worker.serial);
        }
        // A worker that still waits for its place has not begun, and has nothing to finalize.
        let has_begun = worker.stage == Stage::Ready;
        worker.stage = Stage::Leaving(reason);
        worker.deadline = Instant::now().checked_add(pool.settings.policies.finalizer_time_limit);
        let none = bytes::Bytes::new();
        let mut sent = Ok(());
        if let Some(entry) = pool.settings.policies.finalizer.filter(|_| has_begun) {
            sent = worker.link.send(Frame::Finalize { entry }, &none);
        }
        let sent = sent.and_then(|()| worker.link.send(Frame::Exit, &none));
        self.wake = true;
        self.check(pool, index, sent, wakes);
    }

    /// Asks workers to exit that have run as many tasks as they may.
    pub(super) fn let_used_workers_leave(&mut self, pool: &Pool, wakes: &mut Wakes) {
        if pool.settings.policies.max_tasks_per_child.is_none() {
            return;
        }
        for index in 0..self.workers.len() {
            if self.workers[index].is_idle() && self.workers[index].tasks_left() == 0 {
                self.let_leave(pool, index, ExitReason::Recycled, wakes);
            }
        }
    }

    /// Notes since when each worker has been idle, if the pool has an idle timeout. Called after
    /// each dispatch.
    pub(super) fn note_idle(&mut self, pool: &Pool) {
        if pool.settings.policies.idle_timeout.is_none() {
            return;
        }
        let now = Instant::now();
        for worker in &mut self.workers {
            if worker.is_idle() {
                worker.idle_since.get_or_insert(now);
            } else {
                worker.idle_since = None;
            }
        }
        // The manager checks once per timeout, not each time a worker becomes idle.
        let is_any_idle = self.workers.iter().any(|worker| worker.idle_since.is_some());
        self.wake |= self.idle_check.is_none() && is_any_idle;
    }

    /// Asks workers to exit that have been idle for too long, and sets the time of the next check.
    pub(super) fn let_idle_workers_leave(&mut self, pool: &Pool, now: Instant, wakes: &mut Wakes) {
        let Some(timeout) = pool.settings.policies.idle_timeout else { return };
        self.idle_check = None;
        if self.awaited.iter().any(|awaited| awaited.workers().is_some()) {
            // Ready workers stay while somebody waits for more: otherwise they might never all be
            // ready at once.
            self.idle_check = now.checked_add(timeout.max(TICK));
            return;
        }
        for index in 0..self.workers.len() {
            let Some(since) = self.workers[index].idle_since else { continue };
            match since.checked_add(timeout) {
                Some(end) if now >= end => {
                    self.workers[index].idle_since = None;
                    self.let_leave(pool, index, ExitReason::Idle, wakes);
                }
                Some(end) => {
                    self.idle_check = Some(self.idle_check.map_or(end, |check| check.min(end)));
                }
                // A timeout beyond what the clock can represent is no timeout.
                None => {}
            }
        }
    }

    /// The process has ended: reads what it had sent, reaps it, and handles the consequences.
    pub(super) fn on_process_ended(&mut self, pool: &Pool, index: usize, wakes: &mut Wakes) {
        self.read_news(pool, index, wakes);
        let serial = self.workers[index].serial;
        while self.workers[index].link.has_results() && self.workers[index].stage == Stage::Ready {
            let before = self.workers[index].link.bytes_read();
            self.read_results(pool, index, wakes);
            if self.workers[index].link.bytes_read() == before {
                break;
            }
        }
        debug_assert_eq!(self.workers[index].serial, serial, "reading removes no worker");
        if !matches!(self.workers[index].stage, Stage::Leaving(_)) {
            // Everything that its tasks started dies with it, however it ended.
            self.workers[index].kill_group();
        }
        let Some(ended) = self.workers[index].process.reap() else {
            return self.expect_word(pool, index);
        };
        let exit = ended.exit;
        let mut worker = self.workers.swap_remove(index);
        let reason = match worker.stage {
            Stage::Killed(reason) => reason,
            Stage::Leaving(reason) if exit == WorkerExit::Code(0) => reason,
            _ => ExitReason::Died(exit),
        };
        let is_expected = match worker.stage {
            Stage::Leaving(_) | Stage::Killed(_) => true,
            // Its task was asked to stop, and is no longer in flight.
            Stage::Dying(_) => worker.stop.is_some(),
            _ => worker.asked_to_stop().is_some(),
        };
        if !is_expected {
            self.on_death(pool, &mut worker, ended, wakes);
        }
        self.bid_farewell(pool, worker, reason, wakes);
    }

    /// Gives up a worker that cannot be killed: the system refuses to signal it, and it has closed
    /// its lifeline. Nobody waits for it; it may run until its task ends, or longer.
    pub(super) fn leave_behind(&mut self, pool: &Pool, index: usize, wakes: &mut Wakes) {
        let worker = self.workers.swap_remove(index);
        let pid = worker.pid;
        wakes.warn_later(format!(
            "worker {pid} cannot be killed and is left behind: this process may not signal it (it \
             gave up privileges, the worker has others, or a filter refuses pidfd_send_signal), and the \
             worker has closed the pipe by which it ends otherwise"
        ));
        self.bid_farewell(pool, worker, ExitReason::LeftBehind, wakes);
    }

    /// Handles a worker that is no longer in the pool.
    fn bid_farewell(&mut self, pool: &Pool, worker: Worker, reason: ExitReason, wakes: &mut Wakes) {
        worker.unwatch(pool);
        self.emit(EventKind::WorkerExited(worker.info(), reason));
        wakes.call(Hook::Exit(worker.info(), reason));
        self.let_next_in(pool, worker.id, wakes);
        wakes.bury(worker);
    }

    /// A worker has died unexpectedly.
    fn on_death(&mut self, pool: &Pool, worker: &mut Worker, ended: Ended, wakes: &mut Wakes) {
        let Ended { exit, usage } = ended;
        // The finished part of its chunk is kept. If its record of that is invalid, there is none.
        let _ = worker.give_draft();
        let (pid, activity) = (worker.pid, worker.activity());
        let stderr = worker.stderr.as_ref().map(Captured::last_lines);
        let refused = worker.link.refused().map(|refused| refused.to_string());
        let death = WorkerDeath { pid, exit, activity, usage, refused, stderr };
        match (worker.stage, pool.settings.policies.death_policy) {
            (Stage::Starting | Stage::Waiting, _)
            | (Stage::Initializing, DeathPolicy::Replace { .. }) => {
                self.start_failed(pool, BrokenCause::WorkerDied(death), wakes);
            }
            (_, DeathPolicy::Replace { retries }) => {
                self.replace(worker, death, retries, wakes);
            }
            (_, DeathPolicy::Break) => {
                let in_flight = std::mem::take(&mut worker.in_flight);
                self.break_pool_over(pool, BrokenCause::WorkerDied(death), in_flight, wakes);
            }
        }
    }

    /// A worker has died: only its running task is lost or retried.
    fn replace(
        &mut self,
        worker: &mut Worker,
        death: WorkerDeath,
        retries: u32,
        wakes: &mut Wakes,
    ) {
        let (in_doubt, mut not_started) = worker.part_in_flight();
        let error = Error::WorkerDied(death);
        if in_doubt.is_empty() && !not_started.is_empty() {
            // The task that it was sent may have killed it.
            let (first, times) = not_started[0].split_undelivered();
            if not_started[0].len() == 0 {
                not_started.remove(0);
            }
            if times < DELIVERIES {
                not_started.insert(0, first);
            } else {
                first.fail(&error, wakes);
            }
        }
        self.redistribute(in_doubt, not_started, &error, retries, wakes);
    }

    /// Retries or fails what a worker had claimed, and requeues what it had not.
    pub(super) fn redistribute(
        &mut self,
        in_doubt: VecDeque<InFlight>,
        not_started: Vec<Slice>,
        error: &Error,
        retries: u32,
        wakes: &mut Wakes,
    ) {
        let mut again = Vec::new();
        for in_flight in in_doubt {
            match in_flight.calls.again(retries) {
                Ok(calls) => {
                    self.emit(EventKind::TaskRetried(calls.id()));
                    again.push(calls);
                }
                Err(calls) => calls.fail(error, wakes),
            }
        }
        again.extend(not_started);
        self.requeue(again);
    }
}
