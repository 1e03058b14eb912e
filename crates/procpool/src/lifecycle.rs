//! Reports on the workers of a pool.
//!
//! Owns the names of a worker and of the ways in which it ends, the events of a pool and its
//! numbers. Knows no process: the manager fills these in.

use std::fmt;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use procpool_launch::{HostName, WorkerExit};
use procpool_os::lineage::Lineage;
use serde::{Deserialize, Serialize};

use crate::error::BrokenCause;

/// A worker: its number in the pool, and its process.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::EventKind;
/// let mut events = executor.events();
/// let pid = executor.submit(|()| std::process::id(), ()).result()?;
/// let Some(EventKind::WorkerStarted(worker)) = events.next().map(|event| event.kind) else {
///     panic!("nothing happens before that")
/// };
/// assert_eq!((worker.id, worker.pid), (0, pid));
/// assert_eq!(worker.to_string(), format!("worker 0 (pid {pid})"));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerInfo {
    /// Its number, from 0 to [`max_workers`](crate::Builder::max_workers) - 1. A replacement has the
    /// number of the worker that it replaces, unless replacements
    /// [overlap](crate::Builder::overlap_replacements). In the worker,
    /// [`worker_id`](crate::worker_id) returns it.
    pub id: usize,
    /// Its process.
    pub pid: u32,
    /// Its host, if that is not this one.
    pub host: Option<HostName>,
}

impl fmt::Display for WorkerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.map(|host| format!(" on {host}")).unwrap_or_default();
        write!(f, "worker {} (pid {}{host})", self.id, self.pid)
    }
}

/// Why a worker ended.
///
/// # Examples
///
/// ```
/// use procpool::{ExitReason, WorkerExit};
///
/// assert_eq!(ExitReason::Idle.to_string(), "left: it was idle for long enough");
/// assert_eq!(ExitReason::Died(WorkerExit::Signal(11)).to_string(), "was killed by SIGSEGV");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ExitReason {
    /// The pool was shut down and had no work left for it.
    Finished,
    /// It was idle for [`idle_timeout`](crate::Builder::idle_timeout).
    Idle,
    /// It had served for as long as it may: see
    /// [`max_tasks_per_child`](crate::Builder::max_tasks_per_child),
    /// [`max_memory_per_child`](crate::Builder::max_memory_per_child) and
    /// [`retire_worker`](crate::retire_worker).
    Recycled,
    /// Its initializer failed or panicked.
    InitializerFailed,
    /// It did not reach [`init`](crate::init) within
    /// [`start_timeout`](crate::Builder::start_timeout), and was killed.
    StartTimeout,
    /// Its task exceeded its [time limit](crate::Builder::task_time_limit), or its exit the
    /// [finalizer's](crate::Builder::finalizer_time_limit), and it was ended.
    TimeLimitExceeded,
    /// It was killed, together with its task or with the whole pool.
    Killed,
    /// It could not be killed, because this process may not signal it, and continues without its
    /// pool.
    LeftBehind,
    /// It ended by itself, in this way.
    Died(WorkerExit),
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitReason::Finished => f.write_str("left: the pool was shut down"),
            ExitReason::Idle => f.write_str("left: it was idle for long enough"),
            ExitReason::Recycled => f.write_str("left: it had served for as long as it may"),
            ExitReason::InitializerFailed => f.write_str("ended: its initializer failed"),
            ExitReason::StartTimeout => f.write_str("was killed: it did not start in time"),
            ExitReason::TimeLimitExceeded => f.write_str("was ended: it exceeded a time limit"),
            ExitReason::Killed => f.write_str("was killed by its pool"),
            ExitReason::LeftBehind => f.write_str("could not be killed and was left behind"),
            ExitReason::Died(exit) => exit.fmt(f),
        }
    }
}

/// The effect of a worker's death. Set by [`death_policy`](crate::Builder::death_policy).
///
/// # Examples
///
/// ```
/// use procpool::DeathPolicy;
///
/// assert_eq!(DeathPolicy::default(), DeathPolicy::Break);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DeathPolicy {
    /// The pool is broken, as in Python: every unfinished task fails with the cause.
    #[default]
    Break,
    /// Only the running task is affected, and another worker takes the dead one's place when a task
    /// needs it.
    ///
    /// Of a chunk of a map, the item is affected that the worker ran. The items before it keep their
    /// results, and those behind it run on another worker. Results that are
    /// [too long](crate::MapOptions::chunksize) to be shared before their chunk is over are lost with
    /// the worker: their items fail or are retried, like the one that it ran.
    ///
    /// The same holds for the forkserver of
    /// [`StartMethod::Forkserver`](crate::StartMethod::Forkserver): its workers end with it, and
    /// another one is started, which runs `preload` again. The forkserver of
    /// [`StartMethod::Fork`](crate::StartMethod::Fork) is a copy of the program as it was in
    /// [`build`](crate::Builder::build) and cannot be made again: its death breaks the pool.
    Replace {
        /// How often a task whose worker died is retried on another worker. After that it fails
        /// with [`Error::WorkerDied`](crate::Error::WorkerDied). With 0 a task runs at most once;
        /// otherwise submit only tasks that may run twice.
        retries: u32,
    },
}

/// The effect of [`Future::kill`](crate::Future::kill).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::KillOutcome;
/// let future = executor.submit(|x: u32| x + 1, 1);
/// future.result()?;
/// assert_eq!(future.kill(), KillOutcome::AlreadyDone);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KillOutcome {
    /// The task had not started, and never will.
    Cancelled,
    /// It was running; its worker was killed, and the task has failed.
    Killed,
    /// It was already over, and is unchanged.
    AlreadyDone,
}

/// Something that happened in a pool. Made by [`ProcessPoolExecutor::events`](crate::ProcessPoolExecutor::events).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::EventKind;
/// let mut events = executor.events();
/// executor.submit(|x: u32| x + 1, 1).result()?;
/// let first = events.next().expect("a worker was started");
/// assert!(first.at <= std::time::SystemTime::now());
/// assert!(matches!(first.kind, EventKind::WorkerStarted(_)));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// When it happened, by the system clock, which orders it among the events of other pools and
    /// programs.
    pub at: SystemTime,
    /// The event.
    pub kind: EventKind,
}

/// The kind of an event.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::EventKind;
/// let events = executor.events();
/// executor.shutdown();
/// drop(executor);
/// let kinds: Vec<EventKind> = events.map(|event| event.kind).collect();
/// assert_eq!(kinds[0], EventKind::ShutDown);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EventKind {
    /// A worker's process was started.
    WorkerStarted(WorkerInfo),
    /// It was asked to run the initializer. Not sent in a pool without one.
    WorkerInitializing(WorkerInfo),
    /// It has run the initializer, if any, and takes tasks.
    WorkerReady(WorkerInfo),
    /// A worker could not be started, or failed before it took tasks, for this reason. The pool
    /// continues; if it cannot, [`Broken`](Self::Broken) has the reason instead.
    StartFailed(BrokenCause),
    /// It has run its last task and was asked to exit: it runs the finalizer, if any, and drops its
    /// state. Not sent for a worker that dies or is killed before, or that never took tasks.
    WorkerExiting(WorkerInfo),
    /// It has ended and was reaped, or was [left behind](ExitReason::LeftBehind). The last event of each
    /// worker.
    WorkerExited(WorkerInfo, ExitReason),
    /// The task with this number exceeded its time limit; its future has failed.
    TimeLimitExceeded(u64),
    /// The running task with this number was killed by [`Future::kill`](crate::Future::kill).
    TaskKilled(u64),
    /// The task with this number lost its worker and is retried.
    TaskRetried(u64),
    /// The pool was shut down, or was shut down again.
    ShutDown,
    /// The pool is broken. No worker is started after this; one whose start was already under way
    /// still produces its two events.
    Broken(BrokenCause),
}

/// The events of a pool, starting at
/// [`ProcessPoolExecutor::events`](crate::ProcessPoolExecutor::events).
///
/// Iterating waits for the next event. It ends when the pool is gone, and in a
/// [forked copy](crate::Error::ForkedCopy) of the program. Unread events are kept, a few words
/// each: drop the receiver once you no longer need it.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let events = executor.events();
/// executor.submit(|x: u32| x + 1, 1).result()?;
/// drop(executor);
/// for event in events {
///     println!("{:?}: {:?}", event.at, event.kind);
/// }
/// #     Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "events that happen after it is dropped are lost: read them"]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    /// The pool's process: in a forked copy of it nothing happens.
    owner: Lineage,
}

impl Events {
    pub(crate) fn channel() -> (mpsc::Sender<Event>, Self) {
        let (sender, receiver) = mpsc::channel();
        (sender, Self { receiver, owner: Lineage::current() })
    }

    /// Returns the next event if it has already happened.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let mut events = executor.events();
    /// assert!(events.try_next().is_none());
    /// executor.submit(|x: u32| x + 1, 1).result()?;
    /// assert!(events.try_next().is_some());
    /// #     Ok(())
    /// # }
    /// ```
    pub fn try_next(&mut self) -> Option<Event> {
        self.receiver().and_then(|receiver| receiver.try_recv().ok())
    }

    /// Waits at most `timeout` for the next event. Returns `None` if there is none, or the pool is
    /// gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use std::time::Duration;
    /// let mut events = executor.events();
    /// assert!(events.next_timeout(Duration::from_millis(1)).is_none());
    /// executor.submit(|x: u32| x + 1, 1).result()?;
    /// assert!(events.next_timeout(Duration::from_secs(60)).is_some());
    /// #     Ok(())
    /// # }
    /// ```
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Event> {
        self.receiver().and_then(|receiver| receiver.recv_timeout(timeout).ok())
    }

    fn receiver(&self) -> Option<&mpsc::Receiver<Event>> {
        self.owner.is_current().then_some(&self.receiver)
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.receiver().and_then(|receiver| receiver.recv().ok())
    }
}

/// The state of a worker at one instant. [`ProcessPoolExecutor::workers`](crate::ProcessPoolExecutor::workers)
/// returns it, and [`Stats`] counts it.
///
/// # Examples
///
/// The idle workers of each host:
///
/// ```
/// use std::collections::BTreeMap;
///
/// use procpool::{HostName, WorkerState};
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
/// executor.start_workers(2).result()?;
/// let mut idle: BTreeMap<Option<HostName>, usize> = BTreeMap::new();
/// for (worker, state) in executor.workers() {
///     *idle.entry(worker.host).or_default() += usize::from(state == WorkerState::Idle);
/// }
/// assert_eq!(idle[&None], 2); // on this host
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WorkerState {
    /// It was started but does not take tasks yet: it runs the code before `init`, or the initializer.
    Starting,
    /// It waits for a task.
    Idle,
    /// It has a task.
    Busy,
    /// It is exiting or was killed, and is not reaped yet.
    Leaving,
}

/// The numbers of a pool at one instant. Made by
/// [`ProcessPoolExecutor::stats`](crate::ProcessPoolExecutor::stats).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// executor.submit(|x: u32| x + 1, 1).result()?;
/// let stats = executor.stats();
/// assert_eq!((stats.idle, stats.busy, stats.done, stats.failed), (1, 0, 1, 0));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Workers that are [starting](WorkerState::Starting).
    pub starting: usize,
    /// Workers that are [idle](WorkerState::Idle).
    pub idle: usize,
    /// Workers that are [busy](WorkerState::Busy).
    pub busy: usize,
    /// Workers that are [leaving](WorkerState::Leaving).
    pub leaving: usize,
    /// Tasks that no worker has started, including those sent ahead. The items of a `map` count
    /// once they are in a chunk, and a chunk counts as one task, here and below.
    pub queued: usize,
    /// Tasks that are running or whose result is arriving.
    pub running: usize,
    /// Tasks that have returned a result so far.
    pub done: u64,
    /// Tasks that have failed so far, excluding cancelled ones. One that exceeds its time limit has, and counts as
    /// running until it is ended.
    pub failed: u64,
    /// Workers started so far with the number of an earlier one.
    pub restarts: u64,
    /// How many workers in a row have failed before they took tasks, under
    /// [`DeathPolicy::Replace`]. A worker that takes tasks sets it to 0.
    pub failed_starts: u32,
}
