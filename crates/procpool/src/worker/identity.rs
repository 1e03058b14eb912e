//! The properties of its worker that a task can query.
//!
//! Owns the worker's record of its number in the pool and of its link. In a process that is no
//! worker, none of it is set.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use procpool_link::TaskLink;

use crate::panics;

/// One more than the worker's number; 0 in a process that is no worker.
static ID: AtomicUsize = AtomicUsize::new(0);
/// The part of the worker's link that tasks use.
static LINK: RwLock<Option<TaskLink>> = RwLock::new(None);

/// Marks this process as a worker. A process forked from a worker may become another one.
pub(super) fn set(id: usize, link: TaskLink) {
    // Relaxed: set before any task starts, and so before any thread of a task does.
    ID.store(id + 1, Ordering::Relaxed);
    *LINK.write().unwrap_or_else(PoisonError::into_inner) = Some(link);
}

/// Returns the number of this worker in its pool, from 0 to `max_workers` - 1, or `None` outside
/// workers.
///
/// No two workers of a pool have the same number at once, and a replacement has that of the worker
/// that it replaces. So it can select a GPU, a port or a log file. It is available from
/// [`init`](crate::init) on, also in the initializer. Where replacements
/// [overlap](crate::Builder::overlap_replacements), numbers reach further, and a replacement has one
/// that is free.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// assert_eq!(procpool::worker_id(), None);
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// assert_eq!(executor.submit(|()| procpool::worker_id(), ()).result()?, Some(0));
/// #     Ok(())
/// # }
/// ```
pub fn worker_id() -> Option<usize> {
    ID.load(Ordering::Relaxed).checked_sub(1)
}

/// Returns whether the running task should stop.
///
/// It should once it has exceeded its [time limit](crate::Builder::task_time_limit): its future has
/// already failed, its result is ignored, and if it does not return within
/// [`grace`](crate::Builder::grace) its process is ended. A long task that checks now and then, and
/// returns, keeps its worker. [`Future::cancel`](crate::Future::cancel) never asks a task to stop:
/// it affects only tasks that have not started. Any thread of the worker may call this; outside
/// tasks it returns `false`.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// fn search(numbers: u64) -> Option<u64> {
///     (0..numbers).find(|number| procpool::should_stop() || number * number == 2)
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let limited = executor.submit_options().time_limit(Duration::from_millis(50));
/// let found = limited.submit(search, u64::MAX);
/// assert!(matches!(found.result(), Err(procpool::Error::TimeLimitExceeded { .. })));
/// #     Ok(())
/// # }
/// ```
pub fn should_stop() -> bool {
    running().is_some_and(|(index, link)| link.should_stop(index))
}

/// Has this worker replaced after the running task, as if it had run
/// [`max_tasks_per_child`](crate::Builder::max_tasks_per_child) tasks.
///
/// For a rule of the task's own: a connection that has gone stale, a cache that has grown too large,
/// memory that a library does not return. The result of the task counts, and nothing else runs in
/// this worker. A chunk of a `map` is one task, which ends first. Any thread of the worker may call
/// this; outside tasks it does nothing.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// fn query(is_stale: bool) -> u32 {
///     if is_stale {
///         procpool::retire_worker();
///     }
///     std::process::id()
/// }
///
/// let first = executor.submit(query, true).result()?;
/// assert_ne!(executor.submit(query, false).result()?, first);
/// #     Ok(())
/// # }
/// ```
pub fn retire_worker() {
    if let Some((_, link)) = running() {
        link.ask_for_replacement();
    }
}

/// The index of the running task, and its part of the link.
fn running() -> Option<(u64, TaskLink)> {
    panics::running().zip(task_link())
}

/// The part of this worker's link that tasks use.
pub(crate) fn task_link() -> Option<TaskLink> {
    *LINK.read().unwrap_or_else(PoisonError::into_inner)
}
