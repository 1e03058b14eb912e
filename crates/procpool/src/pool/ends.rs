//! How workers end: asked to exit or dead, and what happens to their tasks.
//!
//! Owns the meaning of a process's end. Ending a worker because of its task belongs to `limits`.

use std::collections::VecDeque;
use std::time::Instant;

use procpool_launch::{Ended, WorkerExit};
use procpool_link::Frame;

use super::block::Slice;
use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::{InFlight, Worker};
use crate::error::{Activity, BrokenCause, Error, WorkerDeath};
use crate::lifecycle::{DeathPolicy, EventKind, ExitReason};

/// A task fails once this many workers died after they were sent it and before they started it. It
/// need not be the cause, so one is too few; each costs a worker, an initializer and the sending.
const DELIVERIES: u32 = 3;

impl PoolState {
    /// Asks a worker without tasks to exit, within [`finalizer_time_limit`](super::Policies).
    pub(super) fn ask_to_exit(
        &mut self,
        cx: &Context,
        index: usize,
        reason: ExitReason,
        wakes: &mut Wakes,
    ) {
        let worker = &mut self.workers[index];
        if worker.leads_group
            && let Some(forkserver) = cx.settings.starter.lock()
        {
            forkserver.spare_group(worker.serial);
        }
        // A worker that still waits for its slot has not begun, and has nothing to finalize.
        let has_begun = worker.stage() == Stage::Ready;
        worker.enter(Stage::Exiting(reason));
        worker.deadline = Instant::now().checked_add(cx.settings.policies.finalizer_time_limit);
        let none = bytes::Bytes::new();
        let mut sent = Ok(());
        if let Some(entry) = cx.settings.policies.finalizer.filter(|_| has_begun) {
            sent = worker.link.send(Frame::Finalize { entry }, &none);
        }
        let sent = sent.and_then(|()| worker.link.send(Frame::Exit, &none));
        let exiting = has_begun.then(|| EventKind::WorkerExiting(worker.info()));
        exiting.into_iter().for_each(|exiting| self.emit(exiting));
        self.check(cx, index, sent, wakes);
    }

    /// The process has ended: reads what it had sent, reaps it, and handles the consequences.
    pub(super) fn on_process_ended(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        self.read_news(cx, index, wakes);
        let serial = self.workers[index].serial;
        while self.workers[index].link.has_results() && self.workers[index].stage() == Stage::Ready
        {
            let before = self.workers[index].link.bytes_read();
            self.read_results(cx, index, wakes);
            if self.workers[index].link.bytes_read() == before {
                break;
            }
        }
        debug_assert_eq!(self.workers[index].serial, serial, "reading removes no worker");
        if !matches!(self.workers[index].stage(), Stage::Exiting(_)) {
            // Everything that its tasks started dies with it, however it ended.
            self.workers[index].kill_group();
        }
        let Some(ended) = self.workers[index].process.reap() else {
            return self.expect_word(cx, index);
        };
        let exit = ended.exit;
        let mut worker = self.workers.swap_remove(index);
        let reason = match worker.stage() {
            Stage::Killed(reason) => reason,
            Stage::Exiting(reason) if exit == WorkerExit::Code(0) => reason,
            _ => ExitReason::Died(exit),
        };
        let is_expected = match worker.stage() {
            Stage::Exiting(_) | Stage::Killed(_) => true,
            _ => worker.is_stopping(),
        };
        if !is_expected {
            self.on_death(cx, &mut worker, ended, wakes);
        }
        self.remove(cx, worker, reason, wakes);
    }

    /// Gives up a worker that cannot be killed: the system refuses to signal it, and it has closed
    /// its lifeline. Nobody waits for it; it may run until its task ends, or longer.
    pub(super) fn leave_behind(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = self.workers.swap_remove(index);
        let pid = worker.pid;
        wakes.warn_later(format!(
            "worker {pid} cannot be killed and is left behind: this process may not signal it (it \
             gave up privileges, the worker has others, or a filter refuses pidfd_send_signal), and the \
             worker has closed the pipe by which it ends otherwise"
        ));
        self.remove(cx, worker, ExitReason::LeftBehind, wakes);
    }

    /// Handles a worker that is no longer in the pool.
    fn remove(&mut self, cx: &Context, mut worker: Worker, reason: ExitReason, wakes: &mut Wakes) {
        worker.unwatch(cx);
        worker.fail_pinned(&Error::Cancelled, wakes);
        self.emit(EventKind::WorkerExited(worker.info(), reason));
        wakes.queue_hook(cx.settings.policies.hooks.exit(worker.info(), reason));
        self.admit_next(cx, worker.slot, wakes);
        wakes.bury(worker);
    }

    /// A worker has died unexpectedly.
    fn on_death(&mut self, cx: &Context, worker: &mut Worker, ended: Ended, wakes: &mut Wakes) {
        let Ended { exit, usage } = ended;
        // The finished part of its chunk is kept. If its record of that is invalid, there is none.
        let is_drafted = worker.give_draft(wakes).is_ok();
        let (pid, host, activity) = (worker.pid, worker.host, worker.activity());
        let stderr = worker.stderr.as_ref().map(|captured| captured.last_lines().into());
        let refused = worker.link.refused().map(|refused| refused.to_string());
        // The pool itself kills one that does not abort in time.
        let may_be_ours = matches!(worker.stage(), Stage::Dying(_));
        let oom_killed = !may_be_ours && host.is_none() && self.oom_kills.explain(exit);
        let death = WorkerDeath { pid, host, exit, oom_killed, activity, usage, refused, stderr };
        match (worker.stage(), cx.settings.policies.death_policy) {
            (Stage::Starting | Stage::Waiting, _)
            | (Stage::Initializing, DeathPolicy::Replace { .. }) => {
                self.start_failed(cx, BrokenCause::WorkerDied(death), wakes);
            }
            (_, DeathPolicy::Replace { retries }) => {
                // An impossible claim word or draft says nothing: then every item is in doubt.
                let is_known = is_drafted && worker.link.first_unclaimed().is_ok();
                let is_known = is_known && matches!(activity, Activity::RunningItem { .. });
                let rest = is_known.then(|| worker.split_front_chunk(cx)).flatten();
                self.replace(worker, rest, death, retries, wakes);
            }
            (_, DeathPolicy::Break) => {
                let in_flight = worker.take_in_flight();
                self.break_pool_over(cx, BrokenCause::WorkerDied(death), in_flight, wakes);
            }
        }
    }

    /// A worker has died: only its running task is lost or retried. `rest` are items of the same chunk.
    fn replace(
        &mut self,
        worker: &mut Worker,
        rest: Option<Slice>,
        death: WorkerDeath,
        retries: u32,
        wakes: &mut Wakes,
    ) {
        let (in_doubt, mut not_started) = worker.split_claimed();
        not_started.splice(0..0, rest);
        let error = Error::WorkerDied(death);
        worker.fail_pinned(&error, wakes);
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
