//! `Future<T>`: the parent's handle to a task's result.
//!
//! Owns the blocking operations of a user: query, wait, cancel. `shared` has the state and its
//! changes. `listeners` notifies everything else when a future settles: callbacks
//! (`done_callback`), threads that wait for many futures (`wait`), and wakers of asynchronous code
//! (`awaiting`). Knows no process: the pool reports events to it, and assists waiting threads
//! through [`PoolOfFuture`].

mod awaiting;
mod done_callback;
mod listeners;
#[cfg(all(loom, test))]
mod model;
mod shared;
#[cfg(feature = "stream")]
mod stream;
mod wait;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use procpool_callbacks::CallbackThread;
use serde::de::DeserializeOwned;
use shared::{FINISHED, PENDING, SENT};

use crate::codec;
use crate::error::{CodecStep, Error};
use crate::lifecycle::KillOutcome;

pub use awaiting::Awaiting;
pub(crate) use awaiting::wake;
pub(crate) use listeners::Listener;
pub(crate) use shared::{Body, CANCELLED, Outcome, SharedFuture};
#[cfg(feature = "stream")]
pub use stream::IntoStream;
pub use wait::{AsCompleted, AsCompletedTimeout, DoneAndNotDone, ReturnWhen, as_completed, wait};

/// The pool as futures see it: it knows where tasks are, and can advance a future on the waiting
/// thread.
pub(crate) trait PoolOfFuture: Send + Sync {
    /// Whether this is the pool's process. In a forked copy of it the other methods must not be
    /// called.
    fn is_ours(&self) -> bool;

    /// Works towards settling `future` until it has settled, `deadline` has passed, or the caller
    /// should wait for the pool's own thread. May do nothing.
    fn advance(&self, future: &SharedFuture, deadline: Option<Instant>);

    /// Cancels a task that was sent to a worker but not started. Returns `false` if it has started.
    fn cancel_sent(&self, future: &Arc<SharedFuture>) -> bool;

    /// Ends a task that was sent to a worker, in whatever way it takes.
    fn kill(&self, future: &Arc<SharedFuture>) -> KillOutcome;

    /// Whether a worker has started the task.
    fn has_started(&self, future: &SharedFuture) -> bool;

    /// Ensures that the result of a sent task is noticed at once, although no thread watches for
    /// it.
    fn expect(&self, future: &SharedFuture);

    /// The task with this number was cancelled before it was sent: there is room in the queue.
    fn note_cancelled(&self, id: u64);

    /// The thread that runs callbacks.
    fn callbacks(&self) -> CallbackThread;
}

/// A pool, for all its futures: one pointer in each, where a pointer to a trait object takes two.
pub(crate) struct PoolHandle(Weak<dyn PoolOfFuture>);

impl PoolHandle {
    pub(crate) fn new<P: PoolOfFuture + 'static>(pool: &Arc<P>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(pool) as Weak<dyn PoolOfFuture>))
    }
}

/// The result of a submitted task, now or later.
///
/// Made by [`submit`](crate::ProcessPoolExecutor::submit). Dropping it has no effect on the task:
/// it runs, and its result is discarded. A clone is another handle to the same task: it can
/// [`cancel`](Self::cancel) or [`kill`](Self::kill) the task while another handle is awaited.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let future = executor.submit(|(a, b): (u32, u32)| a * b, (6, 7));
/// assert_eq!(future.result()?, 42);
/// assert!(future.done() && !future.running() && !future.cancelled());
/// #     Ok(())
/// # }
/// ```
pub struct Future<T> {
    shared: Arc<SharedFuture>,
    pool: Option<Arc<PoolHandle>>,
    id: u64,
    result: PhantomData<fn() -> T>,
}

impl<T> Clone for Future<T> {
    /// Returns another handle to the same task.
    fn clone(&self) -> Self {
        let Self { shared, pool, id, result } = self;
        Self { shared: Arc::clone(shared), pool: pool.clone(), id: *id, result: *result }
    }
}

impl<T> Future<T> {
    /// Creates the future of a task of `pool`; of an operation without a number, which then is 0;
    /// or one that settled before anything was submitted.
    pub(crate) fn new(
        submitted: Result<(Arc<SharedFuture>, u64), Error>,
        pool: &Arc<PoolHandle>,
    ) -> Self {
        match submitted {
            Ok((shared, id)) => Self { id, ..Self::of(shared, Some(Arc::clone(pool))) },
            Err(error) => {
                let shared = SharedFuture::new();
                let _nobody_sleeps_on_it = shared.finish(Err(Box::new(error)));
                Self::of(shared, None)
            }
        }
    }

    fn of(shared: Arc<SharedFuture>, pool: Option<Arc<PoolHandle>>) -> Self {
        Self { shared, pool, id: 0, result: PhantomData }
    }

    /// Returns the task's number in its pool, which errors and [events](crate::EventKind) use:
    /// submissions and chunks of maps are counted from 1.
    ///
    /// It is 0 if it stands for no single task: for one that was refused at submission, and for the
    /// futures of [`start_workers`](crate::ProcessPoolExecutor::start_workers) and
    /// [`broadcast`](crate::ProcessPoolExecutor::broadcast).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use procpool::Error;
    /// let endless = executor.submit(|()| std::thread::park(), ());
    /// #     while !endless.running() {
    /// #         std::thread::yield_now();
    /// #     }
    /// endless.kill();
    /// assert_eq!(endless.error(), Some(Error::TaskKilled { work_item: endless.id() }));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Cancels the task if it has not started. Returns whether it is cancelled now.
    ///
    /// A cancelled task never runs. A task that a worker has started, or that has finished, is not
    /// affected, and this returns `false`. A task that was sent to a worker ahead of its turn is
    /// taken back. In a [forked copy](Error::ForkedCopy) of the program nothing is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let busy = executor.submit(|()| std::thread::park(), ());
    /// #     while !busy.running() {
    /// #         std::thread::yield_now();
    /// #     }
    /// let queued = executor.submit(|x: u32| x + 1, 1);
    /// assert!(queued.cancel() && !busy.cancel());
    /// assert_eq!(queued.result(), Err(procpool::Error::Cancelled));
    /// #     executor.kill_workers();
    /// #     Ok(())
    /// # }
    /// ```
    pub fn cancel(&self) -> bool {
        if self.is_lost() {
            return false;
        }
        match self.cancel_pending() {
            Ok(()) | Err(CANCELLED) => true,
            Err(SENT) => self.pool().is_some_and(|pool| pool.cancel_sent(&self.shared)),
            Err(_) => false,
        }
    }

    /// Cancels the task or kills its worker. Returns which of the two it was, if any.
    ///
    /// A task that has not started is cancelled, as by [`cancel`](Self::cancel). If it is running,
    /// its worker is killed: the future fails with [`Error::TaskKilled`], the pool continues, and
    /// other tasks that were sent to that worker run elsewhere. In a
    /// [forked copy](Error::ForkedCopy) of the program there is nothing to end.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{Error, KillOutcome};
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let endless = executor.submit(|()| std::thread::park(), ());
    /// #     while !endless.running() {
    /// #         std::thread::yield_now();
    /// #     }
    /// assert_eq!(endless.kill(), KillOutcome::Killed);
    /// assert!(matches!(endless.result(), Err(Error::TaskKilled { .. })));
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn kill(&self) -> KillOutcome {
        if self.is_lost() {
            return KillOutcome::AlreadyDone;
        }
        if self.shared.state() != SENT {
            // A task that is being sent at this very moment is ended below.
            match self.cancel_pending() {
                Ok(()) | Err(CANCELLED) => return KillOutcome::Cancelled,
                Err(SENT) => {}
                Err(_) => return KillOutcome::AlreadyDone,
            }
        }
        // A pool that is over has settled it.
        self.pool().map_or(KillOutcome::AlreadyDone, |pool| pool.kill(&self.shared))
    }

    /// Returns whether the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let busy = executor.submit(|()| std::thread::park(), ());
    /// #     while !busy.running() {
    /// #         std::thread::yield_now();
    /// #     }
    /// let queued = executor.submit(|x: u32| x + 1, 1);
    /// assert!(!queued.cancelled());
    /// queued.cancel();
    /// assert!(queued.cancelled());
    /// #     executor.kill_workers();
    /// #     Ok(())
    /// # }
    /// ```
    pub fn cancelled(&self) -> bool {
        self.shared.state() == CANCELLED
    }

    /// Returns whether a worker is running the task.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let busy = executor.submit(|()| std::thread::park(), ());
    /// #     while !busy.running() {
    /// #         std::thread::yield_now();
    /// #     }
    /// let queued = executor.submit(|x: u32| x + 1, 1);
    /// assert!(busy.running() && !queued.running());
    /// #     executor.kill_workers();
    /// #     Ok(())
    /// # }
    /// ```
    pub fn running(&self) -> bool {
        self.shared.state() == SENT
            && self.pool().is_some_and(|pool| pool.has_started(&self.shared))
    }

    /// Returns whether the task is over: it has a result, has failed or was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let future = executor.submit(|x: u32| x + 1, 1);
    /// future.result()?;
    /// assert!(future.done());
    /// #     Ok(())
    /// # }
    /// ```
    pub fn done(&self) -> bool {
        self.shared.is_settled()
    }

    /// Cancels a task that was not sent. The error is its state, if it is another.
    fn cancel_pending(&self) -> Result<(), u32> {
        if self.shared.cancel()? {
            self.shared.tell();
        }
        if self.id > 0
            && let Some(pool) = self.pool()
        {
            pool.note_cancelled(self.id);
        }
        Ok(())
    }

    /// Notifies `listener` as soon as this settles. Returns `false` if it has settled, or never
    /// will.
    fn listen(&self, listener: Arc<dyn Listener>) -> bool {
        if self.is_lost() {
            return false;
        }
        let state = self.shared.listen(listener);
        // A task that is sent later carries the request to report its result at once.
        if state == Some(SENT)
            && let Some(pool) = self.pool()
        {
            pool.expect(&self.shared);
        }
        state.is_some()
    }

    fn pool(&self) -> Option<Arc<dyn PoolOfFuture>> {
        self.any_pool().filter(|pool| pool.is_ours())
    }

    /// The pool, even in a forked copy of its process.
    fn any_pool(&self) -> Option<Arc<dyn PoolOfFuture>> {
        self.pool.as_ref().and_then(|pool| pool.0.upgrade())
    }

    /// Whether it will never settle here: this process is a forked copy of the pool's.
    fn is_lost(&self) -> bool {
        let pool = self.any_pool();
        !self.done() && pool.is_some_and(|pool| !pool.is_ours())
    }

    fn settle_by(&self, deadline: Option<Instant>) -> Result<bool, Error> {
        if self.shared.is_settled() {
            return Ok(true);
        }
        match self.any_pool() {
            Some(pool) if !pool.is_ours() => return Err(Error::ForkedCopy),
            Some(pool) => pool.advance(&self.shared, deadline),
            // The pool has settled all its futures.
            None => {}
        }
        Ok(self.shared.wait(deadline))
    }
}

impl<T: DeserializeOwned + 'static> Future<T> {
    /// Waits for the task and returns its result, decoded by the calling thread.
    ///
    /// Any thread may call it repeatedly: every call decodes the result anew.
    ///
    /// # Errors
    ///
    /// - [`Error::Panicked`]: the task panicked.
    /// - [`Error::Cancelled`]: the task was cancelled before it started.
    /// - [`Error::Codec`]: the arguments or the result could not be encoded or decoded.
    /// - [`Error::ForeignFunction`]: a worker could not find the function.
    /// - [`Error::TimeLimitExceeded`]: the task exceeded its time limit.
    /// - [`Error::TaskKilled`]: [`kill`](Self::kill) ended it.
    /// - [`Error::WorkerDied`], [`Error::Protocol`]: under
    ///   [`DeathPolicy::Replace`](crate::DeathPolicy::Replace), its worker died, or was killed
    ///   because it sent invalid data.
    /// - [`Error::Shutdown`]: it was submitted after the pool was shut down, or waited for room then.
    /// - [`Error::QueueFull`]: the pool's own thread submitted it while the queue was full.
    /// - [`Error::BrokenProcessPool`]: the pool broke before the task finished.
    /// - [`Error::OutOfMemory`]: memory for the arguments in the worker, or for the result here,
    ///   could not be allocated.
    /// - [`Error::ForkedCopy`]: this process is a forked copy of the program, made before the task
    ///   finished.
    /// - [`Error::WorkersNotStarted`]: the pool could not start as many workers as
    ///   [`start_workers`](crate::ProcessPoolExecutor::start_workers) requested.
    /// - [`Error::InvalidArgument`]: [`start_workers`](crate::ProcessPoolExecutor::start_workers) was
    ///   asked for more workers than the pool may have.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let future = executor.submit(|x: u32| x + 1, 1);
    /// assert_eq!(future.result()?, 2);
    /// assert_eq!(future.result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn result(&self) -> Result<T, Error> {
        self.settle_by(None)?;
        decode(&self.shared)
    }

    /// Waits at most `timeout` for the task and returns its result.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if the task is not over after `timeout`. The task continues, and its
    /// result can be requested again. Otherwise those of [`result`](Self::result).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use std::time::Duration;
    /// let endless = executor.submit(|()| std::thread::park(), ());
    /// let timeout = Duration::from_millis(10);
    /// assert_eq!(endless.result_timeout(timeout), Err(procpool::Error::TimedOut(timeout)));
    /// #     executor.kill_workers();
    /// #     Ok(())
    /// # }
    /// ```
    pub fn result_timeout(&self, timeout: Duration) -> Result<T, Error> {
        // A timeout beyond what the clock can represent is no timeout.
        let deadline = Instant::now().checked_add(timeout);
        if self.settle_by(deadline)? { decode(&self.shared) } else { Err(Error::TimedOut(timeout)) }
    }

    /// Waits for the task. Returns its error, or `None` if it has a result.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).error(), None);
    /// let panics = executor.submit(|x: u32| -> u32 { panic!("{x}") }, 1);
    /// assert!(matches!(panics.error(), Some(procpool::Error::Panicked(_))));
    /// #     Ok(())
    /// # }
    /// ```
    #[doc(alias = "exception")]
    pub fn error(&self) -> Option<Error> {
        self.result().err()
    }

    /// Waits for the task and returns its result by value; [`result`](Self::result) returns a copy.
    ///
    /// If the result is a `Vec<u8>` or a `String`, that saves a copy.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let reversed = executor.submit(|bytes: Vec<u8>| bytes.into_iter().rev().collect(), vec![1, 2]);
    /// let reversed: Vec<u8> = reversed.into_result()?;
    /// assert_eq!(reversed, [2, 1]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn into_result(self) -> Result<T, Error> {
        self.settle_by(None)?;
        let mut bytes = self.shared.take_outcome()?.into_vec();
        codec::decode_taking(&mut bytes, CodecStep::DecodeResult)
            .map_err(|error| Error::Codec(*error))
    }
}

fn decode<T: DeserializeOwned + 'static>(shared: &SharedFuture) -> Result<T, Error> {
    codec::decode(shared.outcome()?, CodecStep::DecodeResult).map_err(|error| Error::Codec(*error))
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.shared.state() {
            PENDING => "pending",
            SENT => "sent to a worker",
            FINISHED if self.shared.has_failed() => "finished with an error",
            FINISHED => "finished with a result",
            _ => "cancelled",
        };
        write!(f, "Future<{}>({state})", std::any::type_name::<T>())
    }
}
