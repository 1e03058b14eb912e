//! When a worker is started, in which slot, and when it takes tasks.
//!
//! Owns the slots, the wait for a slot that a leaving worker still holds, the count of failed
//! starts, and the waiters for workers to be ready. `start` creates the processes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use procpool_link::Payload;

use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Worker;
use crate::error::{BrokenCause, Error};
use crate::future::{Body, SharedFuture};
use crate::lifecycle::{DeathPolicy, EventKind, ExitReason};

/// How many failed starts in a row are tolerated. More delays the error when no start can succeed;
/// fewer gives up over an accident.
const MAX_FAILED_STARTS: u32 = 3;

/// How long to wait before a worker is started again after a failed start, while others live.
/// Shorter tries a full system harder; longer keeps the pool small for longer once there is room
/// again.
const START_RETRY: Duration = Duration::from_secs(1);

/// A waiter until `workers` workers take tasks.
#[derive(Debug)]
pub(super) struct Awaited {
    workers: usize,
    future: Arc<SharedFuture>,
}

/// The occupation of the slots, as far as it matters for the next start.
#[derive(Debug, PartialEq, Eq)]
struct Slots {
    /// The first slot without a worker.
    free: Option<usize>,
    /// The first one whose only worker is retiring.
    left: Option<usize>,
    /// How many have a worker that stays.
    kept: usize,
    /// How many starting workers have their slot to themselves, and how many wait in line behind
    /// another worker.
    coming: usize,
    in_line: usize,
}

impl Slots {
    /// Derived from the workers: the slot of each, whether it is retiring, and whether it is
    /// starting. There are `overlap` slots more than `max_workers`; of these, `due` may have workers
    /// that stay.
    fn of(
        workers: impl Iterator<Item = (usize, bool, bool)> + Clone,
        max_workers: usize,
        overlap: usize,
        due: usize,
    ) -> Self {
        // The first free slot is at most one behind the last occupied one.
        let last = workers.clone().map(|(slot, ..)| slot).max();
        let looked_at = last.map_or(1, |last| last + 2).min(max_workers.saturating_add(overlap));
        let mut there = vec![(0, 0); looked_at];
        for (slot, retiring, _) in workers.clone() {
            there[slot].0 += 1;
            there[slot].1 += usize::from(!retiring);
        }
        let coming = || workers.clone().filter(|(.., coming)| *coming);
        let in_line = coming().filter(|(slot, ..)| there[*slot].0 > 1).count();
        let kept = there.iter().filter(|(_, staying)| *staying > 0).count();
        let first = |is: (usize, usize)| there.iter().position(|slot| *slot == is);
        Self {
            free: first((0, 0)).filter(|_| kept < max_workers.saturating_add(due)),
            left: first((1, 0)).filter(|_| kept < max_workers),
            kept,
            coming: coming().count() - in_line,
            in_line,
        }
    }

    /// The slot for the next worker.
    fn next(&self) -> Option<usize> {
        self.free.or(self.left)
    }

    /// How many starting workers count as available to a task. One in line may wait as long as the
    /// task of the worker before it takes, so it does not count while there is a free slot.
    fn available(&self) -> usize {
        self.coming + if self.free.is_none() { self.in_line } else { 0 }
    }
}

impl Awaited {
    /// How many workers it still awaits; `None` if it has settled.
    pub(super) fn workers(&self) -> Option<usize> {
        (!self.future.is_settled()).then_some(self.workers)
    }
}

impl PoolState {
    /// The slot in which to start a worker now, if a task or a waiter needs one.
    pub(super) fn slot_to_start(&self, cx: &Context, now: Instant) -> Option<usize> {
        if self.alarm.start_is_blocked(now) { None } else { self.wanted_slot(cx) }
    }

    /// Like `slot_to_start`, ignoring the delay after a failed start.
    pub(super) fn wanted_slot(&self, cx: &Context) -> Option<usize> {
        let stays =
            |worker: &Worker| !worker.is_starting() && !worker.is_retiring() && !worker.is_due();
        let is_full = self.workers.len() >= cx.max_workers();
        // Pools with all their workers ask most often.
        // After a failure, one start at a time is tried.
        let is_trying = self.failed_starts > 0
            && self.backoff(cx).is_some()
            && self.workers.iter().any(Worker::is_starting);
        let is_refused = self.broken.is_some() || is_trying || !self.expected.allows_start();
        if is_refused || (is_full && self.workers.iter().all(stays)) {
            return None;
        }
        let slots = self.slots(cx);
        let idle = |worker: &&Worker| worker.is_idle() && !worker.is_retiring();
        let available = self.workers.iter().filter(idle).count() + slots.available();
        let awaited = self.awaited.iter().filter_map(Awaited::workers).max();
        let is_wanted = self.demand(cx.max_workers()) > available
            || awaited.is_some_and(|many| many > slots.kept)
            || (self.due(cx) > slots.coming + slots.in_line
                && !(self.shut_down && self.queue.is_empty()));
        slots.next().filter(|_| is_wanted)
    }

    /// Whether a worker could be started in a slot of its own.
    pub(super) fn has_free_slot(&self, cx: &Context) -> bool {
        // Only a starting worker can share its slot with another one.
        self.workers.len() < cx.max_workers()
            || (self.workers.iter().any(Worker::is_starting) && self.slots(cx).free.is_some())
    }

    fn slots(&self, cx: &Context) -> Slots {
        let workers = self.workers.iter();
        Slots::of(
            workers.map(|worker| (worker.slot, worker.is_retiring(), worker.is_starting())),
            cx.max_workers(),
            cx.settings.policies.overlap_replacements,
            self.due(cx),
        )
    }

    /// How many workers may be started to relieve others.
    fn due(&self, cx: &Context) -> usize {
        let due = self.workers.iter().filter(|worker| worker.is_due());
        due.take(cx.settings.policies.overlap_replacements).count()
    }

    /// How many workers the queue could occupy, counting at most `limit`.
    pub(super) fn demand(&self, limit: usize) -> usize {
        let mut demand = 0;
        for queued in &self.queue {
            if demand >= limit {
                break;
            }
            demand += queued.demand(limit - demand);
        }
        demand
    }

    /// Adds a worker that was started. If the pool has broken since, kills it.
    pub(super) fn add_worker(&mut self, mut worker: Worker) {
        self.emit(EventKind::WorkerStarted(worker.info()));
        if self.broken.is_some() {
            worker.kill(ExitReason::Killed);
        }
        if self.had_worker.len() <= worker.slot {
            self.had_worker.resize(worker.slot + 1, false);
        }
        self.restarts += u64::from(std::mem::replace(&mut self.had_worker[worker.slot], true));
        self.workers.push(worker);
    }

    /// Handles a worker that could not be started or ended before it took tasks. A pool with other
    /// live workers continues with those. If dead workers are replaced, the others must be ready,
    /// but a few such failures in a row are always tolerated, and any number if starts are delayed
    /// after them. Otherwise the pool breaks.
    pub(super) fn start_failed(&mut self, cx: &Context, cause: BrokenCause, wakes: &mut Wakes) {
        let alive = |worker: &&Worker| !matches!(worker.stage(), Stage::Killed(_));
        let others = self.workers.iter().filter(alive).count();
        let is_refused = matches!(cause, BrokenCause::StartFailed { .. });
        let replaces = matches!(cx.settings.policies.death_policy, DeathPolicy::Replace { .. });
        let backoff = self.backoff(cx);
        let default = if backoff.is_some() { u32::MAX } else { MAX_FAILED_STARTS };
        let most = cx.settings.policies.max_failed_starts.unwrap_or(default);
        // A few bad starts in a row are retried at once; a system that refuses is given time.
        let is_tried_again = backoff.is_some() || (replaces && !is_refused);
        let is_tried_again = is_tried_again && {
            self.failed_starts = self.failed_starts.saturating_add(1);
            self.failed_starts < most
        };
        let is_ready = |worker: &Worker| worker.stage() == Stage::Ready;
        let is_borne = is_tried_again
            || if replaces && !is_refused { self.workers.iter().any(is_ready) } else { others > 0 };
        if !is_borne {
            return self.break_pool(cx, cause, wakes);
        }
        self.emit(EventKind::StartFailed(cause.clone()));
        if is_tried_again && backoff.is_none() {
            return;
        }
        if !self.alarm.are_starts_delayed() {
            wakes.warn_later(format!("going on with {others} worker(s): {cause}"));
        }
        self.alarm.delay_starts(backoff.unwrap_or((START_RETRY, START_RETRY)));
        // Nobody knows whether there will be more workers.
        self.fail_awaiting(&Error::WorkersNotStarted(Box::new(cause)), wakes);
    }

    /// The first and the longest delay after a failed start. After a shutdown nobody waits for it.
    fn backoff(&self, cx: &Context) -> Option<(Duration, Duration)> {
        let policies = &cx.settings.policies;
        let replaces = matches!(policies.death_policy, DeathPolicy::Replace { .. });
        policies.start_backoff.filter(|_| replaces && !self.shut_down)
    }

    /// Lets a worker that has identified itself continue, once it has its slot to itself.
    pub(super) fn admit(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = &self.workers[index];
        let (slot, serial, info) = (worker.slot, worker.serial, worker.info());
        if self.workers.iter().any(|other| other.slot == slot && other.serial != serial) {
            return;
        }
        if cx.settings.initialize.is_some() {
            self.emit(EventKind::WorkerInitializing(info));
        }
        self.initialize_next(cx, index, wakes);
    }

    /// Gives `slot` to the worker that waits for it, if there is one.
    pub(super) fn admit_next(&mut self, cx: &Context, slot: usize, wakes: &mut Wakes) {
        let waits = |worker: &Worker| worker.slot == slot && worker.stage() == Stage::Waiting;
        if let Some(index) = self.workers.iter().position(waits) {
            self.admit(cx, index, wakes);
        }
    }

    /// The worker takes tasks from now on.
    pub(super) fn become_ready(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        self.workers[index].enter(Stage::Ready);
        self.failed_starts = 0;
        self.alarm.allow_starts();
        let info = self.workers[index].info();
        self.emit(EventKind::WorkerReady(info));
        wakes.queue_hook(cx.settings.policies.hooks.start(info));
        self.tell_awaiting(wakes);
        self.relieve(cx, wakes);
    }

    /// Adds a waiter until `workers` workers take tasks.
    pub(super) fn await_workers(
        &mut self,
        workers: usize,
        future: Arc<SharedFuture>,
        wakes: &mut Wakes,
    ) {
        self.awaited.push(Awaited { workers, future });
        self.tell_awaiting(wakes);
    }

    fn tell_awaiting(&mut self, wakes: &mut Wakes) {
        let stays = |worker: &&Worker| worker.stage() == Stage::Ready && !worker.is_retiring();
        let ready = self.workers.iter().filter(stays).count();
        self.awaited.retain(|Awaited { workers, future }| {
            if *workers <= ready {
                wakes.settle(future, Ok(Body::from(Payload::Small(&[]))));
            }
            !future.is_settled()
        });
    }

    /// Fails every waiter for workers that will not start.
    pub(super) fn fail_awaiting(&mut self, error: &Error, wakes: &mut Wakes) {
        for Awaited { future, .. } in std::mem::take(&mut self.awaited) {
            wakes.settle(&future, Err(Box::new(error.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAYS: (bool, bool) = (false, false);
    const RETIRES: (bool, bool) = (true, false);
    const COMES: (bool, bool) = (false, true);

    fn slots<const N: usize>(workers: [(usize, (bool, bool)); N], max_workers: usize) -> Slots {
        let workers =
            workers.into_iter().map(|(slot, (retiring, starting))| (slot, retiring, starting));
        Slots::of(workers, max_workers, 0, 0)
    }

    #[test]
    fn a_further_slot_is_for_the_replacement_of_a_worker_that_is_due() {
        let of = |workers: &[(usize, bool, bool)], due| {
            Slots::of(workers.iter().copied(), 1, 1, due).next()
        };
        assert_eq!(of(&[(0, false, false)], 0), None, "none is due");
        assert_eq!(of(&[(0, false, false)], 1), Some(1));
        assert_eq!(of(&[(0, false, false), (1, false, true)], 1), None);
        // It does not wait behind the worker that was due before.
        assert_eq!(of(&[(0, true, false), (1, false, false)], 1), None);
        assert_eq!(of(&[(0, true, false)], 0), Some(1));
    }

    #[test]
    fn a_free_slot_is_preferred_to_one_of_a_retiring_worker() {
        assert_eq!(slots([], 3).next(), Some(0));
        assert_eq!(slots([(0, STAYS), (1, RETIRES)], 3).next(), Some(2));
        assert_eq!(slots([(0, RETIRES), (2, STAYS)], 3).next(), Some(1));
        assert_eq!(slots([(0, STAYS), (1, RETIRES)], 2).next(), Some(1));
        assert_eq!(slots([], usize::MAX).next(), Some(0));
    }

    #[test]
    fn no_third_worker_is_started_in_a_slot() {
        assert_eq!(slots([(0, RETIRES), (0, COMES)], 1).next(), None);
        assert_eq!(slots([(0, RETIRES), (0, RETIRES)], 1).next(), None);
        assert_eq!(slots([(0, RETIRES), (0, COMES), (1, RETIRES)], 2).next(), Some(1));
    }

    #[test]
    fn a_worker_that_stays_after_all_leaves_other_slots_unchanged() {
        // Tasks were taken back from it after its replacement was started.
        let slots = slots([(0, STAYS), (0, COMES)], 2);
        assert_eq!((slots.next(), slots.kept), (Some(1), 1));
    }

    #[test]
    fn no_task_waits_for_a_retiring_workers_slot_while_a_slot_is_free() {
        let in_line = [(0, RETIRES), (0, COMES)];
        assert_eq!(slots(in_line, 1).available(), 1, "there is no other");
        assert_eq!(slots(in_line, 2).available(), 0);
        assert_eq!(slots([(0, RETIRES), (0, COMES), (1, COMES)], 3).available(), 1);
        assert_eq!(slots([(0, RETIRES), (0, COMES), (1, RETIRES)], 2).available(), 1);
    }
}
