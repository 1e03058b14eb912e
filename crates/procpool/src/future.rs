//! `Future<T>`: the parent's handle to a task's result.
//!
//! Owns the state of one task as its submitter sees it, and the waiting for it. Knows no process:
//! the pool tells it what happened, and lends waiting threads a hand through [`Progress`].
//!
//! ```text
//!            start()               finish()
//! Pending ───────────▶ Running ───────────────▶ Finished
//!    │ └──────────────────────────────────────────▲   (the pool broke first)
//!    └──── cancel() ──▶ Cancelled
//! ```
//!
//! A future *settles* once, when it becomes Cancelled or Finished, and never changes again.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::{CodecStep, Error};
use crate::wire::Body;

/// What a task came to: its encoded result, or why there is none.
pub(crate) type Outcome = Result<Body, Error>;

#[derive(Debug)]
enum State {
    /// Queued. The submitter may cancel; the pool may start it or fail it.
    Pending,
    /// Handed to a worker. Only the pool may leave this state.
    Running,
    /// Settled; it never ran.
    Cancelled,
    /// Settled. The result is shared so that it is decoded outside the lock.
    Finished(Arc<Outcome>),
}

/// The state that a [`Future`] shares with the pool.
#[derive(Debug)]
pub(crate) struct SharedFuture {
    state: Mutex<State>,
    settled: Condvar,
}

impl SharedFuture {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Pending), settled: Condvar::new() })
    }

    /// Pending → Running. False when it was cancelled: then it must not run.
    pub(crate) fn start(&self) -> bool {
        let mut state = self.lock();
        let pending = matches!(*state, State::Pending);
        if pending {
            *state = State::Running;
        }
        pending
    }

    /// Pending or Running → Finished. A future that has settled stays as it is.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let mut state = self.lock();
        if matches!(*state, State::Pending | State::Running) {
            *state = State::Finished(Arc::new(outcome));
            drop(state);
            self.settled.notify_all();
        }
    }

    /// Pending → Cancelled. True when it is cancelled now, by this call or an earlier one.
    pub(crate) fn cancel(&self) -> bool {
        let mut state = self.lock();
        match *state {
            State::Pending => {
                *state = State::Cancelled;
                drop(state);
                self.settled.notify_all();
                true
            }
            State::Cancelled => true,
            State::Running | State::Finished(_) => false,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        matches!(*self.lock(), State::Cancelled | State::Finished(_))
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(*self.lock(), State::Running)
    }

    /// Waits until it settles; false when `deadline` passed first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while matches!(*state, State::Pending | State::Running) {
            state = match deadline {
                None => self.settled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.settled.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    /// No code of the user runs under this lock, so a poisoned one still holds a whole state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who can bring a future forward on the thread that waits for it.
pub(crate) trait Progress: Send + Sync {
    /// Works towards settling `future` until it has settled, `deadline` passed, or the caller had
    /// better wait for the pool's own thread. May do nothing.
    fn advance(&self, future: &SharedFuture, deadline: Option<Instant>);
}

/// The result of a task that was submitted to a pool, now or later.
///
/// Made by [`submit`](crate::ProcessPoolExecutor::submit). Dropping it changes nothing: the task
/// runs, and its result is thrown away.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     let future = executor.submit(|(a, b): (u32, u32)| a * b, (6, 7));
///     assert_eq!(future.result()?, 42);
///     assert!(future.done() && !future.running() && !future.cancelled());
///     Ok(())
/// }
/// ```
pub struct Future<T> {
    shared: Arc<SharedFuture>,
    pool: Option<Weak<dyn Progress>>,
    result: PhantomData<fn() -> T>,
}

impl<T> Future<T> {
    pub(crate) fn new(shared: Arc<SharedFuture>, pool: Weak<dyn Progress>) -> Self {
        Self { shared, pool: Some(pool), result: PhantomData }
    }

    /// A future that has settled before anything was submitted.
    pub(crate) fn failed(error: Error) -> Self {
        let shared = SharedFuture::new();
        shared.finish(Err(error));
        Self { shared, pool: None, result: PhantomData }
    }

    /// Cancels the task if it has not started. Returns whether it is cancelled now.
    ///
    /// A cancelled task never runs. A task counts as started when it is handed to a worker; one
    /// that runs or has finished is not affected, and this returns `false`.
    pub fn cancel(&self) -> bool {
        self.shared.cancel()
    }

    /// Returns whether the task was cancelled.
    pub fn cancelled(&self) -> bool {
        matches!(*self.shared.lock(), State::Cancelled)
    }

    /// Returns whether a worker has the task now.
    pub fn running(&self) -> bool {
        self.shared.is_running()
    }

    /// Returns whether the task is over: it has a result, has failed or was cancelled.
    pub fn done(&self) -> bool {
        self.shared.is_settled()
    }

    fn settle_by(&self, deadline: Option<Instant>) -> bool {
        if self.shared.is_settled() {
            return true;
        }
        if let Some(pool) = self.pool.as_ref().and_then(Weak::upgrade) {
            pool.advance(&self.shared, deadline);
        }
        self.shared.wait(deadline)
    }

    /// What it settled to. Only called once it has.
    fn outcome(&self) -> Result<Arc<Outcome>, Error> {
        match &*self.shared.lock() {
            State::Finished(outcome) => Ok(Arc::clone(outcome)),
            _ => Err(Error::Cancelled),
        }
    }
}

impl<T: DeserializeOwned + 'static> Future<T> {
    /// Waits for the task and returns its result, decoded by the calling thread.
    ///
    /// It may be asked again, by any thread: every call decodes the result anew.
    ///
    /// # Errors
    ///
    /// - [`Error::Panicked`]: the task panicked.
    /// - [`Error::Cancelled`]: the task was cancelled before it started.
    /// - [`Error::Codec`]: the arguments or the result could not travel.
    /// - [`Error::ForeignFunction`]: a worker could not find the function.
    /// - [`Error::Shutdown`]: it was submitted after the pool was shut down.
    /// - [`Error::BrokenProcessPool`]: the pool broke before the task finished.
    pub fn result(&self) -> Result<T, Error> {
        self.settle_by(None);
        self.decode()
    }

    /// Waits for the task for at most `limit`, and returns its result.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] when the task is not over by then. The task goes on, and its result can
    /// be asked for again. Otherwise those of [`result`](Self::result).
    pub fn result_timeout(&self, limit: Duration) -> Result<T, Error> {
        // A limit beyond what the clock can name is no limit.
        let deadline = Instant::now().checked_add(limit);
        if self.settle_by(deadline) { self.decode() } else { Err(Error::TimedOut(limit)) }
    }

    /// Waits for the task and returns its error, or `None` when it has a result.
    #[doc(alias = "exception")]
    pub fn error(&self) -> Option<Error> {
        self.result().err()
    }

    fn decode(&self) -> Result<T, Error> {
        match &*self.outcome()? {
            Ok(body) => codec::decode(body, CodecStep::DecodeResult).map_err(Error::Codec),
            Err(error) => Err(error.clone()),
        }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.shared.lock() {
            State::Pending => "pending",
            State::Running => "running",
            State::Cancelled => "cancelled",
            State::Finished(outcome) if outcome.is_ok() => "finished with a result",
            State::Finished(_) => "finished with an error",
        };
        write!(f, "Future<{}>({state})", std::any::type_name::<T>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(shared: &SharedFuture) -> Option<Error> {
        match &*shared.lock() {
            State::Finished(outcome) => outcome.as_ref().as_ref().err().cloned(),
            _ => None,
        }
    }

    #[test]
    fn the_first_outcome_stays() {
        let shared = SharedFuture::new();
        shared.finish(Err(Error::Shutdown));
        shared.finish(Err(Error::Cancelled));
        assert_eq!(error_of(&shared), Some(Error::Shutdown));
        assert!(!shared.cancel() && !shared.start());
    }

    #[test]
    fn cancel_and_start_exclude_each_other() {
        let cancelled = SharedFuture::new();
        assert!(cancelled.cancel() && cancelled.cancel());
        assert!(!cancelled.start());
        let started = SharedFuture::new();
        assert!(started.start());
        assert!(!started.cancel() && !started.is_settled());
    }

    #[test]
    fn a_late_outcome_for_a_cancelled_future_is_dropped() {
        let shared = SharedFuture::new();
        shared.cancel();
        shared.finish(Err(Error::Shutdown));
        assert_eq!(error_of(&shared), None);
    }

    #[test]
    fn waiters_wake_when_it_settles_and_give_up_at_their_deadline() {
        let shared = SharedFuture::new();
        assert!(!shared.wait(Some(Instant::now())));
        let waiter = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.wait(None)
        });
        shared.finish(Err(Error::Shutdown));
        assert!(waiter.join().unwrap());
    }
}
