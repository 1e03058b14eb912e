//! Ending a running task: because it exceeded its time limit, or because the user asks for it.
//!
//! Owns the steps that end a task, and which of them is due. A task that exceeds its time limit is
//! over for its submitter at once. Its worker has `grace` to finish it, by noticing the request to
//! stop; then it is sent SIGTERM, and after another `grace` it is killed:
//!
//! ```text
//! time limit exceeded: the future fails ──grace──▶ SIGTERM ──grace──▶ SIGKILL
//!        └── the task returns: its worker goes on
//! ```
//!
//! Nothing is sent behind such a task, and tasks sent before are taken back first, so no other task
//! is affected. From SIGTERM on the worker is sent nothing more, even if the task does return: a
//! signal in flight would hit the next task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use procpool_link::Scribbled;

use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::{InFlight, Worker};
use crate::error::Error;
use crate::future::SharedFuture;
use crate::lifecycle::{EventKind, ExitReason, KillOutcome};

/// A task that exceeded its time limit and was asked to stop.
#[derive(Debug, Clone, Copy)]
struct Stop {
    /// Its index on the link.
    index: u64,
    /// When its worker is sent SIGTERM; `None` if beyond what the clock can represent.
    until: Option<Instant>,
}

/// The time limits of the tasks that a worker has.
#[derive(Debug)]
pub(super) struct Limits {
    /// The shortest among the tasks that it was sent since it was idle.
    shortest: Option<Duration>,
    /// Whether one of them is new to the manager. A limit counts from when the manager learns of
    /// it: a program may be stopped before.
    is_new: bool,
    /// The earliest time from which limits count: the program was stopped before, or a result was
    /// arriving.
    from: Instant,
    /// How many bytes of results had been read when a limit was last checked.
    read: u64,
    /// The task that the manager has seen running, and since when.
    seen: Option<(u64, Instant)>,
    /// The running task, if it was asked to stop.
    stop: Option<Stop>,
}

impl Limits {
    pub(super) fn new() -> Self {
        let from = Instant::now();
        Self { shortest: None, is_new: false, from, read: 0, seen: None, stop: None }
    }
}

impl PoolState {
    /// Notes the shortest limit of tasks that are about to be sent to a worker.
    pub(super) fn note_limit(&mut self, index: usize, limit: Option<Duration>) {
        let is_idle = self.workers[index].in_flight.is_empty();
        let limits = &mut self.workers[index].limits;
        if is_idle {
            limits.shortest = None;
        }
        if let Some(limit) = limit {
            let end = Instant::now().checked_add(limit);
            if end.is_some_and(|end| self.alarm.note_limit(end)) {
                limits.is_new |= limits.shortest.is_none();
            }
            limits.shortest = limits.shortest.into_iter().chain([limit]).min();
        }
    }

    /// Takes the next step for every task that has run for too long.
    pub(super) fn enforce_limits(&mut self, cx: &Context, now: Instant, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            if worker.stage() != Stage::Ready || worker.limits.shortest.is_none() {
                continue;
            }
            if std::mem::take(&mut worker.limits.is_new) {
                worker.limits.from = now;
            }
            match worker.stopping() {
                Some(stop) => {
                    if stop.until.is_some_and(|until| now >= until) {
                        let deadline = now.checked_add(cx.settings.policies.grace);
                        drop(worker.terminate(ExitReason::TimeLimitExceeded, deadline));
                    }
                }
                None => {
                    worker.limits.stop = None;
                    if self.is_overdue(cx, index, now, wakes) {
                        // Its result may have arrived at this very moment.
                        self.read_results(cx, index, wakes);
                        self.workers[index].note_arriving(now);
                        if self.is_overdue(cx, index, now, wakes) {
                            self.end_overdue(cx, index, now, wakes);
                        }
                    }
                }
            }
        }
    }

    fn is_overdue(&mut self, cx: &Context, index: usize, now: Instant, wakes: &mut Wakes) -> bool {
        let due = self.workers[index].due(now);
        let due = self.check(cx, index, due, wakes).flatten();
        due.is_some_and(|(due, _)| now >= due)
    }

    fn end_overdue(&mut self, cx: &Context, index: usize, now: Instant, wakes: &mut Wakes) {
        self.take_back(cx, index, wakes);
        let given = self.workers[index].give_draft(wakes);
        self.check(cx, index, given, wakes);
        let worker = &mut self.workers[index];
        let Some(InFlight { index: task, calls }) = worker.in_flight.front() else { return };
        let (task, id, limit) = (*task, calls.id(), calls.time_limit().unwrap_or_default());
        if let Some(future) = calls.first() {
            let error = Error::TimeLimitExceeded { work_item: id, limit };
            wakes.finish(future, Err(Box::new(error)));
        }
        worker.link.ask_to_stop(task);
        worker.mark_stuck();
        let until = now.checked_add(cx.settings.policies.grace);
        worker.limits.stop = Some(Stop { index: task, until });
        worker.nudge();
        self.emit(EventKind::TimeLimitExceeded(id));
    }

    /// Ends a task in whatever way it takes.
    pub(super) fn kill_task(
        &mut self,
        cx: &Context,
        future: &Arc<SharedFuture>,
        wakes: &mut Wakes,
    ) -> KillOutcome {
        if self.cancel_sent(cx, future, wakes) {
            return KillOutcome::Cancelled;
        }
        let holds = |worker: &Worker| worker.index_of(future).is_some();
        let Some(index) = self.workers.iter().position(holds) else {
            return KillOutcome::AlreadyDone;
        };
        // Its result may have arrived already.
        self.read_results(cx, index, wakes);
        if future.is_settled() {
            return KillOutcome::AlreadyDone;
        }
        // It was claimed and has no result, so it is running.
        let (running, not_started) = self.workers[index].split_claimed();
        drop(self.workers[index].kill(ExitReason::Killed));
        self.requeue(not_started);
        for in_flight in running {
            let id = in_flight.calls.id();
            in_flight.calls.fail(&Error::TaskKilled { work_item: id }, wakes);
            self.emit(EventKind::TaskKilled(id));
        }
        KillOutcome::Killed
    }

    /// When a task may next exceed its limit, for the manager to check then.
    pub(super) fn next_limit(&mut self, now: Instant) -> Option<Instant> {
        let of_worker = |worker: &mut Worker| {
            let has_tasks = worker.stage() == Stage::Ready && !worker.in_flight.is_empty();
            let shortest = worker.limits.shortest.filter(|_| has_tasks)?;
            match worker.stopping() {
                Some(stop) => stop.until,
                None => {
                    // A task behind the running one may have a shorter limit, which counts from now
                    // at the earliest.
                    let due = worker.due(now).ok().flatten().map(|(due, _)| due);
                    let others = now.checked_add(shortest);
                    [due, others].into_iter().flatten().min()
                }
            }
        };
        self.workers.iter_mut().filter_map(of_worker).min()
    }
}

impl Worker {
    /// A task whose result is arriving has ended: while more of it arrives, its limit starts anew.
    fn note_arriving(&mut self, now: Instant) {
        let read = self.link.bytes_read();
        if self.link.is_within_result() && self.limits.read != read {
            self.limits.from = now;
        }
        self.limits.read = read;
    }

    /// Starts the limit of its running task anew, after `late` in which this process was stopped.
    pub(super) fn forgive(&mut self, late: Duration, now: Instant) {
        self.limits.from = now;
        if let Some(stop) = &mut self.limits.stop {
            stop.until = stop.until.and_then(|until| until.checked_add(late));
        }
    }

    /// The running task, if it was asked to stop.
    fn stopping(&self) -> Option<Stop> {
        self.limits.stop.filter(|stop| self.front() == Some(stop.index))
    }

    /// Whether the running task was asked to stop. Of a worker that reported a failure: whether the
    /// failed task was.
    pub(super) fn is_stopping(&self) -> bool {
        match self.stage() {
            Stage::Dying(_) => self.limits.stop.is_some(),
            _ => self.stopping().is_some(),
        }
    }

    /// Notes that the task with this index is the worker's last.
    pub(super) fn note_last_task(&mut self, task: u64) {
        self.limits.stop = self.limits.stop.filter(|stop| stop.index == task);
    }

    /// When the running task must have ended, and its limit. Returns `None` if no task with a limit
    /// runs.
    fn due(&mut self, now: Instant) -> Result<Option<(Instant, Duration)>, Scribbled> {
        let Some((front, Some(limit))) =
            self.in_flight.front().map(|in_flight| (in_flight.index, in_flight.calls.time_limit()))
        else {
            return Ok(None);
        };
        if self.link.first_unclaimed()? <= front {
            return Ok(None);
        }
        // It has been running since it was first seen running at the latest, whatever the worker
        // reports.
        let (_, seen) = *match &mut self.limits.seen {
            Some(seen) if seen.0 == front => seen,
            other => other.insert((front, now)),
        };
        let started = self.link.started(now).min(seen).max(self.limits.from);
        // A limit beyond what the clock can represent is no limit.
        Ok(started.checked_add(limit).map(|due| (due, limit)))
    }
}
