//! The pool's state and its transitions.
//!
//! Owns the queue and the workers, and the rules about them: when a worker is started, who gets the
//! next task, how the pool ends. What frames, deaths and deadlines mean is in `events`. Runs under
//! the pool's lock: nothing here blocks or calls user code. "Idle", "live" and "needed" are derived
//! from the workers' stages and the queue whenever they are asked for; there is no counter to keep
//! in step.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::worker::{InFlight, Reader, Stage, Work, Worker};
use super::{Pool, Settled, WorkItem};
use crate::chunk_source::{ChunkSource, Taken};
use crate::error::{BrokenCause, BrokenProcessPool, Error};
use crate::sys::poller::Interest;
use crate::wire::{Frame, FrameBuilder};

/// How long to wait before starting a worker is tried again after it failed while others live.
/// Shorter tries a full system harder; longer stays small longer once there is room again.
const START_RETRY: Duration = Duration::from_secs(1);

/// What waits for a worker.
#[derive(Debug)]
pub(crate) enum Queued {
    Call(WorkItem),
    /// Stays at its place in the queue until it has given its last chunk.
    Chunks(Arc<ChunkSource>),
}

/// Everything that changes in a pool.
#[derive(Debug)]
pub(crate) struct PoolState {
    queue: VecDeque<Queued>,
    pub(super) workers: Vec<Worker>,
    shut_down: bool,
    pub(super) broken: Option<BrokenProcessPool>,
    /// Not before this may a worker be started again.
    pub(super) start_again: Option<Instant>,
    /// Whether the manager will wake by itself when `start_again` has come.
    pub(super) start_armed: bool,
    /// Whether the manager has to look at the state.
    pub(super) wake: bool,
}

impl PoolState {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            workers: Vec::new(),
            shut_down: false,
            broken: None,
            start_again: None,
            start_armed: false,
            wake: false,
        }
    }

    /// Says whether new tasks are taken.
    pub(super) fn accepts(&self) -> Result<(), Error> {
        match &self.broken {
            Some(broken) => Err(Error::BrokenProcessPool(broken.clone())),
            None if self.shut_down => Err(Error::Shutdown),
            None => Ok(()),
        }
    }

    pub(super) fn push(&mut self, queued: Queued) {
        self.queue.push_back(queued);
    }

    pub(super) fn take_wake(&mut self) -> bool {
        std::mem::take(&mut self.wake)
    }

    /// Whether the manager's work is done.
    pub(super) fn is_over(&self) -> bool {
        let idle = self.queue.is_empty() && self.workers.is_empty();
        idle && (self.shut_down || self.broken.is_some())
    }

    pub(super) fn index_of(&self, serial: u64) -> Option<usize> {
        self.workers.iter().position(|worker| worker.serial == serial)
    }

    // ---- tasks to workers ----

    /// Gives tasks to idle workers; then, if there is nothing left to do ever, lets them leave.
    pub(super) fn dispatch(&mut self, pool: &Pool) {
        if self.broken.is_some() {
            return;
        }
        let mut idle = 0;
        while let Some(found) =
            self.workers[idle..].iter().position(|worker| matches!(worker.stage, Stage::Idle))
        {
            idle += found;
            let Some((in_flight, frame)) = self.next_task(pool) else { break };
            self.workers[idle].stage = Stage::Busy(in_flight);
            self.send(pool, idle, frame);
        }
        self.forget_what_is_over();
        if self.shut_down && self.queue.is_empty() {
            self.let_idle_workers_leave(pool);
        }
        // While starting has to wait, the manager is woken once, to learn that there is something
        // to wait for: it may have gone to sleep when there was not.
        let waits = self.start_armed && self.start_is_blocked(Instant::now());
        self.wake |= (self.wants_worker(pool) && !waits) || self.is_over();
        self.tell_hunger(pool);
    }

    /// Takes the next task off the queue, in order of submission.
    fn next_task(&mut self, pool: &Pool) -> Option<(InFlight, Vec<u8>)> {
        let mut place = 0;
        while place < self.queue.len() {
            match &self.queue[place] {
                Queued::Call(_) => {
                    let Some(Queued::Call(item)) = self.queue.remove(place) else { continue };
                    // A cancelled task is dropped here and never starts.
                    if item.future.start() {
                        let work = Work::Call(item.future);
                        return Some((InFlight { id: item.id, work }, item.frame));
                    }
                }
                Queued::Chunks(source) => {
                    let source = Arc::clone(source);
                    let id = pool.next_id();
                    let mut frame = FrameBuilder::call_item(id, &source.entry);
                    match source.take_chunk(pool.max_workers(), frame.bytes()) {
                        Taken::Chunk(number) => {
                            let work = Work::Chunk(source, number);
                            return Some((InFlight { id, work }, frame.finish()));
                        }
                        Taken::Nothing => place += 1,
                        Taken::Exhausted => drop(self.queue.remove(place)),
                    }
                }
            }
        }
        None
    }

    /// Removes leading entries that hold no task any more, so that a queue without work is empty.
    /// No worker would come for them: a task that was cancelled before any worker was started
    /// would keep the pool from ending.
    pub(super) fn forget_what_is_over(&mut self) {
        let is_over = |queued: &Queued| match queued {
            Queued::Call(item) => item.future.is_settled(),
            Queued::Chunks(source) => source.is_exhausted(),
        };
        while self.queue.front().is_some_and(is_over) {
            self.queue.pop_front();
        }
    }

    /// Says to every `map` that is still being fed whether a worker could take its next item.
    fn tell_hunger(&self, pool: &Pool) {
        let room = self.workers.len() < pool.max_workers()
            || self.workers.iter().any(|worker| matches!(worker.stage, Stage::Idle));
        for queued in &self.queue {
            match queued {
                Queued::Chunks(source) => source.set_hungry(room),
                Queued::Call(_) => return,
            }
        }
    }

    fn let_idle_workers_leave(&mut self, pool: &Pool) {
        for index in 0..self.workers.len() {
            if matches!(self.workers[index].stage, Stage::Idle) {
                self.workers[index].stage = Stage::Leaving;
                self.send(pool, index, Frame::Exit.encode());
            }
        }
    }

    /// Sends a frame; what does not fit is sent by the manager when there is room.
    pub(super) fn send(&mut self, pool: &Pool, index: usize, frame: Vec<u8>) {
        let worker = &mut self.workers[index];
        // An error means that the worker is gone; its process descriptor tells how.
        if let Ok(true) = worker.link.send(frame)
            && worker.reader == Reader::Manager
        {
            pool.poller.modify(&worker.link, worker.link_number(), Interest::ReadWrite);
        }
    }

    // ---- starting workers ----

    /// Whether a task finds no worker that is or will be free, and another may be started.
    pub(super) fn needs_worker(&self, pool: &Pool, now: Instant) -> bool {
        !self.start_is_blocked(now) && self.wants_worker(pool)
    }

    /// The same, were it not for a start that failed a moment ago.
    pub(super) fn wants_worker(&self, pool: &Pool) -> bool {
        let max_workers = pool.max_workers();
        self.broken.is_none()
            && self.workers.len() < max_workers
            && self.demand(max_workers) > self.available()
    }

    fn start_is_blocked(&self, now: Instant) -> bool {
        self.start_again.is_some_and(|instant| now < instant)
    }

    /// How many workers the queue could occupy, counted up to `limit`.
    fn demand(&self, limit: usize) -> usize {
        let mut demand = 0;
        for queued in &self.queue {
            demand += match queued {
                Queued::Call(item) => usize::from(!item.future.is_settled()),
                Queued::Chunks(source) => source.demand(limit - demand),
            };
            if demand >= limit {
                break;
            }
        }
        demand
    }

    /// How many workers are idle, or will be before they get a task.
    fn available(&self) -> usize {
        let available = |worker: &&Worker| {
            matches!(worker.stage, Stage::Starting | Stage::Initializing | Stage::Idle)
        };
        self.workers.iter().filter(available).count()
    }

    /// Takes over a worker that was started. In a pool that broke meanwhile it has no future.
    pub(super) fn add_worker(&mut self, mut worker: Worker) {
        if self.broken.is_some() {
            worker.kill();
        }
        self.start_again = None;
        self.workers.push(worker);
    }

    /// A worker could not be started, or ended before it said Hello. With others alive the pool
    /// goes on with those; without, it is broken.
    pub(super) fn start_failed(&mut self, pool: &Pool, cause: BrokenCause, settled: &mut Settled) {
        let alive = |worker: &&Worker| !matches!(worker.stage, Stage::Killed);
        let others = self.workers.iter().filter(alive).count();
        if others == 0 {
            return self.break_pool(pool, cause, settled);
        }
        if self.start_again.is_none() {
            log::warn!("going on with {others} worker(s): {cause}");
        }
        self.start_again = Some(Instant::now() + START_RETRY);
    }

    // ---- ends ----

    /// Takes no more tasks; those that wait are cancelled if asked to.
    pub(super) fn shut_down(&mut self, cancel_futures: bool) {
        self.shut_down = true;
        self.wake = true;
        if !cancel_futures {
            return;
        }
        for queued in std::mem::take(&mut self.queue) {
            match queued {
                Queued::Call(item) => drop(item.future.cancel()),
                Queued::Chunks(source) => source.cancel_waiting(),
            }
        }
    }

    /// Breaks the pool: everything unfinished fails with `cause`, every worker is killed.
    pub(super) fn break_pool(&mut self, pool: &Pool, cause: BrokenCause, settled: &mut Settled) {
        self.break_pool_over(pool, cause, None, settled);
    }

    /// Breaks the pool over a worker that is gone or given up, and fails the task that it had. When
    /// there are several causes, the first is everybody's.
    pub(super) fn break_pool_over(
        &mut self,
        pool: &Pool,
        cause: BrokenCause,
        in_flight: Option<InFlight>,
        settled: &mut Settled,
    ) {
        let first = self.broken.is_none();
        let broken = self.broken.get_or_insert_with(|| BrokenProcessPool::new(cause)).clone();
        let error = || Error::BrokenProcessPool(broken.clone());
        if let Some(in_flight) = in_flight {
            in_flight.fail(error(), settled);
        }
        if !first {
            return;
        }
        self.wake = true;
        // Tasks that have finished keep their results, also those not read yet. From here on
        // nothing is dispatched and no second cause is recorded.
        for index in 0..self.workers.len() {
            if matches!(self.workers[index].stage, Stage::Busy(_)) {
                self.read_link(pool, index, settled);
            }
        }
        for worker in &mut self.workers {
            if let Some(in_flight) = worker.kill() {
                in_flight.fail(error(), settled);
            }
        }
        for queued in std::mem::take(&mut self.queue) {
            match queued {
                Queued::Call(item) => settled.push((item.future, Err(error()))),
                Queued::Chunks(source) => source.stop(&error()),
            }
        }
    }

    /// Waits for the end of every worker; they have been killed. Only for a manager that failed.
    pub(super) fn reap_all_blocking(&mut self, pool: &Pool) {
        for worker in self.workers.drain(..) {
            worker.unwatch(pool);
            worker.reap_blocking();
        }
    }
}
