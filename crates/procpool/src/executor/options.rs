//! Options for submitting a task and for shutting a pool down.
//!
//! Owns the options and their defaults. The executor carries them out.

use std::time::Duration;

use super::ProcessPoolExecutor;
use crate::future::Future;
use crate::payload::Payload;
use crate::task;

/// How a task is submitted. Made by [`ProcessPoolExecutor::submit_options`].
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use std::time::Duration;
/// let limited = executor.submit_options().time_limit(Duration::from_secs(60));
/// let (first, second) = (limited.submit(|x: u32| x + 1, 1), limited.submit(|x: u32| x + 2, 1));
/// assert_eq!((first.result()?, second.result()?), (2, 3));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is submitted before `submit` or `submit_with`"]
pub struct SubmitOptions<'a, S> {
    pub(super) executor: &'a ProcessPoolExecutor<S>,
    pub(super) time_limit: Option<Duration>,
}

impl<S: 'static> SubmitOptions<'_, S> {
    /// Sets how long the task may run, overriding the pool's
    /// [`task_time_limit`](crate::Builder::task_time_limit). Waiting in the queue does not count.
    ///
    /// A task that exceeds its limit is ended; [`task_time_limit`](crate::Builder::task_time_limit)
    /// describes the steps.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use procpool::{Error, ProcessPoolExecutor};
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// #     let builder = ProcessPoolExecutor::builder().max_workers(1);
    /// #     let executor = builder.grace(Duration::ZERO).build()?;
    /// let limited = executor.submit_options().time_limit(Duration::from_millis(20));
    /// let endless = limited.submit(|()| std::thread::park(), ());
    /// assert!(matches!(endless.result(), Err(Error::TimeLimitExceeded { work_item: 1, .. })));
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Submits one call of `task`; see [`ProcessPoolExecutor::submit`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let limited = executor.submit_options().time_limit(std::time::Duration::from_secs(60));
    /// assert_eq!(limited.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit<A: Payload, R: Payload>(&self, task: fn(A) -> R, arguments: A) -> Future<R> {
        self.executor.submit_entry(task::call_entry(task), self.time_limit, arguments)
    }

    /// Submits one call of `task` with its worker's state; see [`ProcessPoolExecutor::submit_with`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer(|| Ok::<u32, String>(40))
    ///     .build()?;
    /// let limited = executor.submit_options().time_limit(std::time::Duration::from_secs(60));
    /// assert_eq!(limited.submit_with(|state, x: u32| *state + x, 2).result()?, 42);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit_with<A, R>(&self, task: fn(&mut S, A) -> R, arguments: A) -> Future<R>
    where
        A: Payload,
        R: Payload,
    {
        self.executor.submit_entry(task::call_entry(task), self.time_limit, arguments)
    }
}

/// How a pool is shut down, for [`ProcessPoolExecutor::shutdown_with`].
///
/// The defaults are Python's: it waits, and cancels nothing.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::ShutdownOptions;
/// executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "no pool is shut down before `shutdown_with`"]
pub struct ShutdownOptions {
    /// Whether the call returns without waiting.
    pub(super) detach: bool,
    pub(super) cancel_futures: bool,
}

impl ShutdownOptions {
    /// Returns the options of [`shutdown`](ProcessPoolExecutor::shutdown): it waits, and cancels
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use procpool::ShutdownOptions;
    ///
    /// let explicit = ShutdownOptions::new().wait(true).cancel_futures(false);
    /// assert_eq!(ShutdownOptions::new(), explicit);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the call waits until all work is done, every worker has exited and all callbacks
    /// and hooks have run.
    ///
    /// With `false` it returns at once, and accepted work completes as long as the program lives.
    /// Dropping the executor does not wait either.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use procpool::ShutdownOptions;
    /// let future = executor.submit(|x: u32| x + 1, 1);
    /// executor.shutdown_with(ShutdownOptions::new().wait(false));
    /// assert_eq!(future.result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn wait(mut self, wait: bool) -> Self {
        self.detach = !wait;
        self
    }

    /// Sets whether tasks that have not started are cancelled. Running tasks finish in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use procpool::{Error, ShutdownOptions};
    /// let future = executor.submit(|x: u32| x + 1, 1);
    /// executor.shutdown_with(ShutdownOptions::new().cancel_futures(true));
    /// assert!(matches!(future.result(), Ok(2) | Err(Error::Cancelled)));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn cancel_futures(mut self, cancel_futures: bool) -> Self {
        self.cancel_futures = cancel_futures;
        self
    }
}
