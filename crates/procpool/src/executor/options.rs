//! Options for submitting a task and for shutting a pool down.
//!
//! Owns the options and their defaults. The executor carries them out.

use std::fmt;
use std::future::IntoFuture;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::time::Duration;

use procpool_link::Entry;

use super::{ProcessPoolExecutor, encode};
use crate::error::Error;
use crate::future::Future;
use crate::payload::Payload;
use crate::pool::{Callee, WhenFull};
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
#[must_use = "nothing is submitted before `submit` or the like"]
pub struct SubmitOptions<'a, S> {
    pub(super) executor: &'a ProcessPoolExecutor<S>,
    pub(super) time_limit: Option<Duration>,
    pub(super) key: Option<u64>,
    pub(super) strict: bool,
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

    /// Sets a key, such as a user's name or a model's path. The task prefers a worker that had the key
    /// before, for what that worker keeps in its memory: a cache, a loaded file, a connection.
    ///
    /// - A task with a key leaves the queue in its turn, like any other. Of the idle workers, one that
    ///   had the key runs it; if none had it, the one that had the fewest keys. That worker has the key
    ///   from then on, and so may others.
    /// - It waits for no worker while another is idle or can be started, unless it is set to
    ///   [wait](Self::wait_for_worker). If all workers are busy, the first that is free runs it. Where tasks are
    ///   known to be short, it may take milliseconds until an idle worker is used, as for any task.
    /// - A worker remembers the last 64 keys that it had. One that replaces another has had none.
    /// - The key is kept as a hash of 64 bits. Keys of equal hashes count as one.
    ///
    /// A task with a key is sent to an idle worker, never ahead, so very short tasks run faster without
    /// one. The key is a hint: a task that does not find what it looks for in its worker has to load it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// /// Each worker keeps the texts that it has read.
    /// type Texts = HashMap<String, String>;
    ///
    /// fn count_lines(texts: &mut Texts, path: String) -> usize {
    ///     let read = || std::fs::read_to_string(&path).unwrap_or_default();
    ///     texts.entry(path.clone()).or_insert_with(read).lines().count()
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let builder = procpool::ProcessPoolExecutor::builder().max_workers(2);
    /// let executor = builder.initializer(|| Ok::<Texts, String>(Texts::new())).build()?;
    /// let path = "Cargo.toml".to_owned();
    /// let options = executor.submit_options().key(&path);
    /// let lines = options.submit_with(count_lines, path.clone()).result()?;
    /// // Runs in the same worker, which need not read the file again.
    /// assert_eq!(options.submit_with(count_lines, path.clone()).result()?, lines);
    /// #     Ok(())
    /// # }
    /// ```
    #[doc(alias = "sticky")]
    pub fn key(mut self, key: impl Hash) -> Self {
        self.key = Some(BuildHasherDefault::<DefaultHasher>::default().hash_one(key));
        self
    }

    /// Makes the task wait for a worker that had its [key](Self::key), even while others are idle. By
    /// default it does not. Without a key this has no effect.
    ///
    /// If no worker had the key, any worker runs the task. If several had it, the task waits for one of
    /// those, unless one is idle. That worker runs it before all tasks submitted later; other workers
    /// run those meanwhile.
    ///
    /// No time bounds the wait, but it ends with the worker: if that dies, is killed, retires, or is about
    /// to be ended because its task exceeds its [limit](Self::time_limit), another worker runs the task.
    /// A task that should wait no longer can be [cancelled](Future::cancel), and submitted again without
    /// waiting.
    ///
    /// This is no lock: two workers that had the key may run two such tasks at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// let options = executor.submit_options().key("session 7").wait_for_worker();
    /// let [first, second] = [(); 2].map(|()| options.submit(|()| std::process::id(), ()));
    /// assert_eq!(first.result()?, second.result()?);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn wait_for_worker(mut self) -> Self {
        self.strict = true;
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
        self.executor.submit_call(self.callee(task::call_entry(task)), arguments)
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
        self.executor.submit_call(self.callee(task::call_entry(task)), arguments)
    }

    /// Submits one call of `task` if there is room in the queue; see
    /// [`ProcessPoolExecutor::try_submit`].
    ///
    /// # Errors
    ///
    /// As for [`ProcessPoolExecutor::try_submit`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let limited = executor.submit_options().time_limit(std::time::Duration::from_secs(60));
    /// let next = limited.try_submit(|x: u32| x + 1, 1);
    /// assert_eq!(next.expect("there is room").result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn try_submit<A: Payload, R: Payload>(
        &self,
        task: fn(A) -> R,
        arguments: A,
    ) -> Result<Future<R>, TrySubmitError<A>> {
        self.try_queue(task::call_entry(task), arguments)
    }

    /// Submits one call of `task` with its worker's state if there is room in the queue; see
    /// [`ProcessPoolExecutor::try_submit`].
    ///
    /// # Errors
    ///
    /// As for [`ProcessPoolExecutor::try_submit`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.initializer(|| Ok::<u32, String>(40)).queue_capacity(10).build()?;
    /// let sum = executor.submit_options().try_submit_with(|state, x: u32| *state + x, 2);
    /// assert_eq!(sum.expect("there is room").result()?, 42);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn try_submit_with<A: Payload, R: Payload>(
        &self,
        task: fn(&mut S, A) -> R,
        arguments: A,
    ) -> Result<Future<R>, TrySubmitError<A>> {
        self.try_queue(task::call_entry(task), arguments)
    }

    /// Submits one call of `task`, and waits for room in the queue without blocking the thread; see
    /// [`ProcessPoolExecutor::submit_async`].
    ///
    /// # Examples
    ///
    /// ```
    /// async fn next(executor: &procpool::ProcessPoolExecutor) -> Result<u32, procpool::Error> {
    ///     let limited = executor.submit_options().time_limit(std::time::Duration::from_secs(60));
    ///     limited.submit_async(|x: u32| x + 1, 1).await.await
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     let runtime = tokio::runtime::Builder::new_current_thread().build();
    /// #     assert_eq!(runtime.expect("a runtime can be made").block_on(next(&executor))?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub async fn submit_async<A: Payload, R: Payload>(
        &self,
        task: fn(A) -> R,
        arguments: A,
    ) -> Future<R> {
        self.queue(task::call_entry(task), arguments).await
    }

    /// Submits one call of `task` with its worker's state, and waits for room in the queue without
    /// blocking the thread; see [`ProcessPoolExecutor::submit_async`].
    ///
    /// # Examples
    ///
    /// ```
    /// async fn sum(executor: &procpool::ProcessPoolExecutor<u32>) -> Result<u32, procpool::Error> {
    ///     let options = executor.submit_options();
    ///     options.submit_async_with(|state, x: u32| *state + x, 2).await.await
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.initializer(|| Ok::<u32, String>(40)).build()?;
    /// #     let runtime = tokio::runtime::Builder::new_current_thread().build();
    /// #     assert_eq!(runtime.expect("a runtime can be made").block_on(sum(&executor))?, 42);
    /// #     Ok(())
    /// # }
    /// ```
    pub async fn submit_async_with<A: Payload, R: Payload>(
        &self,
        task: fn(&mut S, A) -> R,
        arguments: A,
    ) -> Future<R> {
        self.queue(task::call_entry(task), arguments).await
    }

    fn callee(&self, entry: Result<Entry, Error>) -> Result<Callee, Error> {
        let key = self.key.map(|key| (key, self.strict));
        Ok(Callee { entry: entry?, time_limit: self.time_limit, key })
    }

    fn try_queue<A: Payload, R>(
        &self,
        entry: Result<Entry, Error>,
        arguments: A,
    ) -> Result<Future<R>, TrySubmitError<A>> {
        let queue =
            || self.executor.queue(self.callee(entry)?, encode(&arguments)?, WhenFull::Refuse);
        match queue() {
            Ok(call) => Ok(Future::new(Ok(call), &self.executor.handle)),
            Err(reason) => Err(TrySubmitError { arguments, reason }),
        }
    }

    async fn queue<A: Payload, R: Payload>(
        &self,
        entry: Result<Entry, Error>,
        arguments: A,
    ) -> Future<R> {
        let (mut admitted, handle) = (None, &self.executor.handle);
        let full = WhenFull::Wait(&mut admitted);
        let queue = move || self.executor.queue(self.callee(entry)?, encode(&arguments)?, full);
        let future = Future::new(queue(), handle);
        let Some(admitted) = admitted else { return future };
        // Cancels the task if this is dropped before it returns.
        let mut awaiting = future.into_future();
        let admitted = Future::<()>::new(Ok((admitted, 0)), handle).await;
        let future = admitted.and_then(|()| awaiting.future.take().ok_or(Error::Cancelled));
        future.unwrap_or_else(|error| Future::new(Err(error), handle))
    }
}

/// A call that [`try_submit`](ProcessPoolExecutor::try_submit) refused.
///
/// # Examples
///
/// ```
/// # use procpool::{Error, ProcessPoolExecutor, TrySubmitError};
/// # fn main() -> Result<(), Error> {
/// #     procpool::init();
/// #     let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
/// executor.shutdown();
/// let refused = executor.try_submit(|text: String| text.len(), "text".to_owned());
/// let Err(TrySubmitError { arguments, reason }) = refused else { panic!("it is shut down") };
/// assert_eq!((arguments.as_str(), reason), ("text", Error::Shutdown));
/// #     Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TrySubmitError<A> {
    /// The arguments of the call.
    pub arguments: A,
    /// Why it was refused.
    pub reason: Error,
}

impl<A> fmt::Display for TrySubmitError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<A> fmt::Debug for TrySubmitError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySubmitError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<A> std::error::Error for TrySubmitError<A> {}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
