//! When a worker is started, in which place, and when it takes tasks.
//!
//! Owns the places, the waiting for a place that a leaving worker still has, the counting of starts
//! that failed, and who waits for workers to be ready. How a process comes to be is `start`'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Pool;
use super::state::PoolState;
use super::wakes::{Hook, Wakes};
use super::worker::{Stage, Worker};
use crate::error::{BrokenCause, Error};
use crate::future::{Body, SharedFuture};
use crate::lifecycle::{DeathPolicy, EventKind, ExitReason};
use crate::wire::{Frame, Payload};

/// How long to wait before starting a worker is tried again after it failed while others live.
/// Shorter tries a full system harder; longer stays small longer once there is room again.
const START_RETRY: Duration = Duration::from_secs(1);

/// Somebody who waits until so many workers take tasks.
#[derive(Debug)]
pub(super) struct Awaited {
    workers: usize,
    future: Arc<SharedFuture>,
}

impl PoolState {
    /// Whether a task finds no worker that is or will be free, and another may be started.
    pub(super) fn needs_worker(&self, pool: &Pool, now: Instant) -> bool {
        !self.start_is_blocked(now) && self.wants_worker(pool)
    }

    /// The same, were it not for a start that failed a moment ago.
    pub(super) fn wants_worker(&self, pool: &Pool) -> bool {
        let max_workers = pool.max_workers();
        // Nothing of this counts in a pool that has all its workers, which is asked most often.
        let staying = self.workers.iter().filter(|worker| !worker.is_retiring()).count();
        if self.broken.is_some() || staying >= max_workers || !self.expected.allows_start() {
            return false;
        }
        let awaited = self.awaited.iter().filter(|awaited| !awaited.future.is_settled());
        let awaited = awaited.map(|awaited| awaited.workers).max();
        self.demand(max_workers) > self.available() || awaited.is_some_and(|many| many > staying)
    }

    pub(super) fn start_is_blocked(&self, now: Instant) -> bool {
        self.start_again.is_some_and(|instant| now < instant)
    }

    /// How many workers the queue could occupy, counted up to `limit`.
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

    /// How many workers are idle, or will be before they get a task.
    fn available(&self) -> usize {
        let available =
            |worker: &&Worker| worker.is_coming() || (worker.is_idle() && !worker.is_retiring());
        self.workers.iter().filter(available).count()
    }

    /// The place for the next worker: one that is free, or else one whose worker is about to leave it.
    pub(super) fn free_id(&self, pool: &Pool) -> usize {
        let (mut free, mut left) = (None, None);
        for id in 0..pool.max_workers() {
            let mut there = self.workers.iter().filter(|worker| worker.id == id);
            match (there.next(), there.next()) {
                (None, _) => free = free.or(Some(id)),
                (Some(worker), None) if worker.is_retiring() => left = left.or(Some(id)),
                _ => {}
            }
            if free.is_some() {
                break;
            }
        }
        // There is one whenever a worker is wanted.
        free.or(left).unwrap_or_default()
    }

    /// Takes over a worker that was started. In a pool that broke meanwhile it has no future.
    pub(super) fn add_worker(&mut self, mut worker: Worker) {
        self.emit(EventKind::WorkerStarted(worker.info()));
        if self.broken.is_some() {
            worker.kill(ExitReason::Killed);
        }
        self.start_again = None;
        if self.had_worker.len() <= worker.id {
            self.had_worker.resize(worker.id + 1, false);
        }
        self.restarts += u64::from(std::mem::replace(&mut self.had_worker[worker.id], true));
        self.workers.push(worker);
    }

    /// A worker could not be started, or ended before it took tasks. A pool with others alive goes on
    /// with those; where dead workers are replaced, these must take tasks, but some such ends in a row
    /// are borne in any case. Otherwise the pool is broken.
    pub(super) fn start_failed(&mut self, pool: &Pool, cause: BrokenCause, wakes: &mut Wakes) {
        let alive = |worker: &&Worker| !matches!(worker.stage, Stage::Killed(_));
        let others = self.workers.iter().filter(alive).count();
        let is_refused = matches!(cause, BrokenCause::StartFailed { .. });
        let is_borne = match pool.settings.policies.death_policy {
            DeathPolicy::Replace { .. } if !is_refused => {
                self.failed_starts += 1;
                let is_ready = |worker: &Worker| worker.stage == Stage::Ready;
                self.failed_starts < pool.settings.policies.max_failed_starts
                    || self.workers.iter().any(is_ready)
            }
            _ => others > 0,
        };
        if !is_borne {
            return self.break_pool(pool, cause, wakes);
        }
        if self.start_again.is_none() {
            log::warn!("going on with {others} worker(s): {cause}");
        }
        // A system that refuses processes is given time; for a bad start of ours there is a limit.
        if others > 0 {
            self.start_again = Some(Instant::now() + START_RETRY);
        }
        self.wake = true;
    }

    /// A worker has said who it is: it goes on when it has its place for itself.
    pub(super) fn let_in(&mut self, pool: &Pool, index: usize, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        worker.stage = Stage::Waiting;
        worker.deadline = None;
        let (id, serial) = (worker.id, worker.serial);
        if self.workers.iter().any(|other| other.id == id && other.serial != serial) {
            return;
        }
        let worker = &mut self.workers[index];
        match &pool.settings.initialize {
            Some((entry, initargs)) => {
                worker.stage = Stage::Initializing;
                let sent = worker.link.send(Frame::Initialize { entry: *entry }, initargs);
                let sent = sent.and_then(|()| worker.link.publish());
                self.check(pool, index, sent, wakes);
            }
            None => self.is_ready(index, wakes),
        }
    }

    /// The worker that waits for place `id`, if there is one, gets it.
    pub(super) fn let_next_in(&mut self, pool: &Pool, id: usize, wakes: &mut Wakes) {
        let waits = |worker: &Worker| worker.id == id && worker.stage == Stage::Waiting;
        if let Some(index) = self.workers.iter().position(waits) {
            self.let_in(pool, index, wakes);
        }
    }

    /// A worker takes tasks from now on.
    pub(super) fn is_ready(&mut self, index: usize, wakes: &mut Wakes) {
        self.workers[index].stage = Stage::Ready;
        self.failed_starts = 0;
        let info = self.workers[index].info();
        self.emit(EventKind::WorkerReady(info));
        wakes.call(Hook::Start(info));
        self.tell_awaiting(wakes);
    }

    /// Queues somebody who waits until `workers` take tasks.
    pub(super) fn await_workers(
        &mut self,
        workers: usize,
        future: Arc<SharedFuture>,
        wakes: &mut Wakes,
    ) {
        self.awaited.push(Awaited { workers, future });
        self.tell_awaiting(wakes);
        self.wake = true;
    }

    fn tell_awaiting(&mut self, wakes: &mut Wakes) {
        let ready = self.workers.iter().filter(|worker| worker.stage == Stage::Ready).count();
        self.awaited.retain(|Awaited { workers, future }| {
            if *workers <= ready {
                wakes.settle(future, Ok(Body::from(Payload::Small(&[]))));
            }
            !future.is_settled()
        });
    }

    /// Fails everybody who waits for workers that will not come.
    pub(super) fn fail_awaiting(&mut self, error: &Error, wakes: &mut Wakes) {
        for Awaited { future, .. } in std::mem::take(&mut self.awaited) {
            wakes.settle(&future, Err(Box::new(error.clone())));
        }
    }
}
