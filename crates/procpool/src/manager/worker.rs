//! One worker as the pool sees it.
//!
//! ```text
//! Starting ──Hello──▶ Initializing ──Ready──▶ Ready ──last words──▶ Dying
//!     └────────Hello, no initializer──────────▶ │
//!                                               └──Exit sent──▶ Leaving
//! any ──killed by the pool──▶ Killed
//! ```
//!
//! A ready worker is idle or busy: that is whether anything is in flight. A worker leaves the pool
//! in one way only: its process descriptor says that it ended, and it is reaped.

use std::collections::VecDeque;
use std::time::Instant;

use super::Pool;
use super::block::Slice;
use super::wakes::Wakes;
use crate::chunk_source::ChunkTask;
use crate::error::{Activity, Error};
use crate::future::{Outcome, SharedFuture};
use crate::link::WorkerLink;
use crate::sys::poller::wait_readable;
use crate::sys::process::PidFd;

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Started; it has not said Hello, and gets nothing before.
    Starting,
    /// It runs the initializer.
    Initializing,
    /// It runs tasks, or waits for one.
    Ready,
    /// It reported the failure of this work item and is about to abort.
    Dying(u64),
    /// It was asked to leave.
    Leaving,
    /// It was killed by the pool.
    Killed,
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

    /// Fails all of it.
    pub(super) fn fail(&self, error: &Error, wakes: &mut Wakes) {
        let outcome = || Err(Box::new(error.clone()));
        match self {
            Work::Calls(slice) => {
                slice.futures().for_each(|future| wakes.finish(future, outcome()))
            }
            Work::Chunk(chunk, _) => chunk.finish(outcome()),
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
    pub(super) pid: u32,
    pub(super) process: PidFd,
    pub(super) link: WorkerLink,
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
    /// The worker's own count of busy nanoseconds when it was last looked at.
    pub(super) busy_nanos: u64,
    /// When it must have said Hello or, once its link has ended, have exited.
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

    pub(super) fn is_idle(&self) -> bool {
        self.stage == Stage::Ready && self.in_flight.is_empty()
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
                chunk.finish(outcome);
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

    /// Ends all waiting for it: the poller's, and that of a thread that watches its link, which
    /// must end even if some other process holds the worker's end.
    pub(super) fn unwatch(&self, pool: &Pool) {
        pool.poller.remove(&self.process);
        if !self.link_ended {
            pool.poller.remove(&self.link);
        }
        self.nudge();
    }

    /// Makes the thread that watches the link look at the pool.
    pub(super) fn nudge(&self) {
        if self.watched.is_some() {
            self.link.nudge();
        }
    }

    /// Waits for its end and reaps it. Only for a worker that was killed.
    pub(super) fn reap_blocking(&self) {
        while self.process.reap().is_none() {
            wait_readable(&self.process);
        }
    }

    pub(super) fn activity(&mut self) -> Activity {
        match self.stage {
            Stage::Starting => Activity::Starting,
            Stage::Initializing => Activity::Initializing,
            Stage::Dying(id) => Activity::Running(id),
            Stage::Ready => match self.in_flight.front() {
                // What it writes about its claims is not to be trusted for more than this.
                Some(first) if self.link.claimed() != Ok(first.index) => {
                    Activity::Running(first.work.id())
                }
                _ => Activity::Idle,
            },
            Stage::Leaving | Stage::Killed => Activity::Idle,
        }
    }

    /// Kills the process; it is reaped when its descriptor says that it ended. Returns the work
    /// that it had.
    pub(super) fn kill(&mut self) -> VecDeque<InFlight> {
        self.process.kill();
        self.deadline = None;
        self.stage = Stage::Killed;
        self.nudge();
        std::mem::take(&mut self.in_flight)
    }
}
