//! Which worker gets the next tasks, and how many at a time.
//!
//! Owns the rules by which work leaves the queue:
//!
//! - Idle workers are served first, in the order of the queue. Until the pool has all its workers,
//!   each gets one task at a time; the same holds while the length of tasks is unknown. A task with a
//!   key chooses its worker among them (`affinity`).
//! - Once tasks are known to be short, a worker is sent some ahead (`ahead`). Tasks that it has not
//!   claimed can be taken back; a tick does so if they wait behind a long one and another worker
//!   could run them.
//! - Before anything new is published, each worker is told when to ring (`bells`).

use std::sync::Arc;
use std::time::Duration;

use procpool_link::Scribbled;

use super::ahead::AHEAD;
use super::block::{Callee, Slice};
use super::context::Context;
use super::events::said;
use super::stage::Stage;
use super::state::{PoolState, Queued};
use super::wakes::Wakes;
use super::worker::{InFlight, Worker};
use crate::chunk_source::{ChunkSource, Taken};
use crate::error::Error;
use crate::lifecycle::ExitReason;

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
    pub(super) fn dispatch(&mut self, cx: &Context, wakes: &mut Wakes) {
        loop {
            self.take_inbox(cx);
            if self.broken.is_some() {
                return self.fail_queue(wakes);
            }
            for index in 0..self.workers.len() {
                self.send_reserved(cx, index, wakes);
                self.retire_used(cx, index, wakes);
            }
            self.assign(cx, wakes);
            self.forget_what_is_over();
            let attended = self.workers.len() >= cx.max_workers() && self.is_work_left();
            let freed = std::mem::take(&mut self.freed);
            if self.broken.is_some() || cx.inbox.attend(attended, freed, wakes) {
                break;
            }
        }
        if self.shut_down && self.queue.is_empty() {
            self.dismiss_idle(cx, wakes);
        }
        self.note_idle(cx);
        // Before workers see anything new, so that no old rule rings for it.
        self.set_bells();
        let crowded =
            self.workers.iter().filter(|worker| !worker.in_flight.is_empty()).count() > cx.cpus;
        for index in 0..self.workers.len() {
            if self.workers[index].link.is_behind() {
                self.workers[index].link.set_crowded(crowded);
                let published = self.workers[index].link.publish();
                let more = self.check(cx, index, published, wakes).unwrap_or(false);
                // The watcher sees that there is room; without one, the manager looks again.
                self.alarm.note_unreported(more && !self.workers[index].is_watched());
            }
        }
        self.ask_for_items(cx);
        self.settle_broadcasts(wakes);
    }

    pub(super) fn take_inbox(&mut self, cx: &Context) {
        self.queue.extend(cx.inbox.take().into_iter().map(Queued::Calls));
    }

    fn assign(&mut self, cx: &Context, wakes: &mut Wakes) {
        let all_started = self.workers.len() >= cx.max_workers();
        let ahead = if all_started { self.calls_within(AHEAD) } else { 1 };
        // Counts workers that make progress with short calls, not those stuck in a long one.
        let useful = PER_CPU * cx.cpus;
        let is_lively = |worker: &&Worker| !worker.in_flight.is_empty() && !worker.is_stuck();
        let mut lively = self.workers.iter().filter(is_lively).count();
        for idle in [true, false] {
            for index in 0..self.workers.len() {
                if self.queue.is_empty() || (idle && lively >= useful && self.are_calls_short()) {
                    break;
                }
                let worker = &self.workers[index];
                let takes_tasks = worker.stage() == Stage::Ready && !worker.link_ended;
                if !takes_tasks || worker.is_idle() != idle {
                    continue;
                }
                let left = usize::try_from(worker.tasks_left()).unwrap_or(usize::MAX);
                let share = self.share(ahead, cx).min(left);
                let (calls, chunk) = match idle {
                    _ if left == 0 => continue,
                    true => (ahead.min(share).max(1), true),
                    false if all_started && worker.may_be_sent_ahead() => {
                        (worker.room_behind(ahead).min(share), worker.takes_chunk_behind())
                    }
                    false => continue,
                };
                if calls > 0 || chunk {
                    self.give(cx, index, calls, chunk, wakes);
                    lively += usize::from(idle && !self.workers[index].in_flight.is_empty());
                }
            }
        }
        self.workers.iter_mut().for_each(Worker::note_fed);
    }

    /// Whether, after feeding, the queue holds work that a later result triggers a dispatch for. A
    /// map without an item to hand out does not count while a worker is idle: no result would
    /// follow.
    fn is_work_left(&self) -> bool {
        self.has_work() || (!self.queue.is_empty() && !self.workers.iter().any(Worker::is_idle))
    }

    fn are_calls_short(&self) -> bool {
        self.task_nanos > 0 && u128::from(self.task_nanos) < SHORT.as_nanos()
    }

    /// A worker's share of the queued calls.
    fn share(&self, ahead: usize, cx: &Context) -> usize {
        let parts = SHARES.saturating_mul(cx.max_workers());
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
        let many = cx.max_workers() > PER_CPU * cx.cpus;
        if many { share.max(self.calls_within(WORTH_WAKING)) } else { share }
    }

    /// Sends a worker its next tasks: at most `calls` calls, or one chunk if it takes one.
    fn give(
        &mut self,
        cx: &Context,
        index: usize,
        calls: usize,
        takes_chunk: bool,
        wakes: &mut Wakes,
    ) {
        let mut given = 0;
        let mut position = 0;
        let mut sent = Ok(());
        while position < self.queue.len() && sent.is_ok() {
            match &mut self.queue[position] {
                Queued::Calls(slice) if slice.key().is_some() => {
                    // It may be for another worker.
                    if !self.place(cx, index, position, wakes) {
                        break;
                    }
                }
                Queued::Calls(slice) if slice.chunk().is_none() && calls > given => {
                    let part = slice.split_to(slice.len().min(calls - given));
                    if slice.len() == 0 {
                        let _ = self.queue.remove(position);
                    }
                    sent = self.send_calls(index, part, &mut given);
                }
                Queued::Calls(slice) if slice.chunk().is_some() && given == 0 && takes_chunk => {
                    let Some(Queued::Calls(chunk)) = self.queue.remove(position) else { break };
                    sent = self.send_calls(index, chunk, &mut given);
                    if given > 0 {
                        break;
                    }
                }
                Queued::Source(source) if given == 0 && takes_chunk => {
                    let source = Arc::clone(source);
                    match source.take_chunk(cx.max_workers()) {
                        Taken::Chunk(chunk) => {
                            if source.takes_turns() {
                                let entry = self.queue.remove(position);
                                self.queue.extend(entry);
                            }
                            let id = cx.inbox.next_id();
                            let chunk =
                                Slice::of_chunk(id, chunk, cx.settings.policies.task_time_limit);
                            sent = self.send_calls(index, chunk, &mut given);
                            break;
                        }
                        Taken::Nothing => position += 1,
                        Taken::Exhausted => drop(self.queue.remove(position)),
                    }
                }
                // The next entry is of the other kind: it is for the next worker.
                _ => break,
            }
        }
        self.check(cx, index, sent, wakes);
    }

    /// Sends those of the calls that were not cancelled.
    pub(super) fn send_calls(
        &mut self,
        index: usize,
        mut calls: Slice,
        given: &mut usize,
    ) -> Result<(), Scribbled> {
        if calls.is_pinned() {
            self.workers[index].report_at_once();
            self.workers[index].note_uncounted(1);
            return self.send_run(index, calls);
        }
        while calls.len() > 0 {
            let mut expected = false;
            let sent = calls.futures().map_while(|future| future.mark_sent());
            let ready = sent.inspect(|listened| expected |= listened).count();
            // Somebody listens to one of these futures (a callback, `wait`, a waker, the source of a
            // chunk) and watches no link: the worker has to report each result.
            if expected {
                self.workers[index].report_at_once();
            }
            if ready > 0 {
                *given += ready;
                if calls.chunk().is_none() {
                    self.freed += ready as isize;
                }
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
        let link = &mut self.workers[index].link;
        let first = link.sent();
        let (mut sent, mut shortest) = (Ok(()), None::<Duration>);
        for (Callee { entry, time_limit, .. }, bytes, range) in calls.calls() {
            sent = sent.and_then(|()| link.send_part(*entry, bytes, range));
            shortest = shortest.into_iter().chain(*time_limit).min();
        }
        self.note_limit(index, shortest);
        calls.key().into_iter().for_each(|(key, _)| self.workers[index].note_key(key));
        // In flight even if the link is bad: the tasks are then failed from there.
        self.workers[index].in_flight.push_back(InFlight { index: first, calls });
        sent
    }

    /// Gives up a worker whose link was overwritten.
    pub(super) fn check<T>(
        &mut self,
        cx: &Context,
        index: usize,
        outcome: Result<T, Scribbled>,
        wakes: &mut Wakes,
    ) -> Option<T> {
        outcome.map_err(|scribbled| self.on_nonsense(cx, index, said(&scribbled), wakes)).ok()
    }

    /// Tells every `map` that is still being fed whether a worker could take its next item.
    fn ask_for_items(&mut self, cx: &Context) {
        if !matches!(self.queue.front(), Some(Queued::Source(_))) {
            return;
        }
        let room = self.has_free_slot(cx) || self.workers.iter().any(Worker::is_idle);
        for queued in &self.queue {
            match queued {
                Queued::Source(source) => self.alarm.note_unreported(source.set_wants_items(room)),
                _ => return,
            }
        }
    }

    /// Queues the chunks of a `map` behind everything submitted before.
    pub(super) fn push_source(&mut self, cx: &Context, source: Arc<ChunkSource>) {
        self.take_inbox(cx);
        self.queue.push_back(Queued::Source(source));
    }

    /// Asks workers without work to exit.
    fn dismiss_idle(&mut self, cx: &Context, wakes: &mut Wakes) {
        for index in 0..self.workers.len() {
            if self.workers[index].is_idle() || self.workers[index].stage() == Stage::Waiting {
                self.ask_to_exit(cx, index, ExitReason::Finished, wakes);
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
