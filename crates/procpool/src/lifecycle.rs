//! What happens to the workers of a pool, told to whoever wants to know.
//!
//! Owns the names of a worker and of the ways in which it ends, the events of a pool and its numbers.
//! Knows no process: the manager fills these in.

use std::fmt;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::error::{BrokenCause, WorkerExit};

/// A worker: its place in the pool, and its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct WorkerInfo {
    /// Its place, from 0 to [`max_workers`](crate::Builder::max_workers) - 1. A replacement has the
    /// place of the worker that it replaces. In the worker, [`worker_id`](crate::worker_id) gives it.
    pub id: usize,
    /// The process.
    pub pid: u32,
}

impl fmt::Display for WorkerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} (pid {})", self.id, self.pid)
    }
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitReason {
    /// The pool was shut down and had nothing left for it to do.
    Finished,
    /// It had nothing to do for [`idle_timeout`](crate::Builder::idle_timeout).
    Idle,
    /// It had run [`max_tasks_per_child`](crate::Builder::max_tasks_per_child) tasks.
    Recycled,
    /// Its initializer failed or panicked.
    InitializerFailed,
    /// It was ended because it took too long: its start, its task or its leaving.
    TimedOut,
    /// It was killed, together with its task or with the whole pool.
    Killed,
    /// It ended by itself, in this way.
    Died(WorkerExit),
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitReason::Finished => f.write_str("left: the pool was shut down"),
            ExitReason::Idle => f.write_str("left: it was idle for long enough"),
            ExitReason::Recycled => f.write_str("left: it had run as many tasks as it may"),
            ExitReason::InitializerFailed => f.write_str("ended: its initializer failed"),
            ExitReason::TimedOut => f.write_str("was ended: it took too long"),
            ExitReason::Killed => f.write_str("was killed by its pool"),
            ExitReason::Died(exit) => exit.fmt(f),
        }
    }
}

/// What a worker's death means. Set by [`death_policy`](crate::Builder::death_policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeathPolicy {
    /// The pool is broken, as in Python: every unfinished task fails with the cause.
    #[default]
    Break,
    /// Only the task that ran is affected, and another worker takes the dead one's place when a task
    /// needs it.
    Replace {
        /// How often a task whose worker died is tried again, on another worker. After that it fails with
        /// [`Error::WorkerDied`](crate::Error::WorkerDied). With 0 a task runs at most once; otherwise
        /// only tasks that may run twice should be submitted.
        retries: u32,
    },
}

/// What [`Future::kill`](crate::Future::kill) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillOutcome {
    /// The task had not started, and never will.
    Cancelled,
    /// It was running; its worker was killed, and it has failed.
    Killed,
    /// It was over already, and is as it was.
    AlreadyDone,
}

/// Something that happened in a pool. Made by [`ProcessPoolExecutor::events`](crate::ProcessPoolExecutor::events).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A worker's process was started.
    WorkerStarted(WorkerInfo),
    /// It has run the initializer, if there is one, and takes tasks.
    WorkerReady(WorkerInfo),
    /// It has ended and was reaped. The last event of each worker.
    WorkerExited(WorkerInfo, ExitReason),
    /// The task with this number ran for longer than it may; its future has failed.
    TaskTimedOut(u64),
    /// The running task with this number was killed by [`Future::kill`](crate::Future::kill).
    TaskKilled(u64),
    /// The task with this number lost its worker and is tried once more.
    TaskRetried(u64),
    /// The pool was shut down, or told to anew.
    ShutDown,
    /// The pool is broken. Nothing is started after this; of a worker whose start was under way, start
    /// and end are told of still.
    Broken(BrokenCause),
}

/// The events of a pool, from [`ProcessPoolExecutor::events`](crate::ProcessPoolExecutor::events) on.
///
/// Iterating waits for the next one; it ends when the pool is gone. Events that nobody takes are
/// kept, a few words each: drop it when they are of no interest any more.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    pub(crate) fn channel() -> (mpsc::Sender<Event>, Self) {
        let (sender, receiver) = mpsc::channel();
        (sender, Self(receiver))
    }

    /// Returns the next event if it has happened already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }

    /// Waits for the next event for at most `limit`; `None` when none came, or the pool is gone.
    pub fn next_timeout(&mut self, limit: Duration) -> Option<Event> {
        self.0.recv_timeout(limit).ok()
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.recv().ok()
    }
}

/// A pool in numbers, at one instant. Made by [`ProcessPoolExecutor::stats`](crate::ProcessPoolExecutor::stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Workers that were started and have not said that they take tasks: what stands before `init`,
    /// and the initializer, run in them.
    pub starting: usize,
    /// Workers that wait for a task.
    pub idle: usize,
    /// Workers that have one.
    pub busy: usize,
    /// Workers that leave, or were killed, and are not reaped yet.
    pub leaving: usize,
    /// Tasks that no worker has started, those sent ahead included. The items of a `map` count once
    /// they are in a chunk, and a chunk counts as one task, here and below.
    pub queued: usize,
    /// Tasks that run, or have a result that is on its way.
    pub running: usize,
    /// Tasks that have a result, so far.
    pub done: u64,
    /// Tasks that have failed, so far. Those that were cancelled are not among them.
    pub failed: u64,
    /// Workers that were started in a place that another one had before, so far.
    pub restarts: u64,
}
