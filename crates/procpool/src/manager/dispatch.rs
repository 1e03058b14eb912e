//! Who gets the next tasks, and how many at a time.
//!
//! Owns the rules by which work leaves the queue:
//!
//! - Idle workers come first, in the order of the queue. Until the pool has all its workers, each
//!   gets one task at a time, and so it does while nobody knows how long tasks take.
//! - Once tasks are known to be short, a worker that has just finished some is sent as many ahead as
//!   it can do in [`AHEAD`], so that it need not wait for the next one to arrive. What it has not
//!   claimed can be taken back, and is when a tick finds it waiting behind a long task while somebody could run it.
//! - Workers are told when to ring: at once when the queue could refill them, otherwise when they
//!   fall asleep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use procpool_link::Scribbled;

use super::Pool;
use super::block::{Errand, Slice};
use super::drafts::front_chunk;
use super::events::said;
use super::state::{PoolState, Queued};
use super::wakes::Wakes;
use super::worker::{InFlight, Stage, Work, Worker};
use crate::chunk_source::{ChunkSource, Taken};
use crate::error::Error;
use crate::lifecycle::ExitReason;

/// How much work a worker is given ahead. More rings less often; less has less to take back, and
/// shares the end of the queue more evenly.
const AHEAD: Duration = Duration::from_micros(500);

/// The most calls that are sent ahead, however short. More costs memory in the ring.
const MOST_AHEAD: usize = 1024;

/// How much work an idle worker is woken for at least, if there is that much, where many workers
/// share a CPU. Waking one costs some microseconds, and displaces another.
const WORTH_WAKING: Duration = Duration::from_micros(50);

/// Calls that take less than this do not wait for anything, so that no more than [`PER_CPU`] workers
/// for each CPU get on with them. Higher leaves calls that do wait without the others' help; lower
/// wakes a worker for every call, when there are always some asleep.
const SHORT: Duration = Duration::from_micros(20);

/// How many workers for each CPU can be kept busy by short calls: one that runs, one that is ready.
const PER_CPU: usize = 2;

/// Into how many parts per worker the queue is divided at least before calls are sent ahead.
const SHARES: usize = 2;

impl PoolState {
    /// Gives tasks to workers; then, if there is nothing left to do ever, lets them leave.
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
        // Before the workers see anything new, so that none of it is rung for by an old rule.
        self.set_bells();
        let crowded =
            self.workers.iter().filter(|worker| !worker.in_flight.is_empty()).count() > pool.cpus;
        for index in 0..self.workers.len() {
            if self.workers[index].link.is_behind() {
                self.workers[index].link.set_crowded(crowded);
                let published = self.workers[index].link.publish();
                let more = self.check(pool, index, published, wakes).unwrap_or(false);
                // The watcher sees that there is room; without one, the manager comes back.
                self.wake |= more && self.workers[index].watched.is_none();
            }
        }
        // While starting has to wait, the manager is woken once, to learn that there is something
        // to wait for: it may have gone to sleep when there was not. The same goes for its tick.
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
        // Those that get on with short calls; who is stuck in a long one does not count.
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

    /// How many calls of the usual length fit into `time`: one at least, and one only as long as
    /// that length is not known.
    fn calls_within(&self, time: Duration) -> usize {
        match self.call_nanos {
            0 => 1,
            nanos => {
                let calls = time.as_nanos() as u64 / nanos;
                usize::try_from(calls).unwrap_or(MOST_AHEAD).clamp(1, MOST_AHEAD)
            }
        }
    }

    /// Whether, after feeding, something is in the queue that a result will bring somebody for. A map
    /// that has no item to give does not count while a worker is idle: nothing would come.
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

    /// Gives a worker the next tasks: at most `calls` calls, or one chunk if it takes one.
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
                Queued::Calls(slice) if calls > given => {
                    let part = slice.split_to(slice.len().min(calls - given));
                    if slice.len() == 0 {
                        let _ = self.queue.remove(place);
                    }
                    sent = self.send_calls(index, part, &mut given);
                }
                Queued::Chunk(..) if given == 0 && takes_chunk => {
                    let Some(Queued::Chunk(chunk, id)) = self.queue.remove(place) else { break };
                    if chunk.is_settled() {
                        continue;
                    }
                    sent = self.send_work(index, Work::Chunk(chunk, id));
                    break;
                }
                Queued::Source(source) if given == 0 && takes_chunk => {
                    let source = Arc::clone(source);
                    match source.take_chunk(pool.max_workers()) {
                        Taken::Chunk(mut chunk) => {
                            let limit = pool.task_time_limit();
                            chunk.time_limit = limit.map(|limit| limit.saturating_mul(chunk.count));
                            if source.takes_turns() {
                                let entry = self.queue.remove(place);
                                self.queue.extend(entry);
                            }
                            let id = pool.inbox.next_id();
                            sent = self.send_work(index, Work::Chunk(chunk, id));
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
            // Somebody waits who watches no link; see `waiter`.
            self.workers[index].eager |= expected;
            if ready > 0 {
                *given += ready;
                self.send_work(index, Work::Calls(calls.split_to(ready)))?;
            }
            // The one that ended the run was cancelled, and never starts.
            if calls.len() > 0 {
                calls.skip_first();
            }
        }
        Ok(())
    }

    fn send_work(&mut self, index: usize, work: Work) -> Result<(), Scribbled> {
        let worker = &mut self.workers[index];
        let first = worker.link.sent();
        let (mut sent, mut shortest) = (Ok(()), None);
        match &work {
            Work::Calls(slice) => {
                for (Errand { entry, time_limit }, bytes, range) in slice.calls() {
                    sent = sent.and_then(|()| worker.link.send_part(*entry, bytes, range));
                    shortest = shorter(shortest, *time_limit);
                }
            }
            Work::Chunk(chunk, _) => {
                sent = worker.link.send_call(chunk.source.entry, &chunk.items);
                shortest = chunk.time_limit;
            }
        }
        if worker.in_flight.is_empty() {
            worker.shortest_limit = None;
        }
        // The manager looks when the first limit may be exceeded.
        if let Some(limit) = shortest
            && let Some(end) = Instant::now().checked_add(limit)
            && self.limits_armed.is_none_or(|armed| armed > end)
        {
            self.wake = true;
            worker.has_new_limit |= worker.shortest_limit.is_none();
        }
        worker.shortest_limit = shorter(worker.shortest_limit, shortest);
        self.wake |= self.pulse.is_none();
        // In flight in any case: if the link is bad, that is where the tasks are failed.
        worker.in_flight.push_back(InFlight { index: first, work });
        sent
    }

    /// Gives up a worker whose link was scribbled over.
    pub(super) fn check<T>(
        &mut self,
        pool: &Pool,
        index: usize,
        outcome: Result<T, Scribbled>,
        wakes: &mut Wakes,
    ) -> Option<T> {
        outcome.map_err(|scribbled| self.on_nonsense(pool, index, said(&scribbled), wakes)).ok()
    }

    // ---- bells and hunger ----

    /// Tells the workers from which result on to ring at once.
    pub(super) fn set_bells(&mut self) {
        let refill = !self.queue.is_empty();
        for worker in &mut self.workers {
            let Some(front) = worker.front() else {
                worker.eager = false;
                continue;
            };
            let half = worker.tasks() as u64 / 2;
            // A chunk is work enough to be heard of.
            let at = if worker.eager || front_chunk(&mut worker.in_flight).is_some() {
                front
            } else {
                let refilled = if refill { worker.link.sent() - 1 - half } else { u64::MAX };
                refilled.min(worker.watched.unwrap_or(u64::MAX))
            };
            if at != worker.rings_from {
                worker.rings_from = at;
                worker.link.ring_from(at);
                // Published before it could see this: nobody rings for that.
                self.wake |=
                    at != u64::MAX && worker.watched.is_none() && worker.link.has_results();
            }
        }
    }

    /// Says to every `map` that is still being fed whether a worker could take its next item.
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

    /// Queues the chunks of a `map`, behind what was submitted before.
    pub(super) fn push_source(&mut self, pool: &Pool, source: Arc<ChunkSource>) {
        self.take_inbox(pool);
        self.queue.push_back(Queued::Source(source));
    }

    /// Lets the workers go that have nothing to do.
    fn let_everybody_leave(&mut self, pool: &Pool, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            if self.workers[index].is_idle() || self.workers[index].stage == Stage::Waiting {
                self.let_leave(pool, index, ExitReason::Finished, wakes);
            }
        }
    }

    /// Fails what came in while the pool broke.
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

/// How long chunks may take that are sent behind one that runs. They are made to take a
/// millisecond; a longer one would wait too long if its turn came late.
const CHUNK_AHEAD: Duration = Duration::from_millis(2);

impl Worker {
    /// Whether it may be sent work behind what it has: it gets on with that, as far as is known.
    fn may_be_sent_ahead(&self) -> bool {
        self.moves && self.stuck_at.is_none()
    }

    /// How many more calls it is given when it should have `ahead`: none before half of them are
    /// done, so that a result rings for many, and none behind a chunk.
    fn room_behind(&self, ahead: usize) -> usize {
        let mut in_flight = self.in_flight.iter();
        let tasks = self.tasks();
        let only_calls = in_flight.all(|in_flight| matches!(in_flight.work, Work::Calls(_)));
        if only_calls && tasks <= ahead / 2 { ahead - tasks } else { 0 }
    }

    /// Whether it may be sent a chunk behind the one that it has.
    fn takes_chunk_behind(&self) -> bool {
        match self.in_flight.front() {
            Some(InFlight { work: Work::Chunk(chunk, _), .. }) if self.in_flight.len() == 1 => {
                let expected = u128::from(chunk.expected_nanos.unwrap_or(u64::MAX));
                expected <= CHUNK_AHEAD.as_nanos()
            }
            _ => false,
        }
    }
}
