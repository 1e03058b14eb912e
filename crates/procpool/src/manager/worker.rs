//! One worker as the pool sees it.
//!
//! ```text
//! Starting ──Hello──▶ Waiting ──its place is free──▶ Initializing ──Ready──▶ Ready ──last words──▶ Dying
//!                                     └──the same, no initializer──────────▶ │
//!                                                                            └──Exit sent──▶ Leaving
//! any ──killed by the pool──▶ Killed
//! ```
//!
//! A ready worker is idle or busy: that is whether anything is in flight. Each has a place, `id`. A
//! worker that will get no more tasks is *retiring*, and another one may be started in its place
//! already, which waits until it is gone: two that have run the initializer never have one place. A
//! worker leaves the pool when its process descriptor says that it ended, and it is reaped; or, if it
//! cannot be killed, when it is left behind.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use procpool_launch::{Killed, PERHAPS, Process};
use procpool_link::{Scribbled, WorkerLink};

use super::Pool;
use super::block::Slice;
use super::stderr::Captured;
use super::wakes::Wakes;
use crate::chunk_source::ChunkTask;
use crate::error::{Activity, Error};
use crate::future::{Outcome, SharedFuture};
use crate::lifecycle::{ExitReason, WorkerInfo};

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Started; it has not said Hello, and gets nothing before.
    Starting,
    /// It has said Hello, and the worker before it still has its place.
    Waiting,
    /// It runs the initializer.
    Initializing,
    /// It runs tasks, or waits for one.
    Ready,
    /// It reported the failure of this work item and is about to abort.
    Dying(u64),
    /// It was asked to leave.
    Leaving(ExitReason),
    /// It was killed by the pool, or told to end by a signal that it may handle; its deadline says
    /// until when.
    Killed(ExitReason),
}

/// A task that has run for longer than it may, and was asked to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// Its index on the link.
    pub(super) index: u64,
    /// When its worker is told to end; `None` beyond what the clock can name.
    pub(super) until: Option<Instant>,
}

/// What is sent to one worker.
#[derive(Debug)]
pub(super) enum Work {
    /// Calls, each a task of its own.
    Calls(Slice),
    /// A chunk of a `map`, one task, and its work item number.
    Chunk(ChunkTask, u64),
}

impl Work {
    /// How many tasks it is.
    pub(super) fn tasks(&self) -> usize {
        match self {
            Work::Calls(slice) => slice.len(),
            Work::Chunk(..) => 1,
        }
    }

    /// The work item number of its first task.
    pub(super) fn id(&self) -> u64 {
        match self {
            Work::Calls(slice) => slice.id(),
            Work::Chunk(_, id) => *id,
        }
    }

    /// For how long its first task may run.
    pub(super) fn time_limit(&self) -> Option<Duration> {
        match self {
            Work::Calls(slice) => slice.time_limit(),
            Work::Chunk(chunk, _) => chunk.time_limit,
        }
    }

    /// The same work after it was lost with a worker, unless it was tried `retries` times again.
    #[expect(clippy::result_large_err, reason = "either way it is the work, which moves on")]
    pub(super) fn again(self, retries: u32) -> Result<Self, Self> {
        match self {
            Work::Calls(slice) => slice.again(retries).map(Work::Calls).map_err(Work::Calls),
            Work::Chunk(mut chunk, id) if chunk.retried < retries => {
                chunk.retry();
                Ok(Work::Chunk(chunk, id))
            }
            chunk @ Work::Chunk(..) => Err(chunk),
        }
    }

    /// Its first task, which a worker that is gone had been sent and had not started, and the rest.
    pub(super) fn split_undelivered(self) -> (Self, Option<Self>) {
        match self {
            Work::Calls(mut slice) => {
                let mut first = slice.split_to(1);
                first.undelivered += 1;
                slice.undelivered = 0;
                (Work::Calls(first), (slice.len() > 0).then_some(Work::Calls(slice)))
            }
            Work::Chunk(mut chunk, id) => {
                chunk.undelivered += 1;
                (Work::Chunk(chunk, id), None)
            }
        }
    }

    /// How often its first task did not arrive.
    pub(super) fn undelivered(&self) -> u32 {
        match self {
            Work::Calls(slice) => slice.undelivered,
            Work::Chunk(chunk, _) => chunk.undelivered,
        }
    }

    /// Fails all of it.
    pub(super) fn fail(&self, error: &Error, wakes: &mut Wakes) {
        let outcome = || Err(Box::new(error.clone()));
        match self {
            Work::Calls(slice) => {
                slice.futures().for_each(|future| wakes.finish(future, outcome()))
            }
            Work::Chunk(chunk, _) => wakes.finish_chunk(chunk, outcome()),
        }
    }

    /// Fails its first task, which the worker runs.
    pub(super) fn fail_first(&self, error: Error, wakes: &mut Wakes) {
        match self {
            Work::Calls(slice) => {
                if let Some(future) = slice.first() {
                    wakes.finish(future, Err(Box::new(error)));
                }
            }
            Work::Chunk(chunk, _) => wakes.finish_chunk(chunk, Err(Box::new(error))),
        }
    }
}

/// Work that a worker has; its tasks have consecutive indices on the link, from `index`.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) index: u64,
    pub(super) work: Work,
}

/// What a result settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Call,
    Chunk,
    Nothing,
}

/// A worker process.
#[derive(Debug)]
pub(super) struct Worker {
    /// Unique in its pool, unlike a pid.
    pub(super) serial: u64,
    /// Its place in the pool.
    pub(super) id: usize,
    pub(super) pid: u32,
    pub(super) process: Process,
    /// Whether its process leads a group, to which what its tasks start belongs too.
    pub(super) leads_group: bool,
    pub(super) link: WorkerLink,
    /// Its stderr, if that goes through the pool.
    pub(super) stderr: Option<Captured>,
    pub(super) stage: Stage,
    /// Sent and not finished, in the order of their indices.
    pub(super) in_flight: VecDeque<InFlight>,
    /// Whether the socket has ended.
    pub(super) link_ended: bool,
    /// The index of the task that a waiting thread watches the link for.
    pub(super) watched: Option<u64>,
    /// Whether other threads wait too, so that each result should be told of at once.
    pub(super) eager: bool,
    /// From which index on the worker was asked to ring.
    pub(super) rings_from: u64,
    /// How many tasks had been sent at the last tick, and the first one that was unfinished.
    pub(super) sent_at_tick: u64,
    pub(super) front_at_tick: Option<u64>,
    /// Whether it has finished something since it was last given work: then more may be sent ahead.
    pub(super) moves: bool,
    /// The task behind which others had to be taken back: nothing is sent ahead while it runs.
    pub(super) stuck_at: Option<u64>,
    /// How many of the tasks that were sent were taken back.
    pub(super) taken_back: u64,
    /// How many tasks it may run in all.
    pub(super) most_tasks: u64,
    /// Limits of tasks count from here at the earliest: the program was stopped before, or a result
    /// was arriving.
    pub(super) limits_from: Instant,
    /// Whether it has a task with a limit that the manager has not seen. The limit counts from when it
    /// does: a program may be stopped before its manager knows that there is anything to watch.
    pub(super) has_new_limit: bool,
    /// How many bytes of results had been read when a limit was looked at last.
    pub(super) read_at_limit: u64,
    /// The first task that was unfinished, and how many bytes of results had been read, at the last
    /// pulse.
    pub(super) at_pulse: Option<(u64, u64)>,
    /// The shortest time that a task may run of those that it has had since it was idle.
    pub(super) shortest_limit: Option<Duration>,
    /// The task that the manager has seen running, and since when.
    pub(super) seen: Option<(u64, Instant)>,
    /// The running task, if it was asked to stop.
    pub(super) stop: Option<Stop>,
    /// Since when it has been idle, in pools where that counts.
    pub(super) idle_since: Option<Instant>,
    /// The worker's own count of busy nanoseconds when it was last looked at.
    pub(super) busy_nanos: u64,
    /// Whether it was killed and the system has refused that: if its lifeline does not end it, nobody
    /// waits for it.
    pub(super) left_alone: bool,
    /// When it must have said Hello, or, once it was told to or its link has ended, have exited.
    pub(super) deadline: Option<Instant>,
}

impl Worker {
    /// The number under which its link is registered with the poller.
    pub(super) fn link_number(&self) -> u64 {
        self.serial * 2
    }

    /// The number under which its process is registered.
    pub(super) fn process_number(&self) -> u64 {
        self.serial * 2 + 1
    }

    pub(super) fn info(&self) -> WorkerInfo {
        WorkerInfo { id: self.id, pid: self.pid }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.stage == Stage::Ready && self.in_flight.is_empty() && !self.link_ended
    }

    /// Whether it has not got to its first task yet.
    pub(super) fn is_coming(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Waiting | Stage::Initializing)
    }

    /// How many tasks it may still be given.
    pub(super) fn tasks_left(&self) -> u64 {
        self.most_tasks.saturating_sub(self.link.sent() - self.taken_back)
    }

    /// Whether it leaves its place to another one soon: it gets no more tasks.
    pub(super) fn is_retiring(&self) -> bool {
        match self.stage {
            Stage::Leaving(_) => true,
            Stage::Ready => self.tasks_left() == 0,
            _ => false,
        }
    }

    /// The task that it runs, if that was asked to stop.
    pub(super) fn asked_to_stop(&self) -> Option<Stop> {
        self.stop.filter(|stop| self.front() == Some(stop.index))
    }

    /// When the task that it runs must have ended, and how long that is; `None` while it runs none that
    /// must.
    pub(super) fn due(&mut self, now: Instant) -> Result<Option<(Instant, Duration)>, Scribbled> {
        let Some((front, Some(limit))) =
            self.in_flight.front().map(|in_flight| (in_flight.index, in_flight.work.time_limit()))
        else {
            return Ok(None);
        };
        if self.link.claimed()? <= front {
            return Ok(None);
        }
        // It runs at least since it was first seen running, whatever the worker says.
        let (_, seen) = *match &mut self.seen {
            Some(seen) if seen.0 == front => seen,
            other => other.insert((front, now)),
        };
        let started = self.link.started(now).min(seen).max(self.limits_from);
        // A limit beyond what the clock can name is none.
        Ok(started.checked_add(limit).map(|due| (due, limit)))
    }

    /// How many tasks it has.
    pub(super) fn tasks(&self) -> usize {
        self.in_flight.iter().map(|in_flight| in_flight.work.tasks()).sum()
    }

    /// Whether tasks wait behind the one that it runs.
    pub(super) fn has_backlog(&self) -> bool {
        match self.in_flight.front() {
            Some(first) => self.in_flight.len() > 1 || first.work.tasks() > 1,
            None => false,
        }
    }

    /// Whether it was sent the task with this index and is still expected to run it.
    pub(super) fn has(&self, index: u64) -> bool {
        self.in_flight.iter().any(|in_flight| {
            (in_flight.index..in_flight.index + in_flight.work.tasks() as u64).contains(&index)
        })
    }

    /// The index of its first unfinished task.
    pub(super) fn front(&self) -> Option<u64> {
        self.in_flight.front().map(|in_flight| in_flight.index)
    }

    /// The index of the task of `future`, if this worker has it.
    pub(super) fn index_of(&self, future: &SharedFuture) -> Option<u64> {
        self.in_flight.iter().find_map(|in_flight| match &in_flight.work {
            Work::Calls(slice) => {
                let place = slice.futures().position(|theirs| std::ptr::eq(&**theirs, future))?;
                Some(in_flight.index + place as u64)
            }
            Work::Chunk(..) => None,
        })
    }

    /// Settles the first unfinished task.
    pub(super) fn finish_front(&mut self, outcome: Outcome, wakes: &mut Wakes) -> Settled {
        let Some(first) = self.in_flight.front_mut() else { return Settled::Nothing };
        let (settled, is_over) = match &mut first.work {
            Work::Calls(slice) => {
                if let Some(future) = slice.first() {
                    wakes.finish(future, outcome);
                }
                slice.skip_first();
                (Settled::Call, slice.len() == 0)
            }
            Work::Chunk(chunk, _) => {
                wakes.finish_chunk(chunk, outcome);
                (Settled::Chunk, true)
            }
        };
        first.index += 1;
        if is_over
            && let Some(InFlight { work: Work::Calls(calls), .. }) = self.in_flight.pop_front()
            && let Some(memory) = calls.into_memory()
        {
            self.link.reuse(memory);
        }
        settled
    }

    /// Removes the tasks from index `first` on, which the worker will not run.
    pub(super) fn split_in_flight(&mut self, first: u64) -> Vec<Work> {
        let mut taken = Vec::new();
        let mut kept = VecDeque::new();
        for mut in_flight in std::mem::take(&mut self.in_flight) {
            let before = first.saturating_sub(in_flight.index);
            if before >= in_flight.work.tasks() as u64 {
                kept.push_back(in_flight);
                continue;
            }
            if let Work::Calls(slice) = &mut in_flight.work
                && before > 0
            {
                let index = in_flight.index;
                let work = Work::Calls(slice.split_to(before as usize));
                kept.push_back(InFlight { index, work });
            }
            taken.push(in_flight.work);
        }
        self.in_flight = kept;
        taken
    }

    /// Takes all work away: what it has claimed, and what nobody has.
    pub(super) fn part_in_flight(&mut self) -> (VecDeque<InFlight>, Vec<Work>) {
        let claimed = self.link.take_back();
        // A claim word that cannot be tells nothing: then every task is in doubt.
        let not_started = claimed.map_or_else(|_| Vec::new(), |first| self.split_in_flight(first));
        (std::mem::take(&mut self.in_flight), not_started)
    }

    /// Ends the poller's waiting for it. A thread that watches its link is to be nudged as well: its
    /// waiting must end even if some other process holds the worker's end.
    pub(super) fn unwatch(&self, pool: &Pool) {
        pool.poller.remove(&self.process);
        if !self.link_ended {
            pool.poller.remove(&self.link);
        }
    }

    /// Makes the thread that watches the link look at the pool.
    pub(super) fn nudge(&self) {
        if self.watched.is_some() {
            self.link.nudge();
        }
    }

    pub(super) fn activity(&mut self) -> Activity {
        match self.stage {
            Stage::Starting | Stage::Waiting => Activity::Starting,
            Stage::Initializing => Activity::Initializing,
            Stage::Dying(id) => Activity::Running(id),
            Stage::Ready => match self.in_flight.front() {
                // What it writes about its claims is not to be trusted for more than this.
                Some(first) if self.link.claimed() != Ok(first.index) => {
                    Activity::Running(first.work.id())
                }
                Some(first) => Activity::Receiving(first.work.id()),
                None => Activity::Idle,
            },
            Stage::Leaving(_) | Stage::Killed(_) => Activity::Idle,
        }
    }

    /// Kills its process group, if it leads one. It has not been reaped: it is in the pool, and the
    /// pool's lock is held.
    pub(super) fn kill_group(&self) {
        if self.leads_group {
            self.process.kill_group(self.pid);
        }
    }

    /// Kills the process; it is reaped when its descriptor says that it ended. Returns the work
    /// that it had. The first reason stays.
    pub(super) fn kill(&mut self, reason: ExitReason) -> VecDeque<InFlight> {
        self.kill_group();
        self.left_alone = self.process.kill() == Killed::Perhaps;
        self.deadline = self.left_alone.then(|| Instant::now() + PERHAPS);
        self.give_up(reason)
    }

    /// Asks the process to end, by SIGTERM, before `deadline`; otherwise as [`kill`](Self::kill). One
    /// that was asked before keeps its deadline.
    pub(super) fn terminate(
        &mut self,
        reason: ExitReason,
        deadline: Option<Instant>,
    ) -> VecDeque<InFlight> {
        self.process.signal(Signal::SIGTERM);
        if !matches!(self.stage, Stage::Killed(_)) {
            self.deadline = deadline;
        }
        self.give_up(reason)
    }

    fn give_up(&mut self, reason: ExitReason) -> VecDeque<InFlight> {
        if !matches!(self.stage, Stage::Killed(_)) {
            self.stage = Stage::Killed(reason);
        }
        self.nudge();
        std::mem::take(&mut self.in_flight)
    }
}
