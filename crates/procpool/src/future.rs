//! `Future<T>`: the parent's handle to a task's result.
//!
//! Owns the state of one task as its submitter sees it, and the waiting for it. Knows no process:
//! the pool tells it what happened, and lends waiting threads a hand through [`Progress`].
//!
//! ```text
//!            send()                finish()
//! Pending ───────────▶  Sent  ────────────────▶ Finished
//!   ▲│ └──────────────────┼───────────────────────▲   (the pool broke first)
//!   │└──── cancel() ──▶ Cancelled
//!   └──── take_back() ────┘
//! ```
//!
//! A future *settles* once, when it becomes Cancelled or Finished, and never changes again. Whether
//! a task that was sent is running, only the pool can tell.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::{CodecStep, Error};
use crate::lifecycle::KillOutcome;
use crate::sys::futex::{self, Scope};
use crate::wire::Payload;

/// What a task came to: its encoded result, or why there is none.
pub(crate) type Outcome = Result<Body, Box<Error>>;

/// An encoded result. A small one needs no memory of its own.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Small { length: u8, bytes: [u8; SMALL] },
    Large(Box<[u8]>),
}

/// As long as it can be without making an [`Outcome`] longer than three words.
const SMALL: usize = 22;

const _: () = assert!(size_of::<Outcome>() == 24);

impl std::ops::Deref for Body {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Body::Small { length, bytes } => &bytes[..usize::from(*length)],
            Body::Large(bytes) => bytes,
        }
    }
}

impl From<Payload<'_>> for Body {
    fn from(payload: Payload<'_>) -> Self {
        let length = payload.len();
        if length <= SMALL {
            let mut bytes = [0; SMALL];
            bytes[..length].copy_from_slice(&payload);
            return Body::Small { length: length as u8, bytes };
        }
        Body::Large(payload.into_vec().into_boxed_slice())
    }
}

impl Body {
    /// Returns the bytes, which are moved if they are many.
    fn into_vec(self) -> Vec<u8> {
        match self {
            Body::Small { .. } => self.to_vec(),
            Body::Large(bytes) => bytes.into_vec(),
        }
    }
}

/// Queued. The submitter may cancel; the pool may send it to a worker or fail it.
const PENDING: u32 = 0;
/// Sent to a worker, where it runs or waits to. Only the pool may leave this state.
const SENT: u32 = 1;
/// Settled; it never ran.
const CANCELLED: u32 = 2;
/// Settled; the outcome is there.
const FINISHED: u32 = 3;
/// Added to PENDING or SENT while threads sleep on the state.
const AWAITED: u32 = 4;

/// The state that a [`Future`] shares with the pool: one word, and the outcome once it is known.
#[derive(Debug)]
pub(crate) struct SharedFuture {
    state: AtomicU32,
    outcome: OnceLock<Outcome>,
}

impl SharedFuture {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: AtomicU32::new(PENDING), outcome: OnceLock::new() })
    }

    /// Changes the state if `change` gives a new one, and returns the old one with its mark; a
    /// settled state is left alone, and an error.
    fn change(&self, change: impl Fn(u32) -> Option<u32>) -> Result<u32, u32> {
        // Acquire and Release: who sees FINISHED sees the outcome, which was set before.
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            let plain = state & !AWAITED;
            let next = if plain <= SENT { change(plain)? } else { return None };
            Some(if next <= SENT { next | (state & AWAITED) } else { next })
        })
    }

    /// Wakes who sleeps on the state.
    pub(crate) fn wake(&self) {
        futex::wake_all(&self.state, Scope::Private);
    }

    /// Pending → Sent. False when it was cancelled: then it must not run.
    pub(crate) fn send(&self) -> bool {
        self.change(|state| (state == PENDING).then_some(SENT)).is_ok()
    }

    /// Sent → Pending: it was taken back before it ran.
    pub(crate) fn take_back(&self) {
        let _ = self.change(|state| (state == SENT).then_some(PENDING));
    }

    /// Pending or Sent → Finished. A future that has settled stays as it is. Returns whether
    /// somebody sleeps on it, whom the caller should [`wake`](Self::wake).
    pub(crate) fn finish(&self, outcome: Outcome) -> bool {
        // A cancellation may come in between: then the outcome is there, and nobody looks at it.
        if self.is_settled() || self.outcome.set(outcome).is_err() {
            return false;
        }
        self.change(|_| Some(FINISHED)).is_ok_and(|state| state & AWAITED != 0)
    }

    /// Pending → Cancelled. Returns the state that it is in then.
    fn cancel(&self) -> u32 {
        match self.change(|state| (state == PENDING).then_some(CANCELLED)) {
            Ok(state) => {
                if state & AWAITED != 0 {
                    self.wake();
                }
                CANCELLED
            }
            Err(state) => state & !AWAITED,
        }
    }

    /// Cancels a task that has not been sent. True when it is cancelled now.
    pub(crate) fn cancel_pending(&self) -> bool {
        self.cancel() == CANCELLED
    }

    fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire) & !AWAITED
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.state() > SENT
    }

    /// Waits until it settles; false when `deadline` passed first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        loop {
            if self.is_settled() {
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            // Whoever settles it sees the mark, or this sees that it has settled.
            let marked = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (state <= SENT).then_some(state | AWAITED)
            });
            match marked {
                Ok(state) => futex::wait(&self.state, state | AWAITED, deadline, Scope::Private),
                Err(state) if state & !AWAITED > SENT => return true,
                Err(state) => futex::wait(&self.state, state, deadline, Scope::Private),
            }
        }
    }

    /// What it settled to. Only called once it has.
    fn outcome(&self) -> Result<&Body, Error> {
        match (self.state(), self.outcome.get()) {
            (FINISHED, Some(Ok(body))) => Ok(body),
            (FINISHED, Some(Err(error))) => Err((**error).clone()),
            _ => Err(Error::Cancelled),
        }
    }
}

/// Somebody who knows where tasks are, and can bring a future forward on the thread that waits.
pub(crate) trait Progress: Send + Sync {
    /// Works towards settling `future` until it has settled, `deadline` passed, or the caller had
    /// better wait for the pool's own thread. May do nothing.
    fn advance(&self, future: &SharedFuture, deadline: Option<Instant>);

    /// Cancels a task that was sent to a worker but has not started there. False when it has.
    fn cancel_sent(&self, future: &SharedFuture) -> bool;

    /// Ends a task that was sent to a worker, whatever it takes.
    fn kill(&self, future: &SharedFuture) -> KillOutcome;

    /// Whether a worker has started the task.
    fn has_started(&self, future: &SharedFuture) -> bool;
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
        let _nobody_sleeps_on_it = shared.finish(Err(Box::new(error)));
        Self { shared, pool: None, result: PhantomData }
    }

    /// Cancels the task if it has not started. Returns whether it is cancelled now.
    ///
    /// A cancelled task never runs. One that a worker has started, or that has finished, is not
    /// affected, and this returns `false`. Tasks that were sent to a worker ahead of their turn are
    /// taken back.
    pub fn cancel(&self) -> bool {
        match self.shared.cancel() {
            CANCELLED => true,
            SENT => self.pool().is_some_and(|pool| pool.cancel_sent(&self.shared)),
            _ => false,
        }
    }

    /// Ends the task, whatever it takes, and says what it did.
    ///
    /// One that has not started is cancelled, as by [`cancel`](Self::cancel). For one that runs, its
    /// worker is killed: the future fails with [`Error::TaskKilled`], the pool goes on, and other
    /// tasks that were sent to that worker run elsewhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use procpool::{Error, KillOutcome};
    ///
    /// fn main() -> Result<(), Error> {
    ///     procpool::init();
    ///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    ///     let endless = executor.submit(|()| std::thread::park(), ());
    ///     while !endless.running() {
    ///         std::thread::yield_now();
    ///     }
    ///     assert_eq!(endless.kill(), KillOutcome::Killed);
    ///     assert!(matches!(endless.result(), Err(Error::TaskKilled { .. })));
    ///     assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn kill(&self) -> KillOutcome {
        match self.shared.cancel() {
            CANCELLED => KillOutcome::Cancelled,
            SENT => match self.pool() {
                Some(pool) => pool.kill(&self.shared),
                // The pool is over, and has settled it.
                None => KillOutcome::AlreadyDone,
            },
            _ => KillOutcome::AlreadyDone,
        }
    }

    /// Returns whether the task was cancelled.
    pub fn cancelled(&self) -> bool {
        self.shared.state() == CANCELLED
    }

    /// Returns whether a worker runs the task now.
    pub fn running(&self) -> bool {
        self.shared.state() == SENT
            && self.pool().is_some_and(|pool| pool.has_started(&self.shared))
    }

    /// Returns whether the task is over: it has a result, has failed or was cancelled.
    pub fn done(&self) -> bool {
        self.shared.is_settled()
    }

    fn pool(&self) -> Option<Arc<dyn Progress>> {
        self.pool.as_ref().and_then(Weak::upgrade)
    }

    fn settle_by(&self, deadline: Option<Instant>) -> bool {
        if self.shared.is_settled() {
            return true;
        }
        if let Some(pool) = self.pool() {
            pool.advance(&self.shared, deadline);
        }
        self.shared.wait(deadline)
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
        decode(&self.shared)
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
        if self.settle_by(deadline) { decode(&self.shared) } else { Err(Error::TimedOut(limit)) }
    }

    /// Waits for the task and returns its error, or `None` when it has a result.
    #[doc(alias = "exception")]
    pub fn error(&self) -> Option<Error> {
        self.result().err()
    }

    /// Waits for the task and gives its result away, where [`result`](Self::result) gives a copy.
    ///
    /// For a `Vec<u8>` or a `String` as a whole, that saves copying it once more.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result).
    ///
    /// # Examples
    ///
    /// ```
    /// fn main() -> Result<(), procpool::Error> {
    ///     procpool::init();
    ///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    ///     let reversed = executor.submit(|bytes: Vec<u8>| bytes.into_iter().rev().collect(), vec![1, 2]);
    ///     let reversed: Vec<u8> = reversed.into_result()?;
    ///     assert_eq!(reversed, [2, 1]);
    ///     Ok(())
    /// }
    /// ```
    pub fn into_result(self) -> Result<T, Error> {
        self.settle_by(None);
        // The pool drops its share when it has settled a whole group of tasks; until then, a copy.
        match Arc::try_unwrap(self.shared) {
            Ok(mut shared) if shared.state() == FINISHED => match shared.outcome.take() {
                Some(Ok(body)) => {
                    codec::decode_taking(&mut body.into_vec(), CodecStep::DecodeResult)
                        .map_err(|error| Error::Codec(*error))
                }
                Some(Err(error)) => Err(*error),
                None => Err(Error::Cancelled),
            },
            Ok(_) => Err(Error::Cancelled),
            Err(shared) => decode(&shared),
        }
    }
}

fn decode<T: DeserializeOwned + 'static>(shared: &SharedFuture) -> Result<T, Error> {
    codec::decode(shared.outcome()?, CodecStep::DecodeResult).map_err(|error| Error::Codec(*error))
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.shared.state(), self.shared.outcome.get()) {
            (PENDING, _) => "pending",
            (SENT, _) => "sent to a worker",
            (FINISHED, Some(Ok(_))) => "finished with a result",
            (FINISHED, _) => "finished with an error",
            _ => "cancelled",
        };
        write!(f, "Future<{}>({state})", std::any::type_name::<T>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(shared: &SharedFuture) -> Option<Error> {
        shared.outcome().err()
    }

    fn fail(shared: &SharedFuture, error: Error) {
        shared.finish(Err(Box::new(error)));
    }

    // Behaviours: FUT-09.
    #[test]
    fn the_first_outcome_stays() {
        let shared = SharedFuture::new();
        fail(&shared, Error::Shutdown);
        fail(&shared, Error::NotInitialized);
        assert_eq!(error_of(&shared), Some(Error::Shutdown));
        assert!(!shared.cancel_pending() && !shared.send());
        shared.take_back();
        assert_eq!(shared.state(), FINISHED);
    }

    #[test]
    fn cancel_and_send_exclude_each_other() {
        let cancelled = SharedFuture::new();
        assert!(cancelled.cancel_pending() && cancelled.cancel_pending());
        assert!(!cancelled.send());
        let sent = SharedFuture::new();
        assert!(sent.send());
        assert!(!sent.cancel_pending() && !sent.is_settled());
        sent.take_back();
        assert!(sent.cancel_pending());
    }

    // Behaviours: FUT-17.
    #[test]
    fn a_late_outcome_for_a_cancelled_future_is_dropped() {
        let shared = SharedFuture::new();
        assert!(shared.cancel_pending());
        fail(&shared, Error::Shutdown);
        assert_eq!(error_of(&shared), Some(Error::Cancelled));
    }

    #[test]
    fn waiters_wake_when_it_settles_and_give_up_at_their_deadline() {
        let shared = SharedFuture::new();
        assert!(!shared.wait(Some(Instant::now())));
        let waiter = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.wait(None)
        });
        // Whether it sleeps already or not: being sent does not end the wait, settling does.
        assert!(shared.send());
        if shared.finish(Err(Box::new(Error::Shutdown))) {
            shared.wake();
        }
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn small_and_large_results_come_back_whole() {
        for length in [0, SMALL - 1, SMALL, SMALL + 1, 1000] {
            let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let body = Body::from(Payload::Small(&bytes));
            assert_eq!(*body, *bytes);
            assert_eq!(Body::from(Payload::Large(bytes.clone())).into_vec(), bytes);
        }
    }
}
