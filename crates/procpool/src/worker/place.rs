//! What a task can ask of the worker that it runs in.
//!
//! Owns the worker's own idea of its place in the pool and of the task that runs. Nothing of it is
//! set in a process that is no worker.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use procpool_link::StopRequests;

/// One more than the worker's place; 0 in a process that is no worker.
static ID: AtomicUsize = AtomicUsize::new(0);
/// One more than the index of the task that runs; 0 between tasks.
static RUNNING: AtomicU64 = AtomicU64::new(0);
/// Where to look whether it is asked to stop.
static REQUESTS: RwLock<Option<StopRequests>> = RwLock::new(None);

/// Makes this process a worker. A process that was forked from a worker may become another one.
pub(super) fn enter(id: usize, requests: StopRequests) {
    // Relaxed: before any task, and so before any thread of a task, is started.
    ID.store(id + 1, Ordering::Relaxed);
    *REQUESTS.write().unwrap_or_else(PoisonError::into_inner) = Some(requests);
}

/// Says which task runs, by its index on the link.
pub(super) fn set_running(index: Option<u64>) {
    // Relaxed: a thread that a task has left behind may see the task before; its request to stop is
    // not this one's.
    RUNNING.store(index.map_or(0, |index| index + 1), Ordering::Relaxed);
}

/// Returns the place of this worker in its pool, from 0 to `max_workers` - 1; `None` outside workers.
///
/// No two workers of a pool have the same at a time, and a replacement has that of the worker that it
/// replaces: fit for choosing a GPU, a port or a log file. It is known from
/// [`init`](crate::init) on, so in the initializer too.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     assert_eq!(procpool::worker_id(), None);
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     assert_eq!(executor.submit(|()| procpool::worker_id(), ()).result()?, Some(0));
///     Ok(())
/// }
/// ```
pub fn worker_id() -> Option<usize> {
    ID.load(Ordering::Relaxed).checked_sub(1)
}

/// Returns whether the task that runs in this worker should stop.
///
/// That is so once it has exceeded its [time limit](crate::Builder::task_time_limit): its future has
/// failed already, nobody will see its result, and if it does not return within
/// [`grace`](crate::Builder::grace) its process is ended. A long task that asks now and then, and
/// returns, keeps its worker. [`Future::cancel`](crate::Future::cancel) never asks a task to stop: it
/// affects only tasks that have not started. Any thread of the worker may ask; outside tasks it is
/// `false`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// fn search(numbers: u64) -> Option<u64> {
///     (0..numbers).find(|number| procpool::should_stop() || number * number == 2)
/// }
///
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     let limited = executor.submit_options().time_limit(Duration::from_millis(50));
///     let found = limited.submit(search, u64::MAX);
///     assert!(matches!(found.result(), Err(procpool::Error::TimeLimitExceeded { .. })));
///     Ok(())
/// }
/// ```
pub fn should_stop() -> bool {
    let Some(index) = RUNNING.load(Ordering::Relaxed).checked_sub(1) else { return false };
    let requests = *REQUESTS.read().unwrap_or_else(PoisonError::into_inner);
    requests.is_some_and(|requests| requests.is_for(index))
}
