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

use super::Pool;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::{InFlight, Stage, Stop, Worker};
use crate::error::Error;
use crate::future::SharedFuture;
use crate::lifecycle::{EventKind, ExitReason, KillOutcome};

/// The longest delay of the manager on a busy machine; after a longer one, it could not run. Longer
/// counts more stopped time against tasks; shorter forgives tasks where the machine is only slow.
const STOPPED: Duration = Duration::from_millis(500);

impl PoolState {
    /// Takes the next step for every task that has run for too long.
    pub(super) fn enforce_limits(&mut self, pool: &Pool, now: Instant, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            if worker.stage != Stage::Ready || worker.shortest_limit.is_none() {
                continue;
            }
            if std::mem::take(&mut worker.has_new_limit) {
                worker.limits_from = now;
            }
            match worker.asked_to_stop() {
                Some(stop) => {
                    if stop.until.is_some_and(|until| now >= until) {
                        let deadline = now.checked_add(pool.settings.policies.grace);
                        drop(worker.terminate(ExitReason::TimeLimitExceeded, deadline));
                    }
                }
                None => {
                    worker.stop = None;
                    if self.is_overdue(pool, index, now, wakes) {
                        // Its result may have arrived at this very moment.
                        self.read_results(pool, index, wakes);
                        self.workers[index].note_arriving(now);
                        if self.is_overdue(pool, index, now, wakes) {
                            self.end_overdue(pool, index, now, wakes);
                        }
                    }
                }
            }
        }
    }

    /// Accounts for a manager that ran `late` after its deadline. If that is long, this process was
    /// stopped (Ctrl-Z, SIGSTOP, a suspended machine), and most of its tasks with it: the limits of
    /// running tasks start anew, and every other deadline moves.
    pub(super) fn forgive(&mut self, late: Duration, now: Instant) {
        if late < STOPPED {
            return;
        }
        let move_on = |instant: &mut Option<Instant>| {
            *instant = instant.and_then(|instant| instant.checked_add(late));
        };
        for worker in &mut self.workers {
            worker.limits_from = now;
            move_on(&mut worker.deadline);
            if let Some(stop) = &mut worker.stop {
                move_on(&mut stop.until);
            }
        }
        self.expected.move_on(late);
    }

    fn is_overdue(&mut self, pool: &Pool, index: usize, now: Instant, wakes: &mut Wakes) -> bool {
        let due = self.workers[index].due(now);
        let due = self.check(pool, index, due, wakes).flatten();
        due.is_some_and(|(due, _)| now >= due)
    }

    fn end_overdue(&mut self, pool: &Pool, index: usize, now: Instant, wakes: &mut Wakes) {
        self.take_back(pool, index, wakes);
        let given = self.workers[index].give_draft();
        self.check(pool, index, given, wakes);
        let worker = &mut self.workers[index];
        let Some(InFlight { index: task, calls }) = worker.in_flight.front() else { return };
        let (task, id, limit) = (*task, calls.id(), calls.time_limit().unwrap_or_default());
        if let Some(future) = calls.first() {
            let error = Error::TimeLimitExceeded { work_item: id, limit };
            wakes.finish(future, Err(Box::new(error)));
        }
        worker.link.ask_to_stop(task);
        worker.stuck_at = Some(task);
        worker.stop =
            Some(Stop { index: task, until: now.checked_add(pool.settings.policies.grace) });
        worker.nudge();
        self.emit(EventKind::TimeLimitExceeded(id));
    }

    /// Ends a task in whatever way it takes.
    pub(super) fn kill_task(
        &mut self,
        pool: &Pool,
        future: &Arc<SharedFuture>,
        wakes: &mut Wakes,
    ) -> KillOutcome {
        if self.cancel_sent(pool, future, wakes) {
            return KillOutcome::Cancelled;
        }
        let holds = |worker: &Worker| worker.index_of(future).is_some();
        let Some(index) = self.workers.iter().position(holds) else {
            return KillOutcome::AlreadyDone;
        };
        // Its result may have arrived already.
        self.read_results(pool, index, wakes);
        if future.is_settled() {
            return KillOutcome::AlreadyDone;
        }
        // It was claimed and has no result, so it is running.
        let (running, not_started) = self.workers[index].part_in_flight();
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
            let has_tasks = worker.stage == Stage::Ready && !worker.in_flight.is_empty();
            let shortest = worker.shortest_limit.filter(|_| has_tasks)?;
            match worker.asked_to_stop() {
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
        if self.link.is_within_result() && self.read_at_limit != read {
            self.limits_from = now;
        }
        self.read_at_limit = read;
    }
}
