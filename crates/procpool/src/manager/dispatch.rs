//! Which worker gets the next tasks, and how many at a time.
//!
//! Owns the rules by which work leaves the queue:
//!
//! - Idle workers are served first, in the order of the queue. Until the pool has all its workers,
//!   each gets one task at a time; the same holds while the length of tasks is unknown.
//! - Once tasks are known to be short, a worker that has finished some since it was last fed is
//!   sent as many ahead as it can run in [`AHEAD`], so that it need not wait for the next one to
//!   arrive. Tasks that it has not claimed can be taken back; a tick does so if they wait behind a
//!   long one and another worker could run them.
//! - Each worker is assigned a point from which it rings: at once if the queue could refill it,
//!   otherwise when it falls asleep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use procpool_link::Scribbled;

use super::Pool;
use super::block::{Errand, Slice};
use super::events::said;
use super::state::{PoolState, Queued};
use super::wakes::Wakes;
use super::worker::{InFlight, Stage, Worker};
use crate::chunk_source::{ChunkSource, Taken};
use crate::error::Error;
use crate::lifecycle::ExitReason;

/// How much work a worker is sent ahead. More rings less often; less leaves less to take back, and
/// shares the end of the queue more evenly.
const AHEAD: Duration = Duration::from_micros(500);

/// The most calls that are sent ahead, however short. More takes more memory in the ring; fewer
/// rings more often.
const MOST_AHEAD: usize = 1024;

/// The least work that an idle worker is woken for where many workers share a CPU, if there is that
/// much. Waking one takes some microseconds and displaces another. More wakes fewer workers; less
/// wakes workers that gain nothing.
const WORTH_WAKING: Duration = Duration::from_micros(50);

/// Calls shorter than this are assumed not to block, so at most [`PER_CPU`] workers per CPU make
/// progress with them. Higher withholds workers from calls that do block; lower wakes a worker for
/// every call while some are asleep.
const SHORT: Duration = Duration::from_micros(20);

/// How many workers per CPU short calls can keep busy: one that runs and one that is ready.
const PER_CPU: usize = 2;

/// The queue is divided into at least this many parts per worker before calls are sent ahead.
const SHARES: usize = 2;

impl PoolState {
    /// Sends tasks to workers; once no work can ever follow, asks the workers to exit.
    pub(super) fn dispatch(&mut self, pool: &Pool, wakes: &mut Wakes) {
        loop {
            self.take_inbox(pool);
            if self.broken.is_some() {
                return self.fail_queue(wakes);
            }
            self.let_used_workers_leave(pool, wakes);
            self.feed_workers(pool, wakes);
            self.forget_what_is_over();
            let attended = self.workers.len() >= pool.max_workers() && self.is_work_left();
            if self.broken.is_some() || pool.inbox.attend(attended) {
                break;
            }
        }
        if self.shut_down && self.queue.is_empty() {
            self.let_everybody_leave(pool, wakes);
        }
        self.note_idle(pool);
        // Before workers see anything new, so that no old rule rings for it.
        self.set_bells();
        let crowded =
            self.workers.iter().filter(|worker| !worker.in_flight.is_empty()).count() > pool.cpus;
        for index in 0..self.workers.len() {
            if self.workers[index].link.is_behind() {
                self.workers[index].link.set_crowded(crowded);
                let published = self.workers[index].link.publish();
                let more = self.check(pool, index, published, wakes).unwrap_or(false);
                // The watcher sees that there is room; without one, the manager looks again.
                self.wake |= more && self.workers[index].watched.is_none();
            }
        }
        // While starts are blocked, the manager is woken once, to learn that there is something to
        // wait for: it may have gone to sleep when there was not. The same holds for its tick.
        let waits = self.start_armed && self.start_is_blocked(Instant::now());
        self.wake |= (self.wanted_place(pool).is_some() && !waits) || self.is_over();
        self.wake |= self.tick.is_none() && self.wants_tick();
        self.tell_hunger(pool);
    }

    pub(super) fn take_inbox(&mut self, pool: &Pool) {
        self.queue.extend(pool.inbox.take().into_iter().map(Queued::Calls));
    }

    fn feed_workers(&mut self, pool: &Pool, wakes: &mut Wakes) {
        let all_started = self.workers.len() >= pool.max_workers();
        let ahead = if all_started { self.calls_within(AHEAD) } else { 1 };
        // Counts workers that make progress with short calls, not those stuck in a long one.
        let useful = PER_CPU * pool.cpus;
        let is_lively =
            |worker: &&Worker| !worker.in_flight.is_empty() && worker.stuck_at.is_none();
        let mut lively = self.workers.iter().filter(is_lively).count();
        for idle in [true, false] {
            for index in 0..self.workers.len() {
                if self.queue.is_empty() || (idle && lively >= useful && self.are_calls_short()) {
                    break;
                }
                let worker = &self.workers[index];
                let takes_tasks = worker.stage == Stage::Ready && !worker.link_ended;
                if !takes_tasks || worker.is_idle() != idle {
                    continue;
                }
                let left = usize::try_from(worker.tasks_left()).unwrap_or(usize::MAX);
                let share = self.share(ahead, pool).min(left);
                let (calls, chunk) = match idle {
                    _ if left == 0 => continue,
                    true => (ahead.min(share).max(1), true),
                    false if all_started && worker.may_be_sent_ahead() => {
                        (worker.room_behind(ahead).min(share), worker.takes_chunk_behind())
                    }
                    false => continue,
                };
                if calls > 0 || chunk {
                    self.give(pool, index, calls, chunk, wakes);
                    lively += usize::from(idle && !self.workers[index].in_flight.is_empty());
                }
            }
        }
        self.workers.iter_mut().for_each(|worker| worker.moves = false);
    }

    /// How many calls of the usual length fit into `time`: at least one, and exactly one while that
    /// length is unknown.
    fn calls_within(&self, time: Duration) -> usize {
        match self.call_nanos {
            0 => 1,
            nanos => {
                let calls = time.as_nanos() as u64 / nanos;
                usize::try_from(calls).unwrap_or(MOST_AHEAD).clamp(1, MOST_AHEAD)
            }
        }
    }

    /// Whether, after feeding, the queue holds work that a later result triggers a dispatch for. A
    /// map without an item to hand out does not count while a worker is idle: no result would
    /// follow.
    fn is_work_left(&self) -> bool {
        self.has_work() || (!self.queue.is_empty() && !self.workers.iter().any(Worker::is_idle))
    }

    fn are_calls_short(&self) -> bool {
        self.call_nanos > 0 && u128::from(self.call_nanos) < SHORT.as_nanos()
    }

    /// A worker's share of the queued calls.
    fn share(&self, ahead: usize, pool: &Pool) -> usize {
        let parts = SHARES.saturating_mul(pool.max_workers());
        let enough = ahead.saturating_mul(parts);
        let mut queued = 0_usize;
        for entry in &self.queue {
            if let Queued::Calls(slice) = entry {
                queued += slice.len();
            }
            if queued >= enough {
                break;
            }
        }
        let share = queued.div_ceil(parts);
        let many = pool.max_workers() > PER_CPU * pool.cpus;
        if many { share.max(self.calls_within(WORTH_WAKING)) } else { share }
    }

    /// Sends a worker its next tasks: at most `calls` calls, or one chunk if it takes one.
    fn give(
        &mut self,
        pool: &Pool,
        index: usize,
        calls: usize,
        takes_chunk: bool,
        wakes: &mut Wakes,
    ) {
        let mut given = 0;
        let mut place = 0;
        let mut sent = Ok(());
        while place < self.queue.len() && sent.is_ok() {
            match &mut self.queue[place] {
                Queued::Calls(slice) if slice.chunk().is_none() && calls > given => {
                    let part = slice.split_to(slice.len().min(calls - given));
                    if slice.len() == 0 {
                        let _ = self.queue.remove(place);
                    }
                    sent = self.send_calls(index, part, &mut given);
                }
                Queued::Calls(slice) if slice.chunk().is_some() && given == 0 && takes_chunk => {
                    let Some(Queued::Calls(chunk)) = self.queue.remove(place) else { break };
                    sent = self.send_calls(index, chunk, &mut given);
                    if given > 0 {
                        break;
                    }
                }
                Queued::Source(source) if given == 0 && takes_chunk => {
                    let source = Arc::clone(source);
                    match source.take_chunk(pool.max_workers()) {
                        Taken::Chunk(chunk) => {
                            if source.takes_turns() {
                                let entry = self.queue.remove(place);
                                self.queue.extend(entry);
                            }
                            let id = pool.inbox.next_id();
                            let chunk = Slice::of_chunk(id, chunk, pool.task_time_limit());
                            sent = self.send_calls(index, chunk, &mut given);
                            break;
                        }
                        Taken::Nothing => place += 1,
                        Taken::Exhausted => drop(self.queue.remove(place)),
                    }
                }
                _ => break,
            }
        }
        self.check(pool, index, sent, wakes);
    }

    /// Sends those of the calls that were not cancelled.
    fn send_calls(
        &mut self,
        index: usize,
        mut calls: Slice,
        given: &mut usize,
    ) -> Result<(), Scribbled> {
        while calls.len() > 0 {
            let mut expected = false;
            let sent = calls.futures().map_while(|future| future.send());
            let ready = sent.inspect(|listened| expected |= listened).count();
            // A waiter that watches no link waits for it, see `waiter`, or it is a chunk.
            self.workers[index].eager |= expected;
            if ready > 0 {
                *given += ready;
                self.send_run(index, calls.split_to(ready))?;
            }
            // The call after this run was cancelled, and never starts.
            if calls.len() > 0 {
                calls.skip_first();
            }
        }
        Ok(())
    }

    fn send_run(&mut self, index: usize, calls: Slice) -> Result<(), Scribbled> {
        let worker = &mut self.workers[index];
        let first = worker.link.sent();
        let (mut sent, mut shortest) = (Ok(()), None);
        for (Errand { entry, time_limit }, bytes, range) in calls.calls() {
            sent = sent.and_then(|()| worker.link.send_part(*entry, bytes, range));
            shortest = shorter(shortest, *time_limit);
        }
        if worker.in_flight.is_empty() {
            worker.shortest_limit = None;
        }
        // The manager checks when the first limit may be exceeded.
        if let Some(limit) = shortest
            && let Some(end) = Instant::now().checked_add(limit)
            && self.limits_armed.is_none_or(|armed| armed > end)
        {
            self.wake = true;
            worker.has_new_limit |= worker.shortest_limit.is_none();
        }
        worker.shortest_limit = shorter(worker.shortest_limit, shortest);
        self.wake |= self.pulse.is_none();
        // In flight even if the link is bad: the tasks are then failed from there.
        worker.in_flight.push_back(InFlight { index: first, calls });
        sent
    }

    /// Gives up a worker whose link was overwritten.
    pub(super) fn check<T>(
        &mut self,
        pool: &Pool,
        index: usize,
        outcome: Result<T, Scribbled>,
        wakes: &mut Wakes,
    ) -> Option<T> {
        outcome.map_err(|scribbled| self.on_nonsense(pool, index, said(&scribbled), wakes)).ok()
    }

    /// Sets from which result on each worker rings at once.
    pub(super) fn set_bells(&mut self) {
        let refill = !self.queue.is_empty();
        for worker in &mut self.workers {
            let Some(front) = worker.front() else {
                worker.eager = false;
                continue;
            };
            let half = worker.tasks() as u64 / 2;
            let at = if worker.eager {
                front
            } else {
                let refilled = if refill { worker.link.sent() - 1 - half } else { u64::MAX };
                refilled.min(worker.watched.unwrap_or(u64::MAX))
            };
            if at != worker.rings_from {
                worker.rings_from = at;
                worker.link.ring_from(at);
                // Published before the worker could see the new point: nobody rings for that.
                self.wake |=
                    at != u64::MAX && worker.watched.is_none() && worker.link.has_results();
            }
        }
    }

    /// Tells every `map` that is still being fed whether a worker could take its next item.
    fn tell_hunger(&mut self, pool: &Pool) {
        if !matches!(self.queue.front(), Some(Queued::Source(_))) {
            return;
        }
        let room = self.has_free_place(pool) || self.workers.iter().any(Worker::is_idle);
        for queued in &self.queue {
            match queued {
                Queued::Source(source) => self.wake |= source.set_hungry(room),
                _ => return,
            }
        }
    }

    /// Queues the chunks of a `map` behind everything submitted before.
    pub(super) fn push_source(&mut self, pool: &Pool, source: Arc<ChunkSource>) {
        self.take_inbox(pool);
        self.queue.push_back(Queued::Source(source));
    }

    /// Asks workers without work to exit.
    fn let_everybody_leave(&mut self, pool: &Pool, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            if self.workers[index].is_idle() || self.workers[index].stage == Stage::Waiting {
                self.let_leave(pool, index, ExitReason::Finished, wakes);
            }
        }
    }

    /// Fails tasks that were submitted while the pool broke.
    fn fail_queue(&mut self, wakes: &mut Wakes) {
        let Some(broken) = self.broken.clone() else { return };
        for queued in std::mem::take(&mut self.queue) {
            queued.fail(&Error::BrokenProcessPool(broken.clone()), wakes);
        }
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// The longest that chunks sent behind a running one may take. Chunks are sized to take a
/// millisecond; a longer one would wait too long if its turn were late.
const CHUNK_AHEAD: Duration = Duration::from_millis(2);

impl Worker {
    /// Whether it may be sent work behind its current work: as far as is known, it makes progress.
    fn may_be_sent_ahead(&self) -> bool {
        self.moves && self.stuck_at.is_none()
    }

    /// How many more calls it is sent if it should have `ahead`: none until half of them are done,
    /// so that one ring serves many results, and none behind a chunk.
    fn room_behind(&self, ahead: usize) -> usize {
        let tasks = self.tasks();
        let any_chunk = self.in_flight.iter().any(|in_flight| in_flight.calls.chunk().is_some());
        if !any_chunk && tasks <= ahead / 2 { ahead - tasks } else { 0 }
    }

    /// Whether it may be sent a chunk behind its current one.
    fn takes_chunk_behind(&self) -> bool {
        let expected = self.front_chunk().and_then(|chunk| chunk.expected_nanos);
        let is_short = expected.is_some_and(|nanos| u128::from(nanos) <= CHUNK_AHEAD.as_nanos());
        is_short && self.in_flight.len() == 1
    }
}
