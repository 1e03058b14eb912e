//! One worker as the pool sees it.
//!
//! ```text
//! Starting ──Hello──▶ Initializing ──Ready──▶ Idle ◀──result──▶ Busy ──last words──▶ Dying
//!     └────────Hello, no initializer─────────▶ │
//!                                              └──Exit sent──▶ Leaving
//! any ──killed by the pool──▶ Killed
//! ```
//!
//! A worker leaves the pool in one way only: its process descriptor says that it ended, and it is
//! reaped.

use std::sync::Arc;
use std::time::Instant;

use super::{Pool, Settled};
use crate::chunk_source::ChunkSource;
use crate::error::{Activity, Error};
use crate::future::SharedFuture;
use crate::link::WorkerLink;
use crate::sys::poller::{Interest, wait_readable};
use crate::sys::process::PidFd;

/// Where a worker is in its life.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Started; it has not said Hello, and gets nothing before.
    Starting,
    /// It runs the initializer.
    Initializing,
    /// It waits for a task.
    Idle,
    /// It has this task.
    Busy(InFlight),
    /// It reported the failure of this work item and is about to abort.
    Dying(u64),
    /// It was asked to leave.
    Leaving,
    /// It was killed by the pool.
    Killed,
}

/// The task that a worker has.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) id: u64,
    pub(crate) work: Work,
}

/// Who wants to hear of it.
#[derive(Debug)]
pub(crate) enum Work {
    Call(Arc<SharedFuture>),
    Chunk(Arc<ChunkSource>, u64),
}

impl InFlight {
    /// Fails the task.
    pub(crate) fn fail(self, error: Error, settled: &mut Settled) {
        match self.work {
            Work::Call(future) => settled.push((future, Err(error))),
            Work::Chunk(source, number) => source.finish(number, Err(error)),
        }
    }
}

/// Who reads a worker's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Manager,
    /// A thread that waits for this worker's task.
    Waiter,
    /// Nobody any more: the link has ended.
    Nobody,
}

/// A worker process.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Unique in its pool, unlike a pid.
    pub(crate) serial: u64,
    pub(crate) pid: u32,
    pub(crate) process: PidFd,
    pub(crate) link: WorkerLink,
    pub(crate) stage: Stage,
    pub(crate) reader: Reader,
    /// When it must have said Hello or, once its link has ended, have exited.
    pub(crate) deadline: Option<Instant>,
}

impl Worker {
    /// The number under which its link is registered with the poller.
    pub(crate) fn link_number(&self) -> u64 {
        self.serial * 2
    }

    /// The number under which its process is registered.
    pub(crate) fn process_number(&self) -> u64 {
        self.serial * 2 + 1
    }

    /// What the poller should watch its link for, when the manager reads it.
    pub(crate) fn interest(&self) -> Interest {
        if self.link.has_unsent() { Interest::ReadWrite } else { Interest::Read }
    }

    /// Ends all waiting for it: the poller's, and that of a thread that reads its link, which must
    /// end even if some other process holds the worker's end.
    pub(crate) fn unwatch(&self, pool: &Pool) {
        pool.poller.remove(&self.process);
        if self.reader != Reader::Nobody {
            pool.poller.remove(&self.link);
        }
        self.link.socket().hang_up();
    }

    /// Waits for its end and reaps it. Only for a worker that was killed.
    pub(crate) fn reap_blocking(&self) {
        while self.process.reap().is_none() {
            wait_readable(&self.process, None);
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        match &self.stage {
            Stage::Starting => Activity::Starting,
            Stage::Initializing => Activity::Initializing,
            Stage::Busy(InFlight { id, .. }) | Stage::Dying(id) => Activity::Running(*id),
            Stage::Idle | Stage::Leaving | Stage::Killed => Activity::Idle,
        }
    }

    /// Kills the process; it is reaped when its descriptor says that it ended. Returns the task
    /// that it had.
    pub(crate) fn kill(&mut self) -> Option<InFlight> {
        self.process.kill();
        self.deadline = None;
        match std::mem::replace(&mut self.stage, Stage::Killed) {
            Stage::Busy(in_flight) => Some(in_flight),
            _ => None,
        }
    }
}
