//! Running a function in every worker.
//!
//! Owns the encoding of the function and its arguments, and the decoding of the results.
//! `pool/broadcast` has the rules.

use serde::{Deserialize, Deserializer};

use super::{ProcessPoolExecutor, encode};
use crate::codec;
use crate::error::{CodecStep, Error};
use crate::future::Future;
use crate::lifecycle::WorkerInfo;
use crate::payload::Payload;
use crate::task::{self, TaskFn};

/// The result of a function in one of the workers that ran it; see
/// [`broadcast`](ProcessPoolExecutor::broadcast).
///
/// # Examples
///
/// ```
/// # use procpool::WorkerResult;
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
/// executor.start_workers(2).result()?;
/// for WorkerResult { worker, result } in executor.broadcast(|()| std::process::id(), ()).result()? {
///     assert_eq!(result?, worker.pid);
/// }
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerResult<R> {
    /// The worker.
    pub worker: WorkerInfo,
    /// The function's result, or why it has none there.
    pub result: Result<R, Error>,
}

impl<'de, R: Payload> Deserialize<'de> for WorkerResult<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (worker, result) = <(_, Result<Vec<u8>, Error>)>::deserialize(deserializer)?;
        let result = result.and_then(|result| {
            codec::decode(&result, CodecStep::DecodeResult).map_err(|error| Error::Codec(*error))
        });
        Ok(Self { worker, result })
    }
}

impl<S: 'static> ProcessPoolExecutor<S> {
    /// Runs `function` once in every worker that takes tasks, and in each later one before its first
    /// task: a new configuration, a cache to be dropped.
    ///
    /// The [`Future`] settles when all workers that take tasks now have run it. It returns the result
    /// of each, by worker id, so it says which worker failed; there are none if no worker has started
    /// yet. A busy worker runs the function after its current tasks and those that already
    /// [wait for it](crate::SubmitOptions::wait_for_worker). No worker starts a task that is submitted
    /// after this call before it has run the function. Several functions run in the order of the calls.
    ///
    /// # In workers that take tasks
    ///
    /// The function is a task of that one worker: it may [`report`](crate::report()), has a number,
    /// counts in [`Stats`](crate::Stats) and, if the pool has one, has its
    /// [`task_time_limit`](crate::Builder::task_time_limit). It does not wait for room in a full queue,
    /// is not retried, and does not count for
    /// [`max_tasks_per_child`](crate::Builder::max_tasks_per_child). If it panics, its worker goes on.
    /// The future can be neither cancelled nor killed.
    ///
    /// # In later workers
    ///
    /// Workers that start, or are just starting, run it after their initializer, as another
    /// initializer: nobody reads its result, it has no time limit, and a panic counts as a
    /// [failure of the initializer](crate::Builder::initializer), so that no task runs in a worker
    /// that lacks it. A returned `Err` is a result like any other: panic if the worker must not take
    /// tasks.
    ///
    /// A later call of the same function replaces the earlier one for later workers, which so run each
    /// function once, with its last arguments: pass a whole configuration, not a change to it. The pool
    /// keeps the last arguments of each function as long as it lives.
    ///
    /// # Errors
    ///
    /// The future fails as a whole with [`Error::Shutdown`], [`Error::BrokenProcessPool`],
    /// [`Error::ForkedCopy`], [`Error::Codec`] and [`Error::ForeignFunction`], as for a task. The
    /// result of a single worker may be:
    ///
    /// - [`Error::Panicked`], [`Error::Codec`], [`Error::TimeLimitExceeded`]: as for a task.
    /// - [`Error::WorkerDied`], [`Error::Protocol`]: under
    ///   [`DeathPolicy::Replace`](crate::DeathPolicy::Replace), the worker died before it had run the
    ///   function. Its replacement runs it as a later worker.
    /// - [`Error::Cancelled`]: before the worker started the function, a task
    ///   [retired it](crate::retire_worker()) or it was ended; or a shutdown cancelled what had not
    ///   started.
    ///
    /// # Panics
    ///
    /// Panics if the arguments' `Serialize` does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::atomic::{AtomicU32, Ordering};
    /// # use procpool::WorkerResult;
    /// static LEVEL: AtomicU32 = AtomicU32::new(1);
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// executor.start_workers(1).result()?;
    /// let set = executor.broadcast(|level| LEVEL.swap(level, Ordering::Relaxed), 2);
    /// for WorkerResult { worker, result } in set.result()? {
    ///     println!("{worker}: the level was {}", result?);
    /// }
    /// // In that worker and in any other one.
    /// executor.start_workers(2).result()?;
    /// let levels = executor.map(|()| LEVEL.load(Ordering::Relaxed), [(); 10]);
    /// assert_eq!(levels.collect::<Result<Vec<_>, _>>()?, [2; 10]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn broadcast<A: Payload, R: Payload>(
        &self,
        function: fn(A) -> R,
        arguments: A,
    ) -> Future<Vec<WorkerResult<R>>> {
        self.broadcast_call(function, &arguments)
    }

    /// Runs `function` once in every worker, with that worker's state; see
    /// [`broadcast`](Self::broadcast).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer(|| Ok::<Vec<u32>, String>(Vec::new()))
    ///     .build()?;
    /// executor.submit_with(|cache, x| cache.push(x), 7).result()?;
    /// executor.broadcast_with(|cache, ()| cache.clear(), ()).result()?;
    /// assert_eq!(executor.submit_with(|cache, ()| cache.len(), ()).result()?, 0);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn broadcast_with<A: Payload, R: Payload>(
        &self,
        function: fn(&mut S, A) -> R,
        arguments: A,
    ) -> Future<Vec<WorkerResult<R>>> {
        self.broadcast_call(function, &arguments)
    }

    fn broadcast_call<F: TaskFn, T>(&self, function: F, arguments: &F::Arguments) -> Future<T> {
        let send = || {
            let (entry, first) = (task::call_entry(function)?, task::first_entry(function)?);
            self.pool.broadcast(entry, first, encode(arguments)?.into())
        };
        Future::new(send().map(|shared| (shared, 0)), &self.handle)
    }
}
