//! When the manager looks at the pool: by itself, or because another thread wakes it.
//!
//! Owns every time at which the manager has something to check. It sleeps until the earliest of
//! them. All are of the monotonic clock. Every change of the state, the manager's own included, ends
//! with [`needs_manager`](PoolState::needs_manager), which derives from the state whether the manager
//! has to look sooner. Besides that, a shutdown, a kill and a broken pool always wake it, and a worker
//! does through its socket if `bells` has asked it to. A wake-up during a turn of its own makes the
//! manager look once more before it sleeps.
//!
//! A time that is due must be cleared or moved in that very look, in a broken pool too: the manager
//! does not sleep while one is past. So what is due is handled in `look_around`, which always runs,
//! not in `dispatch`, which stops early in a broken pool.

use std::time::{Duration, Instant};

use super::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::worker::Worker;

/// How often the manager looks at tasks that were sent ahead and at running chunks. Shorter finds
/// tasks that wait behind a long one sooner, and passes results on sooner; longer wakes the manager
/// less often. Without either there is no tick.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// How long a worker with tasks may be silent before the manager looks at it. Longer leaves tasks
/// unsettled for longer after one of them has written to the memory that their worker shares with
/// the parent; shorter wakes the manager more often while tasks run. While no task runs, none is set;
/// the last one still fires.
const PULSE: Duration = Duration::from_secs(1);

/// A delay that nobody waits for, and that the clock can represent: some hundred years.
const AGE: Duration = Duration::from_secs(1 << 32);

/// The times at which the manager has something to check, and whether it has to look sooner.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// When the manager next looks at tasks that were sent ahead and at running chunks.
    tick: Option<Instant>,
    /// When it next looks at workers that have tasks but have been silent for a while.
    pulse: Option<Instant>,
    /// When it next checks whether workers have been idle for too long.
    pub(super) idle_check: Option<Instant>,
    /// No worker is started before this, after a delay of this length.
    start_again: Option<Instant>,
    start_delay: Duration,
    /// Whether the manager wakes by itself at `start_again`.
    start_armed: bool,
    /// When it next checks whether a task exceeds its limit, and the first limit that a task sent
    /// since then may exceed.
    limits_armed: Option<Instant>,
    limit: Option<Instant>,
    /// When it next checks whether a worker or the forkserver is late.
    deadlines_armed: Option<Instant>,
    /// Whether there are results or items that no bell is going to announce.
    unreported: bool,
}

impl Alarm {
    /// Notes, if `any`, that there are results or items that no bell is going to announce.
    pub(super) fn note_unreported(&mut self, any: bool) {
        self.unreported |= any;
    }

    /// Notes that a task that was just sent may exceed its limit at `end`. Returns whether that is
    /// before the manager next checks.
    pub(super) fn note_limit(&mut self, end: Instant) -> bool {
        let is_first = self.limits_armed.is_none_or(|armed| end < armed);
        if is_first {
            self.limit = self.limit.into_iter().chain([end]).min();
        }
        is_first
    }

    /// Starts no worker for `first`, counted from now; or for twice the last delay, at most `max`. A
    /// delay that is running stays as it is.
    pub(super) fn delay_starts(&mut self, (first, max): (Duration, Duration)) {
        let now = Instant::now();
        if !self.start_is_blocked(now) {
            self.start_delay = self.start_delay.saturating_mul(2).clamp(first, max);
            self.start_again = Some(now + self.start_delay.min(AGE));
        }
    }

    /// Ends the delay; the next one is the first again.
    pub(super) fn allow_starts(&mut self) {
        (self.start_again, self.start_delay) = (None, Duration::ZERO);
    }

    pub(super) fn are_starts_delayed(&self) -> bool {
        self.start_again.is_some()
    }

    pub(super) fn start_is_blocked(&self, now: Instant) -> bool {
        self.start_again.is_some_and(|instant| now < instant)
    }

    /// Whether a tick is due; it is over then.
    pub(super) fn take_tick(&mut self, now: Instant) -> bool {
        self.tick.take_if(|tick| now >= *tick).is_some()
    }

    /// Whether a pulse is due; it is over then.
    pub(super) fn take_pulse(&mut self, now: Instant) -> bool {
        self.pulse.take_if(|pulse| now >= *pulse).is_some()
    }
}

impl PoolState {
    /// When the manager has something to check or to start next: how long it may sleep.
    pub(super) fn next_deadline(&mut self, cx: &Context) -> Option<Instant> {
        let now = Instant::now();
        if self.alarm.tick.is_none() && self.wants_tick() {
            self.alarm.tick = Some(now + TICK);
        }
        if self.alarm.pulse.is_none() && self.is_any_busy() {
            self.alarm.pulse = Some(now + PULSE);
        }
        let start = self.alarm.start_again.filter(|_| self.wanted_slot(cx).is_some());
        self.alarm.start_armed = start.is_some();
        self.alarm.limits_armed = self.next_limit(now);
        self.alarm.limit = None;
        self.alarm.deadlines_armed = self.first_deadline();
        let Alarm { tick, pulse, idle_check, limits_armed, deadlines_armed, .. } = self.alarm;
        let times = [tick, pulse, idle_check, start, limits_armed, deadlines_armed];
        times.into_iter().flatten().min()
    }

    /// Whether the manager has to look at the state before it wakes by itself. A time needs a clause
    /// here if a turn of another thread can make it earlier or necessary. One that depends only on
    /// which workers exist does not: only the manager adds workers, and then calls
    /// [`next_deadline`](Self::next_deadline).
    pub(super) fn needs_manager(&mut self, cx: &Context) -> bool {
        let unreported = std::mem::take(&mut self.alarm.unreported);
        let Alarm { tick, pulse, idle_check, limit, start_armed, .. } = self.alarm;
        let is_late = |first: Instant| self.alarm.deadlines_armed.is_none_or(|armed| first < armed);
        // While starts are delayed, the manager is woken once, to learn that there is something to
        // wait for: it may have gone to sleep when there was not. The same holds for the rest.
        let waits = start_armed && self.alarm.start_is_blocked(Instant::now());
        unreported
            || limit.is_some()
            || (self.wanted_slot(cx).is_some() && !waits)
            || (tick.is_none() && self.wants_tick())
            || (pulse.is_none() && self.is_any_busy())
            || (idle_check.is_none() && self.runs_idle_timeout(cx))
            || self.first_deadline().is_some_and(is_late)
            || self.is_over()
    }

    /// The first time at which a worker or the forkserver is late.
    fn first_deadline(&self) -> Option<Instant> {
        let workers = self.workers.iter().filter_map(|worker| worker.deadline);
        workers.chain(self.expected.next_deadline()).min()
    }

    fn is_any_busy(&self) -> bool {
        self.workers.iter().any(|worker| worker.front().is_some())
    }

    /// Whether tasks wait that another worker could run, because they are behind others or because
    /// short ones keep few workers busy; or whether results wait for the end of their chunk.
    fn wants_tick(&self) -> bool {
        let waits = |worker: &Worker| {
            worker.stage() == Stage::Ready
                && (worker.has_backlog()
                    || worker.drafts()
                    || (worker.is_idle() && self.has_work()))
        };
        self.workers.iter().any(waits)
    }
}
