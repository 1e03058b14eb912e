//! `ProcessPoolExecutor`: the user's handle on a pool.
//!
//! Owns the manager thread's join handle and the meaning of dropping. Knows no process. `builder`
//! builds a pool; `map` has its `map` methods; `options` has the other ways to submit a task and to
//! shut a pool down; `broadcast` reaches every worker.

mod broadcast;
mod options;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use nix::errno::Errno;

use crate::codec;
use crate::error::{CodecStep, Error};
use crate::future::{Future, PoolHandle, SharedFuture};
use crate::lifecycle::{Events, Stats, WorkerInfo, WorkerState};
use crate::payload::Payload;
use crate::pool::{Arguments, Callee, LARGE, Pool, Settings, WhenFull};

pub use broadcast::WorkerResult;
pub use options::{ShutdownOptions, SubmitOptions, TrySubmitError};

/// A pool of worker processes, like Python's `concurrent.futures.ProcessPoolExecutor`.
///
/// Tasks are functions, or closures that capture nothing; their arguments and results are owned
/// serde types. `S` is the state that the initializer creates in each worker.
///
/// Workers are started just in time: when a task finds no idle worker and fewer than
/// [`max_workers`](crate::Builder::max_workers) exist. All methods take `&self` and may be called from
/// any thread.
///
/// Dropping the executor waits for all submitted tasks and ends the workers, like the end of
/// Python's `with` block; see [`shutdown`](Self::shutdown). That blocks the thread, even one of an
/// asynchronous runtime.
///
/// # Examples
///
/// ```
/// use procpool::ProcessPoolExecutor;
///
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
///     let squares: Vec<u64> = executor.map(square, 1..=4).collect::<Result<_, _>>()?;
///     assert_eq!(squares, [1, 4, 9, 16]);
///     Ok(())
/// }
/// ```
pub struct ProcessPoolExecutor<S = ()> {
    pool: Arc<Pool>,
    handle: Arc<PoolHandle>,
    /// `None` once it was joined.
    manager: Mutex<Option<JoinHandle<()>>>,
    manager_id: ThreadId,
    /// Whether a shutdown without waiting was requested: then dropping does not wait either.
    detached: AtomicBool,
    state: PhantomData<fn() -> S>,
}

thread_local! {
    /// The buffer that arguments are encoded into. It is reused by one submission at a time,
    /// because an argument's `Serialize` may itself submit.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[inline(always)]
fn encode<A: Payload>(arguments: &A) -> Result<Vec<u8>, Error> {
    // Gone in the destructor of another thread-local.
    let mut encoded = BUFFER.try_with(Cell::take).unwrap_or_default();
    encoded.clear();
    codec::encode(arguments, &mut encoded, CodecStep::EncodeArguments)
        .map_err(|error| Error::Codec(*error))?;
    Ok(encoded)
}

impl<S: 'static> ProcessPoolExecutor<S> {
    pub(crate) fn start(settings: Settings) -> Result<Self, Error> {
        let pool = Pool::new(settings)?;
        let manager = thread::Builder::new().name("procpool-manager".to_owned()).spawn({
            let pool = Arc::clone(&pool);
            move || pool.run()
        });
        let manager = manager
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EAGAIN)))
            .map_err(Error::setup("the manager thread"))?;
        Ok(Self {
            handle: PoolHandle::new(&pool),
            pool,
            manager_id: manager.thread().id(),
            manager: Mutex::new(Some(manager)),
            detached: AtomicBool::new(false),
            state: PhantomData,
        })
    }

    /// Submits one call of `task` and returns a [`Future`] for its result.
    ///
    /// The arguments are encoded before this returns; several form a tuple. It never waits for a
    /// worker; in a pool with a [`queue_capacity`](crate::Builder::queue_capacity) it waits for room in
    /// the queue. Dropping the future does not cancel the task.
    ///
    /// # Unsupported tasks and types
    ///
    /// | what | how it is reported | remedy |
    /// |---|---|---|
    /// | a closure that captures | compiler: "closures can only be coerced to `fn` types if they do not capture" | pass what it captures as an argument |
    /// | borrowed arguments or results, such as `&str` | compiler: "implementation of `Deserialize` is not general enough", with the type | own them: `String`, `Vec<T>` |
    /// | types without serde, such as most errors | compiler: "cannot be sent to another process", with the type and the cures of [`Payload`] | derive it, send the data they are made from, or an error's text |
    /// | types that are written differently than they are read, or need names in the data, such as `serde_json::Value` | [`Error::Codec`], with the type and the field, before anything is sent | [`SelfDescribing`](crate::SelfDescribing), or remove the attribute |
    /// | a function of a shared library | [`Error::ForeignFunction`], with its type | call it from a function of the program |
    ///
    /// # Errors
    ///
    /// All errors are the future's: arguments that cannot be encoded, a function outside the main
    /// executable, and a pool that is shut down or broken settle it at once. The last two also end a
    /// wait for room. Where the pool's own thread calls this, in a waker or a logger, it does not wait:
    /// a full queue settles the future with [`Error::QueueFull`].
    ///
    /// # Panics
    ///
    /// Panics if the arguments' `Serialize` does.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let product = executor.submit(|(a, b): (u32, u32)| a * b, (6, 7));
    /// assert_eq!(product.result()?, 42);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit<A: Payload, R: Payload>(&self, task: fn(A) -> R, arguments: A) -> Future<R> {
        self.submit_options().submit(task, arguments)
    }

    /// Submits one call of `task` with the state of the worker that will run it.
    ///
    /// See [`submit`](Self::submit).
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
    /// executor.submit_with(|seen, x| seen.push(x), 7).result()?;
    /// assert_eq!(executor.submit_with(|seen, ()| seen.len(), ()).result()?, 1);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit_with<A, R>(&self, task: fn(&mut S, A) -> R, arguments: A) -> Future<R>
    where
        A: Payload,
        R: Payload,
    {
        self.submit_options().submit_with(task, arguments)
    }

    /// Submits one call of `task` if there is room in the queue, and never waits; see
    /// [`queue_capacity`](crate::Builder::queue_capacity).
    ///
    /// [`SubmitOptions`] can submit a task with a state in this way, too.
    ///
    /// # Errors
    ///
    /// Returns the arguments and the reason if the call is refused: [`Error::QueueFull`], or one for
    /// which [`submit`](Self::submit) settles the future at once.
    ///
    /// # Panics
    ///
    /// Panics if the arguments' `Serialize` does.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.queue_capacity(1).build()?;
    /// let busy = executor.submit(|()| std::thread::park(), ());
    /// #     while !busy.running() {
    /// #         std::thread::yield_now();
    /// #     }
    /// let queued = executor.try_submit(|x: u32| x + 1, 1).expect("no other task waits");
    /// let refused = executor.try_submit(|x: u32| x + 1, 2).expect_err("one task waits");
    /// assert_eq!((refused.arguments, refused.reason), (2, procpool::Error::QueueFull));
    /// busy.kill();
    /// assert_eq!(queued.result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn try_submit<A: Payload, R: Payload>(
        &self,
        task: fn(A) -> R,
        arguments: A,
    ) -> Result<Future<R>, TrySubmitError<A>> {
        self.submit_options().try_submit(task, arguments)
    }

    /// Submits one call of `task`, and waits for room in the queue without blocking the thread, under
    /// any executor; see [`queue_capacity`](crate::Builder::queue_capacity).
    ///
    /// Returns the [`Future`] of the result. If this is dropped before, the call never runs, unless a
    /// worker has started it already. [`SubmitOptions`] can submit a task with a state in this way, too.
    ///
    /// # Errors
    ///
    /// All errors are the returned future's, as for [`submit`](Self::submit).
    ///
    /// # Panics
    ///
    /// Panics if the arguments' `Serialize` does.
    ///
    /// # Examples
    ///
    /// ```
    /// async fn sum(executor: &procpool::ProcessPoolExecutor) -> Result<u64, procpool::Error> {
    ///     let mut squares = Vec::new();
    ///     for x in 0..100 {
    ///         squares.push(executor.submit_async(|x: u64| x * x, x).await);
    ///     }
    ///     let mut sum = 0;
    ///     for square in squares {
    ///         sum += square.await?;
    ///     }
    ///     Ok(sum)
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.queue_capacity(10).build()?;
    /// #     let runtime = tokio::runtime::Builder::new_current_thread().build();
    /// #     let runtime = runtime.expect("a runtime can be made");
    /// assert_eq!(runtime.block_on(sum(&executor))?, 328_350);
    /// #     Ok(())
    /// # }
    /// ```
    pub async fn submit_async<A: Payload, R: Payload>(
        &self,
        task: fn(A) -> R,
        arguments: A,
    ) -> Future<R> {
        self.submit_options().submit_async(task, arguments).await
    }

    /// Returns options for a submission that override the pool's settings for one task.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use std::time::Duration;
    /// let options = executor.submit_options().time_limit(Duration::from_secs(60));
    /// assert_eq!(options.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit_options(&self) -> SubmitOptions<'_, S> {
        let time_limit = self.pool.task_time_limit();
        SubmitOptions { executor: self, time_limit, key: None, strict: false }
    }

    /// Starts workers until `workers` of them take tasks. Returns a [`Future`] that settles then.
    ///
    /// A pool whose workers have started runs its first tasks as fast as later ones. Otherwise
    /// there is no need to call this: workers start when tasks need them.
    ///
    /// # Errors
    ///
    /// All errors are the future's:
    ///
    /// - [`Error::InvalidArgument`]: `workers` is more than [`max_workers`](crate::Builder::max_workers).
    /// - [`Error::WorkersNotStarted`]: the system refuses workers, or some fail, and the pool
    ///   continues with those that it has.
    /// - [`Error::Shutdown`]: the pool is shut down already, or while workers start.
    /// - [`Error::BrokenProcessPool`], [`Error::ForkedCopy`]: as for tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// executor.start_workers(2).result()?;
    /// assert_eq!(executor.stats().idle, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn start_workers(&self, workers: usize) -> Future<()> {
        let wanted = if workers > self.pool.max_workers() {
            Err(Error::InvalidArgument("start_workers takes at most max_workers".into()))
        } else {
            self.pool.start_workers(workers)
        };
        Future::new(wanted.map(|shared| (shared, 0)), &self.handle)
    }

    /// Returns a [`Future`] that settles when the hooks and callbacks that are due now have run, and so
    /// when every [report](crate::report()) of a task that has returned has been handled. A task that is
    /// killed or exceeds its time limit may have sent reports that are read later.
    ///
    /// A result may be there before its task's reports are handled, which happens on another thread. A
    /// hook or a callback must not wait for this future, which would wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::ForkedCopy`], which is the future's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// static STEPS: AtomicU64 = AtomicU64::new(0);
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .on_report(|report: procpool::Report<u64>| {
    ///         STEPS.fetch_add(report.value.unwrap_or(0), Ordering::Relaxed);
    ///     })
    ///     .build()?;
    /// executor.submit(|steps: u64| procpool::report(&steps), 3).result()??;
    /// executor.flush().result()?;
    /// assert_eq!(STEPS.load(Ordering::Relaxed), 3);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn flush(&self) -> Future<()> {
        Future::new(self.pool.flush().map(|shared| (shared, 0)), &self.handle)
    }

    fn submit_call<A: Payload, R>(&self, callee: Result<Callee, Error>, arguments: A) -> Future<R> {
        let queue = || {
            let callee = callee?;
            // A vector that the caller gave becomes the thread's buffer.
            let encoded = match codec::into_bytes(arguments) {
                Ok(bytes) => bytes,
                Err(arguments) => encode(&arguments)?,
            };
            // In a waker or a logger, this may be the manager, which makes the room.
            self.queue(callee, encoded, WhenFull::BlockUnless(self.manager_id))
        };
        Future::new(queue(), &self.handle)
    }

    /// Queues a call; see [`Pool::submit`].
    #[inline(always)]
    fn queue(
        &self,
        callee: Callee,
        encoded: Vec<u8>,
        full: WhenFull<'_>,
    ) -> Result<(Arc<SharedFuture>, u64), Error> {
        if encoded.len() >= LARGE {
            return self.pool.submit(callee, Arguments::Large(encoded), full);
        }
        let submitted = self.pool.submit(callee, Arguments::Small(&encoded), full);
        let _ = BUFFER.try_with(|kept| kept.set(encoded));
        submitted
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl<S> ProcessPoolExecutor<S> {
    /// Accepts no new tasks, waits until all accepted tasks are done, and ends the workers.
    ///
    /// It returns when every worker has exited and all callbacks and hooks have run.
    /// [`shutdown_with`](Self::shutdown_with) can also cancel tasks, or return at once. Both may be
    /// called repeatedly, in any combination, and each call has its own effect: one that waits does
    /// so even after one that did not, and one that cancels affects the tasks still queued.
    ///
    /// A callback or hook that calls it does not wait for itself or those behind it; but a task that
    /// [reports](crate::report()) much may wait for that hook, forever. A map that is
    /// still taking items is refused the next one, so the iterator of those items may call it too.
    /// In a [forked copy](Error::ForkedCopy) of the program it does nothing, and neither does
    /// dropping.
    ///
    /// It blocks the calling thread, as dropping the executor does. In asynchronous code, call it
    /// where blocking is allowed (`spawn_blocking` and the like), or call
    /// `shutdown_with(ShutdownOptions::new().wait(false))`, after which the drop does not wait.
    ///
    /// The descriptors that wake the pool (two, or four with
    /// [`capture_stderr`](crate::Builder::capture_stderr)) and the files of
    /// [`Output::File`](crate::Output::File) are closed with the executor; all others are closed
    /// with the workers.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use procpool::Error;
    /// let future = executor.submit(|x: u32| x + 1, 1);
    /// executor.shutdown();
    /// assert!(future.done());
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).error(), Some(Error::Shutdown));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self) {
        self.shutdown_with(ShutdownOptions::new());
    }

    /// Shuts the pool down like [`shutdown`](Self::shutdown), but waits and cancels according to
    /// `options`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use procpool::ShutdownOptions;
    /// let futures: Vec<_> = (0..9).map(|x| executor.submit(|x: u32| x + 1, x)).collect();
    /// executor.shutdown_with(ShutdownOptions::new().cancel_futures(true));
    /// assert!(futures.iter().all(|future| future.done()));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn shutdown_with(&self, options: ShutdownOptions) {
        if self.pool.shutdown(options.cancel_futures).is_err() {
            return;
        }
        if options.detach {
            // Relaxed: the thread that drops the executor owns it alone.
            self.detached.store(true, Ordering::Relaxed);
            return;
        }
        // The manager thread itself may get here, through a waker, or through a callback if the
        // system has refused the callback thread.
        if thread::current().id() != self.manager_id {
            if !self.pool.is_unreachable() {
                self.join_manager();
            }
            self.pool.finish_callbacks();
        }
    }

    /// Waits until the manager thread has ended.
    fn join_manager(&self) {
        // Locked until then, so that every caller waits for that.
        let mut manager = self.manager.lock().unwrap_or_else(PoisonError::into_inner);
        // It catches its own panics and turns them into the pool's error.
        let _ = manager.take().map(JoinHandle::join);
    }

    /// Sends every worker SIGTERM and breaks the pool. With
    /// [`ignore_group_signals`](crate::Builder::ignore_group_signals) it kills them instead.
    ///
    /// Tasks that have not finished, including queued ones, fail with
    /// [`BrokenCause::Terminated`](crate::BrokenCause::Terminated). Workers that still run after
    /// [`grace`](crate::Builder::grace), because they handle or ignore the signal, are killed. This
    /// returns at once; dropping the executor waits until the workers are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{BrokenCause, Error, ProcessPoolExecutor};
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// #     let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let endless = executor.submit(|()| std::thread::park(), ());
    /// executor.terminate_workers();
    /// let Err(Error::BrokenProcessPool(broken)) = endless.result() else { panic!("it ended") };
    /// assert_eq!(*broken.cause(), BrokenCause::Terminated);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn terminate_workers(&self) {
        self.pool.terminate_workers();
    }

    /// Returns how many workers may exist at once: the builder's
    /// [setting](crate::Builder::max_workers), or its default.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// assert_eq!(executor.max_workers(), 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn max_workers(&self) -> usize {
        self.pool.max_workers()
    }

    /// Returns the pool's numbers at this instant. In a [forked copy](Error::ForkedCopy) of the
    /// program all are 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// executor.submit(|x: u32| x + 1, 1).result()?;
    /// let stats = executor.stats();
    /// assert_eq!((stats.idle, stats.done, stats.queued), (1, 1, 0));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// Returns the workers at this instant, with their hosts, in the order of their numbers: those that start and
    /// those that exit, too. In a [forked copy](Error::ForkedCopy) of the program there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use procpool::WorkerState;
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// executor.start_workers(2).result()?;
    /// for (worker, state) in executor.workers() {
    ///     println!("{worker} is {state:?}"); // worker 0 (pid 4711) is Idle
    ///     assert_eq!(state, WorkerState::Idle);
    /// }
    /// assert_eq!(executor.workers().len(), 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn workers(&self) -> Vec<(WorkerInfo, WorkerState)> {
        self.pool.workers()
    }

    /// Returns the pool's events from now on: workers start, become ready and exit, tasks are ended
    /// or retried, the pool ends.
    ///
    /// There may be several receivers; each gets every event. They keep nothing alive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{EventKind, ExitReason, ProcessPoolExecutor};
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let events = executor.events();
    /// executor.submit(|x: u32| x + 1, 1).result()?;
    /// drop(executor);
    /// let last = events.last().map(|event| event.kind);
    /// assert!(matches!(last, Some(EventKind::WorkerExited(_, ExitReason::Finished))));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> Events {
        let (observer, events) = Events::channel();
        self.pool.observe(observer);
        events
    }

    /// Kills every worker with SIGKILL and breaks the pool.
    ///
    /// Tasks that have not finished, including queued ones, fail with
    /// [`BrokenCause::Killed`](crate::BrokenCause::Killed). This returns at once; dropping the
    /// executor waits until the workers are gone. It also ends an initializer or a task that never
    /// returns.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let endless = executor.submit(|()| std::thread::park(), ());
    /// executor.kill_workers();
    /// assert!(matches!(endless.error(), Some(procpool::Error::BrokenProcessPool(_))));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn kill_workers(&self) {
        self.pool.kill_workers();
    }
}

impl<S> Drop for ProcessPoolExecutor<S> {
    /// Waits for all submitted tasks, or cancels them if the pool was built to
    /// [`cancel_on_drop`](crate::Builder::cancel_on_drop), and for the end of the workers; unless a shutdown with
    /// [`wait(false)`](ShutdownOptions::wait) was requested or this process is a forked copy of the
    /// pool's.
    fn drop(&mut self) {
        if !self.pool.is_ours() {
            // In a forked copy the thread of this handle does not exist.
            if let Ok(manager) = self.manager.get_mut() {
                std::mem::forget(manager.take());
            }
        } else if !*self.detached.get_mut() {
            let cancels = self.pool.cancels_on_drop();
            self.shutdown_with(ShutdownOptions::new().cancel_futures(cancels));
        }
    }
}

impl<S> fmt::Debug for ProcessPoolExecutor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolExecutor")
            .field("max_workers", &self.pool.max_workers())
            .finish_non_exhaustive()
    }
}
