//! The manager's checks before it sleeps: is anything late, silent or unreported?
//!
//! Owns the deadlines of workers. `alarm` has the times at which the manager looks, and `limits` the
//! time limits of tasks.

use std::time::{Duration, Instant};

use procpool_launch::Killed;

use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Worker;
use crate::error::BrokenCause;
use crate::lifecycle::ExitReason;

/// The longest delay of the manager on a busy machine; after a longer one, it could not run. Longer
/// counts more stopped time against tasks; shorter forgives tasks where the machine is only slow.
const STOPPED: Duration = Duration::from_millis(500);

impl PoolState {
    /// The manager's checks before it sleeps: finds changes that were not reported, and workers and
    /// tasks that are late.
    pub(super) fn look_around(&mut self, cx: &Context, now: Instant, wakes: &mut Wakes) {
        self.enforce_deadlines(cx, now, wakes);
        self.check_forkserver(cx, now, wakes);
        for index in 0..self.workers.len() {
            if self.workers[index].link.has_results() {
                self.read_results(cx, index, wakes);
            }
        }
        self.enforce_limits(cx, now, wakes);
        self.retire_idle(cx, now, wakes);
        if self.alarm.take_tick(now) {
            self.give_drafts(cx, wakes);
            self.take_back_what_waits(cx, wakes);
        }
        self.look_at_the_silent(cx, now, wakes);
    }

    /// Accounts for a manager that ran `late` after its deadline. If that is long, this process was
    /// stopped (Ctrl-Z, SIGSTOP, a suspended machine), and most of its tasks with it: the limits of
    /// running tasks start anew, and the other deadlines of workers and of the forkserver move.
    pub(super) fn forgive(&mut self, late: Duration, now: Instant) {
        if late < STOPPED {
            return;
        }
        let move_on = |instant: &mut Option<Instant>| {
            *instant = instant.and_then(|instant| instant.checked_add(late));
        };
        for worker in &mut self.workers {
            move_on(&mut worker.deadline);
            worker.forgive(late, now);
        }
        self.expected.move_on(late);
    }

    /// Looks at workers that have tasks but were silent for a [`PULSE`].
    ///
    /// Most of them run a long task. But a task may also have written to the words by which the
    /// worker and the parent wake each other; then both would sleep forever. So the manager trusts
    /// no silence: it looks for results itself, and rewrites its own words.
    fn look_at_the_silent(&mut self, cx: &Context, now: Instant, wakes: &mut Wakes) {
        if !self.alarm.take_pulse(now) {
            return;
        }
        for index in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            let state = worker.front().map(|front| (front, worker.link.bytes_read()));
            let is_silent = worker.stage() == Stage::Ready && worker.at_pulse == state;
            worker.at_pulse = state;
            if state.is_some() && is_silent {
                worker.refresh_link();
                self.read_results(cx, index, wakes);
            }
        }
    }

    /// Gives up late workers.
    fn enforce_deadlines(&mut self, cx: &Context, now: Instant, wakes: &mut Wakes) {
        let late = |worker: &Worker| worker.deadline.is_some_and(|deadline| now >= deadline);
        while let Some(index) = self.workers.iter().position(late) {
            let worker = &mut self.workers[index];
            worker.deadline = None;
            let pid = worker.pid;
            match worker.stage() {
                Stage::Killed(_) if worker.left_alone => self.leave_behind(cx, index, wakes),
                // It was sent SIGTERM, and has not exited.
                Stage::Killed(reason) => drop(worker.kill(reason)),
                Stage::Exiting(_) => drop(worker.kill(ExitReason::TimeLimitExceeded)),
                // Its end is a death, whatever causes it.
                Stage::Dying(_) if worker.process.kill() == Killed::Surely => {}
                Stage::Dying(_) => drop(worker.kill(ExitReason::Killed)),
                Stage::Starting if !worker.link_ended => {
                    worker.kill(ExitReason::StartTimeout);
                    let timeout = cx.settings.policies.start_timeout;
                    self.start_failed(cx, BrokenCause::StartTimeout { pid, timeout }, wakes);
                }
                _ => {
                    let what = "closed its link to the pool and went on".to_owned();
                    self.on_nonsense(cx, index, what, wakes);
                }
            }
        }
    }
}
