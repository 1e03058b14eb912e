//! The state that a future shares with the pool: one word, and the outcome once there is one.
//!
//! Owns every change of that state, and who is notified of the last one. Knows no types and no
//! process.
//!
//! ```text
//!          mark_sent()             finish()
//! Pending ───────────▶  Sent  ────────────────▶ Finished
//!   ▲│ └──────────────────┼───────────────────────▲   (the pool broke first)
//!   │└──── cancel() ──▶ Cancelled
//!   └─ mark_taken_back() ─┘
//! ```
//!
//! A future *settles* once, when it becomes Cancelled or Finished, and never changes again. Besides
//! the state, the word holds marks: threads sleep on it; it has listeners. A mark is set only while
//! the future has not settled, in the same atomic step that checks this. So the thread that settles
//! it sees every mark that will ever be set, and calls [`tell`](SharedFuture::tell) once.
//!
//! It is kept small, because every queued task has one: the data of listeners is in a table beside
//! it (`listeners`). `future/model.rs` lets loom check the same code (`just loom`).

use std::sync::Arc;
use std::time::Instant;

use procpool_link::Payload;
use procpool_os::model::planted;

use crate::error::Error;

#[cfg(loom)]
use loom::sync::atomic::Ordering;
#[cfg(not(loom))]
use procpool_os::word::Word;
#[cfg(loom)]
use procpool_os::word::{OnceLock, Word};
#[cfg(not(loom))]
use std::sync::OnceLock;
#[cfg(not(loom))]
use std::sync::atomic::Ordering;

/// The outcome of a task: its encoded result, or the reason why there is none.
pub(crate) type Outcome = Result<Body, Box<Error>>;

/// An encoded result. A small one needs no allocation.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Small { length: u8, bytes: [u8; SMALL] },
    Large(Box<[u8]>),
}

/// The longest that keeps an [`Outcome`] at three words.
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
    // A caller that gets it from a function waits for the bytes just written to move them on.
    #[inline]
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
    /// Returns the bytes, which are moved if they are large.
    pub(super) fn into_vec(self) -> Vec<u8> {
        match self {
            Body::Small { .. } => self.to_vec(),
            Body::Large(bytes) => bytes.into_vec(),
        }
    }
}

/// Queued. The submitter may cancel; the pool may send it to a worker or fail it.
pub(super) const PENDING: u32 = 0;
/// Sent to a worker, where it runs or waits. Only the pool may end this state.
pub(super) const SENT: u32 = 1;
/// Settled; it never ran.
pub(crate) const CANCELLED: u32 = 2;
/// Settled; the outcome is there.
pub(super) const FINISHED: u32 = 3;

/// The bits of the word that hold the state. The others are marks.
const STATE: u32 = 3;
/// Mark: threads sleep on the word.
const AWAITED: u32 = 4;
/// Mark: there are, or were, listeners in the table.
pub(super) const LISTENED: u32 = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct SharedFuture {
    word: Word,
    outcome: OnceLock<Outcome>,
}

// With the two counters of its Arc, it fits an allocation of 64 bytes.
#[cfg(not(loom))]
const _: () = assert!(size_of::<SharedFuture>() == 40);

impl SharedFuture {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { word: Word::new(PENDING), outcome: OnceLock::new() })
    }

    /// Changes the word unless it has settled or `change` returns `None`. Returns the previous word
    /// or, as an error, the unchanged one.
    fn change(&self, change: impl Fn(u32) -> Option<u32>) -> Result<u32, u32> {
        // Acquire and Release: a thread that sees FINISHED sees the outcome, which was set before.
        let order =
            if planted("settled without release") { Ordering::Relaxed } else { Ordering::AcqRel };
        self.word.fetch_update(order, Ordering::Acquire, |word| {
            if word & STATE <= SENT { change(word) } else { None }
        })
    }

    /// From the state `from` → `to`, with its marks.
    fn go(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.change(|word| (word & STATE == from).then_some(to | (word & !STATE)))
    }

    /// Adds a mark and returns the state. Returns `None` if it has settled, so nobody would check
    /// the mark.
    pub(super) fn mark(&self, mark: u32) -> Option<u32> {
        self.change(|word| Some(word | mark)).ok().map(|word| word & STATE)
    }

    /// Pending → Sent. Returns `None` if it was cancelled: then it must not run. Otherwise returns
    /// whether it has listeners, which should be notified of the result at once.
    pub(crate) fn mark_sent(&self) -> Option<bool> {
        self.go(PENDING, SENT).ok().map(|word| word & LISTENED != 0)
    }

    /// Sent → Pending: it was taken back before it ran. Returns `false` if it was not Sent.
    pub(crate) fn mark_taken_back(&self) -> bool {
        self.go(SENT, PENDING).is_ok()
    }

    /// Pending or Sent → Finished. A future that has settled stays as it is. Returns whether the
    /// caller has to call [`tell`](Self::tell).
    pub(crate) fn finish(&self, outcome: Outcome) -> bool {
        // It may be cancelled in between: then there is an outcome that nobody reads.
        if self.is_settled() || self.outcome.set(outcome).is_err() {
            return false;
        }
        self.change(|word| Some(FINISHED | (word & !STATE))).is_ok_and(|word| word & !STATE != 0)
    }

    /// Pending → Cancelled. Returns whether the caller has to call [`tell`](Self::tell).
    ///
    /// # Errors
    ///
    /// Its state, if it is not pending.
    pub(crate) fn cancel(&self) -> Result<bool, u32> {
        match self.go(PENDING, CANCELLED) {
            Ok(word) => Ok(word & !STATE != 0),
            Err(word) => Err(word & STATE),
        }
    }

    /// Wakes the threads that sleep on it. Returns whether there are, or were, listeners.
    pub(super) fn wake_sleepers(&self) -> bool {
        let word = self.word.load(Ordering::Acquire);
        if word & AWAITED != 0 {
            self.word.wake_all();
        }
        word & LISTENED != 0
    }

    pub(super) fn state(&self) -> u32 {
        self.word.load(Ordering::Acquire) & STATE
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.state() > SENT
    }

    /// Waits until it settles. Returns `false` if `deadline` passes first.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        loop {
            if self.is_settled() {
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            let mark = if planted("slept without a mark") { 0 } else { AWAITED };
            // Either the settling thread sees the mark, or this one sees that it has settled.
            if let Ok(word) = self.change(|word| Some(word | mark)) {
                self.word.sleep_while(word | mark, deadline);
            }
        }
    }

    /// Its outcome. Called only once it has settled.
    pub(crate) fn outcome(&self) -> Result<&Body, Error> {
        if self.state() != FINISHED {
            return Err(Error::Cancelled);
        }
        match self.outcome.get() {
            Some(Ok(body)) => Ok(body),
            Some(Err(error)) => Err((**error).clone()),
            None => Err(Error::Cancelled),
        }
    }

    /// Whether the task has failed. A cancelled task has not.
    pub(super) fn has_failed(&self) -> bool {
        self.state() == FINISHED && matches!(self.outcome.get(), Some(Err(_)))
    }

    /// Its outcome, for an owner that needs it no longer. The pool drops its share once it has
    /// settled a whole group of tasks; until then this copies.
    pub(crate) fn take_outcome(self: Arc<Self>) -> Result<Body, Error> {
        match Arc::try_unwrap(self) {
            Ok(mut shared) if shared.state() == FINISHED => {
                let outcome = shared.outcome.take();
                outcome.unwrap_or(Err(Box::new(Error::Cancelled))).map_err(|error| *error)
            }
            Ok(_) => Err(Error::Cancelled),
            Err(shared) => shared.outcome().cloned(),
        }
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
        assert!(shared.cancel() == Err(FINISHED) && shared.mark_sent().is_none());
        assert!(!shared.mark_taken_back());
        assert_eq!(shared.state(), FINISHED);
    }

    #[test]
    fn cancel_and_send_exclude_each_other() {
        let cancelled = SharedFuture::new();
        assert_eq!(cancelled.cancel(), Ok(false));
        assert_eq!(cancelled.cancel(), Err(CANCELLED));
        assert_eq!(cancelled.mark_sent(), None);
        let sent = SharedFuture::new();
        assert_eq!(sent.mark_sent(), Some(false));
        assert_eq!(sent.cancel(), Err(SENT));
        assert!(!sent.is_settled());
        assert!(sent.mark_taken_back());
        assert_eq!(sent.cancel(), Ok(false));
    }

    // Behaviours: FUT-17.
    #[test]
    fn a_late_outcome_for_a_cancelled_future_is_dropped() {
        let shared = SharedFuture::new();
        assert_eq!(shared.cancel(), Ok(false));
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
        // Whether or not it sleeps already: being sent does not end the wait, settling does.
        assert_eq!(shared.mark_sent(), Some(false));
        if shared.finish(Err(Box::new(Error::Shutdown))) {
            shared.tell();
        }
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn small_and_large_results_arrive_whole() {
        for length in [0, SMALL - 1, SMALL, SMALL + 1, 1000] {
            let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let body = Body::from(Payload::Small(&bytes));
            assert_eq!(*body, *bytes);
            assert_eq!(Body::from(Payload::Large(bytes.clone())).into_vec(), bytes);
        }
    }
}
