//! When a worker has done its part: after enough tasks or idle time, with too much memory, or because
//! it asks for it.
//!
//! Owns the policies `max_tasks_per_child`, `max_memory_per_child`, `idle_timeout` and
//! `overlap_replacements`. A worker that gets no more tasks is *retiring*. Its replacement may
//! already be started in the same slot, but waits until it is gone.
//!
//! A rule of this kind calls `end_part`. Then tasks that were sent ahead run elsewhere, and the dispatch
//! that finds the worker idle asks it to exit (`retire_used`).
//!
//! In a pool with overlap, a worker that has done its part is first *due*: it continues to get
//! tasks, while a worker in another slot starts and runs the initializer. The next worker that
//! becomes ready relieves it; only then is it retiring. A worker that a task retires is never due.

use std::time::Instant;

use procpool_launch::resident;

use super::Context;
use super::alarm::TICK;
use super::settings::Policies;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Worker;
use crate::error::Error;
use crate::lifecycle::ExitReason;

/// How much longer a worker serves.
#[derive(Debug)]
pub(super) struct Service {
    /// How many tasks it may run in its life; 0 once a rule has ended its part.
    most_tasks: u64,
    /// How many of the tasks that it was sent do not count: taken back, or of a broadcast.
    uncounted: u64,
    /// Whether it gets tasks until it is relieved, once it has done its part.
    overlaps: bool,
    /// Since when it has been idle, in pools with an idle timeout.
    idle_since: Option<Instant>,
}

impl Service {
    pub(super) fn new(policies: &Policies, serial: u64) -> Self {
        /// 2⁶⁴ divided by the golden ratio: its multiples are spread evenly.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let spread =
            u128::from(serial.wrapping_mul(STEP)) * (u128::from(policies.max_tasks_jitter) + 1);
        let jitter = (spread >> 64) as u64;
        let most_tasks = policies.max_tasks_per_child.map(|tasks| tasks.saturating_add(jitter));
        Self {
            most_tasks: most_tasks.unwrap_or(u64::MAX),
            uncounted: 0,
            overlaps: policies.overlap_replacements > 0,
            idle_since: None,
        }
    }
}

impl Worker {
    /// How many more tasks it may be sent.
    pub(super) fn tasks_left(&self) -> u64 {
        if self.is_due() { u64::MAX } else { self.part_left() }
    }

    /// How many tasks it is short of its part.
    fn part_left(&self) -> u64 {
        self.service.most_tasks.saturating_sub(self.link.sent() - self.service.uncounted)
    }

    /// Whether it has done its part and gets tasks until it is relieved.
    pub(super) fn is_due(&self) -> bool {
        self.service.overlaps && self.stage() == Stage::Ready && self.part_left() == 0
    }

    /// Notes that `tasks` of the tasks that it was sent, or is about to be, do not count.
    pub(super) fn note_uncounted(&mut self, tasks: usize) {
        if self.is_due() {
            // It stays so: the worker that relieves it may have been started.
            self.service.most_tasks = 0;
        }
        self.service.uncounted += tasks as u64;
    }

    /// Whether it gets no more tasks and will soon free its slot.
    pub(super) fn is_retiring(&self) -> bool {
        match self.stage() {
            Stage::Exiting(_) => true,
            Stage::Ready => self.tasks_left() == 0,
            _ => false,
        }
    }
}

impl PoolState {
    /// Retires a worker that asks for it, or whose memory has grown too large. Called whenever its
    /// results were read; `settled` is whether there were any, so that its memory may have grown.
    pub(super) fn retire_if_due(
        &mut self,
        cx: &Context,
        index: usize,
        settled: bool,
        wakes: &mut Wakes,
    ) {
        let worker = &mut self.workers[index];
        if worker.stage() != Stage::Ready {
            return;
        }
        let asks = worker.link.wants_replacement();
        let most = cx.settings.policies.max_memory_per_child;
        let most = most.filter(|_| settled && worker.service.most_tasks > 0);
        let is_large = |most| resident(worker.pid).is_some_and(|bytes| bytes > most);
        if asks || most.is_some_and(is_large) {
            worker.service.overlaps &= !asks;
            self.end_part(cx, index, wakes);
            if asks {
                // It starts nothing more.
                self.workers[index].fail_pinned(&Error::Cancelled, wakes);
            }
        }
    }

    /// Ends a worker's part: once it is idle, it is retired, or due in a pool with overlap.
    fn end_part(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        self.workers[index].service.most_tasks = 0;
        self.take_back(cx, index, wakes);
    }

    /// Retires the worker that is due and was started first, because another one has become ready.
    pub(super) fn relieve(&mut self, cx: &Context, wakes: &mut Wakes) {
        let due = (0..self.workers.len()).filter(|index| self.workers[*index].is_due());
        let Some(first) = due.min_by_key(|index| self.workers[*index].serial) else { return };
        self.workers[first].service.overlaps = false;
        self.end_part(cx, first, wakes);
    }

    /// Asks a worker to exit that has run as many tasks as it may.
    pub(super) fn retire_used(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        if self.workers[index].is_idle() && self.workers[index].tasks_left() == 0 {
            self.ask_to_exit(cx, index, ExitReason::Recycled, wakes);
        }
    }

    /// Notes since when each worker has been idle, if the pool has an idle timeout. Called by each
    /// dispatch of a pool that is not broken.
    pub(super) fn note_idle(&mut self, cx: &Context) {
        if cx.settings.policies.idle_timeout.is_none() {
            return;
        }
        let now = Instant::now();
        for worker in &mut self.workers {
            if worker.is_idle() {
                worker.service.idle_since.get_or_insert(now);
            } else {
                worker.service.idle_since = None;
            }
        }
    }

    /// Whether the idle timeout of a worker runs that does not stay in any case.
    pub(super) fn runs_idle_timeout(&self, cx: &Context) -> bool {
        let timed = self.workers.iter().filter(|worker| worker.service.idle_since.is_some());
        timed.count() > cx.settings.policies.min_idle
    }

    /// Asks workers to exit that have been idle for too long, and sets the time of the next check.
    pub(super) fn retire_idle(&mut self, cx: &Context, now: Instant, wakes: &mut Wakes) {
        let Some(timeout) = cx.settings.policies.idle_timeout else { return };
        self.alarm.idle_check = None;
        if self.awaited.iter().any(|awaited| awaited.workers().is_some()) {
            // Ready workers stay while somebody waits for more: otherwise they might never all be
            // ready at once.
            self.alarm.idle_check = now.checked_add(timeout.max(TICK));
            return;
        }
        let idle = self.workers.iter().filter(|worker| worker.is_idle()).count();
        let mut spare = idle.saturating_sub(cx.settings.policies.min_idle);
        for index in 0..self.workers.len() {
            let Some(since) = self.workers[index].service.idle_since else { continue };
            match since.checked_add(timeout) {
                _ if spare == 0 => break,
                Some(end) if now >= end => {
                    spare -= 1;
                    self.workers[index].service.idle_since = None;
                    self.ask_to_exit(cx, index, ExitReason::Idle, wakes);
                }
                Some(end) => {
                    let check = &mut self.alarm.idle_check;
                    *check = Some(check.map_or(end, |check| check.min(end)));
                }
                // A timeout beyond what the clock can represent is no timeout.
                None => {}
            }
        }
    }
}
