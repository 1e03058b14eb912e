//! One worker, as the pool sees it.
//!
//! ```text
//! Starting ──Hello──▶ Waiting ──its place is free──▶ Initializing ──Ready──▶ Ready ──last words──▶ Dying
//!                                     └──the same, no initializer──────────▶ │
//!                                                                            └──Exit sent──▶ Leaving
//! any ──killed by the pool──▶ Killed
//! ```
//!
//! A ready worker is busy if anything is in flight, otherwise idle. Each has a place, `id`. A
//! worker that gets no more tasks is *retiring*. Its replacement may already be started in the same
//! place, but waits until it is gone: two workers that have run the initializer never share a
//! place. A worker is removed from the pool when its process descriptor reports its end and it is
//! reaped or, if it cannot be killed, when it is left behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use procpool_launch::{Killed, PERHAPS, Process};
use procpool_link::{Scribbled, WorkerLink};

use super::Pool;
use super::block::Slice;
use super::stderr::Captured;
use super::wakes::Wakes;
use crate::chunk_source::ChunkCall;
use crate::error::Activity;
use crate::future::{Outcome, SharedFuture};
use crate::lifecycle::{ExitReason, WorkerInfo};

/// The stage of a worker's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Started; it has not said Hello, and is sent nothing until then.
    Starting,
    /// It has said Hello; an earlier worker still has its place.
    Waiting,
    /// It runs the initializer.
    Initializing,
    /// It runs tasks or waits for one.
    Ready,
    /// It reported the failure of this work item and is about to abort.
    Dying(u64),
    /// It was asked to exit.
    Leaving(ExitReason),
    /// It was killed by the pool, or sent SIGTERM, which it may handle until its deadline.
    Killed(ExitReason),
}

/// A task that exceeded its time limit and was asked to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// Its index on the link.
    pub(super) index: u64,
    /// When its worker is sent SIGTERM; `None` if beyond what the clock can represent.
    pub(super) until: Option<Instant>,
}

/// Calls that a worker has. Their indices on the link are consecutive, starting at `index`.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) index: u64,
    pub(super) calls: Slice,
}

/// A worker process.
#[derive(Debug)]
pub(super) struct Worker {
    /// Unique in its pool, unlike the pid.
    pub(super) serial: u64,
    /// Its place in the pool.
    pub(super) id: usize,
    pub(super) pid: u32,
    pub(super) process: Process,
    /// Whether its process leads a group that includes whatever its tasks start.
    pub(super) leads_group: bool,
    pub(super) link: WorkerLink,
    /// Its stderr, if that is captured.
    pub(super) stderr: Option<Captured>,
    pub(super) stage: Stage,
    /// Sent but not finished, in the order of their indices.
    pub(super) in_flight: VecDeque<InFlight>,
    /// The beginning of the next result, if that arrives in two frames.
    pub(super) part: Vec<u8>,
    /// Whether the socket has ended.
    pub(super) link_ended: bool,
    /// The index of the task for which a waiting thread watches the link.
    pub(super) watched: Option<u64>,
    /// Whether other threads wait as well, so that each result should be reported at once.
    pub(super) eager: bool,
    /// The index from which on the worker was asked to ring.
    pub(super) rings_from: u64,
    /// How many tasks had been sent at the last tick, and the first unfinished one at that time.
    pub(super) sent_at_tick: u64,
    pub(super) front_at_tick: Option<u64>,
    /// Whether it has finished something since it was last sent work: if so, more may be sent
    /// ahead.
    pub(super) moves: bool,
    /// The task behind which others had to be taken back: nothing is sent ahead while it runs.
    pub(super) stuck_at: Option<u64>,
    /// How many of the tasks that it was sent were taken back.
    pub(super) taken_back: u64,
    /// How many tasks it may run in its life.
    pub(super) most_tasks: u64,
    /// The earliest time from which task limits count: the program was stopped before, or a result
    /// was arriving.
    pub(super) limits_from: Instant,
    /// Whether it has a task with a limit that the manager has not seen. The limit counts from when
    /// it does: a program may be stopped before its manager learns that there is a limit to
    /// enforce.
    pub(super) has_new_limit: bool,
    /// How many bytes of results had been read when a limit was last checked.
    pub(super) read_at_limit: u64,
    /// At the last pulse: the first unfinished task, and how many bytes of results had been read.
    pub(super) at_pulse: Option<(u64, u64)>,
    /// The shortest time limit among the tasks that it was sent since it was idle.
    pub(super) shortest_limit: Option<Duration>,
    /// The task that the manager has seen running, and since when.
    pub(super) seen: Option<(u64, Instant)>,
    /// The running task, if it was asked to stop.
    pub(super) stop: Option<Stop>,
    /// Since when it has been idle, in pools with an idle timeout.
    pub(super) idle_since: Option<Instant>,
    /// The worker's own count of busy nanoseconds at the last read.
    pub(super) busy_nanos: u64,
    /// Whether the system refused to kill it: if its lifeline does not end it, nobody waits for it.
    pub(super) left_alone: bool,
    /// When it must have said Hello or, after it was asked to exit or its link has ended, have
    /// exited.
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

    /// Whether it has not become ready yet.
    pub(super) fn is_coming(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Waiting | Stage::Initializing)
    }

    /// How many more tasks it may be sent.
    pub(super) fn tasks_left(&self) -> u64 {
        self.most_tasks.saturating_sub(self.link.sent() - self.taken_back)
    }

    /// Whether it gets no more tasks and will soon free its place.
    pub(super) fn is_retiring(&self) -> bool {
        match self.stage {
            Stage::Leaving(_) => true,
            Stage::Ready => self.tasks_left() == 0,
            _ => false,
        }
    }

    /// The running task, if it was asked to stop.
    pub(super) fn asked_to_stop(&self) -> Option<Stop> {
        self.stop.filter(|stop| self.front() == Some(stop.index))
    }

    /// When the running task must have ended, and its limit. Returns `None` if no task with a limit
    /// runs.
    pub(super) fn due(&mut self, now: Instant) -> Result<Option<(Instant, Duration)>, Scribbled> {
        let Some((front, Some(limit))) =
            self.in_flight.front().map(|in_flight| (in_flight.index, in_flight.calls.time_limit()))
        else {
            return Ok(None);
        };
        if self.link.claimed()? <= front {
            return Ok(None);
        }
        // It has been running since it was first seen running at the latest, whatever the worker
        // reports.
        let (_, seen) = *match &mut self.seen {
            Some(seen) if seen.0 == front => seen,
            other => other.insert((front, now)),
        };
        let started = self.link.started(now).min(seen).max(self.limits_from);
        // A limit beyond what the clock can represent is no limit.
        Ok(started.checked_add(limit).map(|due| (due, limit)))
    }

    /// How many tasks it has.
    pub(super) fn tasks(&self) -> usize {
        self.in_flight.iter().map(|in_flight| in_flight.calls.len()).sum()
    }

    /// Whether tasks wait behind the running one.
    pub(super) fn has_backlog(&self) -> bool {
        match self.in_flight.front() {
            Some(first) => self.in_flight.len() > 1 || first.calls.len() > 1,
            None => false,
        }
    }

    /// Whether it was sent the task with this index and is still expected to run it.
    pub(super) fn has(&self, index: u64) -> bool {
        self.in_flight.iter().any(|in_flight| {
            (in_flight.index..in_flight.index + in_flight.calls.len() as u64).contains(&index)
        })
    }

    /// The index of its first unfinished task.
    pub(super) fn front(&self) -> Option<u64> {
        self.in_flight.front().map(|in_flight| in_flight.index)
    }

    /// The chunk that its first unfinished task runs, if that is one of a map.
    pub(super) fn front_chunk(&self) -> Option<&Arc<ChunkCall>> {
        self.in_flight.front()?.calls.chunk()
    }

    /// The index of the task of `future`, if this worker has it.
    pub(super) fn index_of(&self, future: &SharedFuture) -> Option<u64> {
        self.in_flight.iter().find_map(|in_flight| {
            let mut futures = in_flight.calls.futures();
            let position = futures.position(|theirs| std::ptr::eq(&**theirs, future))?;
            Some(in_flight.index + position as u64)
        })
    }

    /// Settles the first unfinished task.
    pub(super) fn finish_front(&mut self, outcome: Outcome, wakes: &mut Wakes) {
        let Some(first) = self.in_flight.front_mut() else { return };
        if let Some(future) = first.calls.first() {
            wakes.finish(future, outcome);
        }
        first.calls.skip_first();
        first.index += 1;
        if first.calls.len() == 0
            && let Some(InFlight { calls, .. }) = self.in_flight.pop_front()
            && let Some(memory) = calls.into_memory()
        {
            self.link.reuse(memory);
        }
    }

    /// Removes the tasks from index `first` on, which the worker will not run.
    pub(super) fn split_in_flight(&mut self, first: u64) -> Vec<Slice> {
        let mut taken = Vec::new();
        let mut kept = VecDeque::new();
        for InFlight { index, mut calls } in std::mem::take(&mut self.in_flight) {
            let before = usize::try_from(first.saturating_sub(index)).unwrap_or(usize::MAX);
            let stay = calls.split_to(before.min(calls.len()));
            if stay.len() > 0 {
                kept.push_back(InFlight { index, calls: stay });
            }
            if calls.len() > 0 {
                taken.push(calls);
            }
        }
        self.in_flight = kept;
        taken
    }

    /// Takes all its calls away: returns claimed and unclaimed ones apart.
    pub(super) fn part_in_flight(&mut self) -> (VecDeque<InFlight>, Vec<Slice>) {
        let claimed = self.link.take_back();
        // An impossible claim word says nothing: then every task is in doubt.
        let not_started = claimed.map_or_else(|_| Vec::new(), |first| self.split_in_flight(first));
        (std::mem::take(&mut self.in_flight), not_started)
    }

    /// Removes it from the poller. The caller also nudges a thread that watches its link: that wait
    /// must end even if another process holds the worker's end.
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
                // Its own record of its claims is trusted for this purpose only.
                Some(first) if self.link.claimed() != Ok(first.index) => {
                    Activity::Running(first.calls.id())
                }
                Some(first) => Activity::Receiving(first.calls.id()),
                None => Activity::Idle,
            },
            Stage::Leaving(_) | Stage::Killed(_) => Activity::Idle,
        }
    }

    /// Kills its process group, if it leads one. It is not reaped yet: it is in the pool, and the
    /// pool's lock is held.
    pub(super) fn kill_group(&self) {
        if self.leads_group {
            self.process.kill_group(self.pid);
        }
    }

    /// Kills the process and returns its work. The process is reaped when its descriptor reports
    /// its end. The first reason stays.
    pub(super) fn kill(&mut self, reason: ExitReason) -> VecDeque<InFlight> {
        self.kill_group();
        self.left_alone = self.process.kill() == Killed::Perhaps;
        self.deadline = self.left_alone.then(|| Instant::now() + PERHAPS);
        self.give_up(reason)
    }

    /// Sends the process SIGTERM, with `deadline` to exit; otherwise like [`kill`](Self::kill). A
    /// process that already has a deadline keeps it.
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
