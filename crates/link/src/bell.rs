//! Sleeping until the other side has published something, without ever missing it.
//!
//! Owns the words in which a side records that it sleeps. Each wait is the same two-sided handshake,
//! with a full fence between the two steps on either side:
//!
//! ```text
//! the waiter:    1. word = asleep   2. fence   3. look for work; if there is none, sleep on the word
//! the publisher: 1. publish         2. fence   3. look at the word; if asleep, wake
//! ```
//!
//! If the publisher's fence comes first, the waiter's look follows the publication and finds the work. If
//! the waiter's fence comes first, the publisher's look finds the word asleep. If the word changes between
//! the waiter's look and its sleep, the kernel's comparison of the word finds that.
//!
//! The worker process has one thread that waits, both for tasks and for room for its results.
//! The parent waits for a worker's results in one of three ways; its word says which:
//!
//! | word | waiter | action of the worker |
//! |---|---|---|
//! | `MANAGER` | the manager thread, in its poller | writes a `Bell` to the socket |
//! | `WATCHER` | a thread that polls | nothing |
//! | `SLEEPER` | that thread, asleep on the word | wakes it |
//!
//! The watcher stops watching by storing `MANAGER`, and then looks once more. By the same argument, that look
//! finds the result, or the worker announces it to the manager.
//!
//! A bell costs some microseconds, so the parent names the first result that the worker has to announce at
//! once ([`ring_from`]). The worker announces earlier ones before it sleeps.

use std::time::Instant;

use crate::{Ordering, Segment, fence, planted};

/// The parent's manager waits: the worker rings through the socket.
const MANAGER: u32 = 0;
/// A thread of the parent polls.
const WATCHER: u32 = 1;
/// A thread of the parent sleeps on the word.
const SLEEPER: u32 = 2;

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;

/// The lines of one link's bells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bells {
    /// Word: whether the worker sleeps.
    pub(super) worker: usize,
    /// Word: which thread of the parent waits. Number: how many finished results it wants announced at once.
    pub(super) parent: usize,
    /// Number: the parent's current wait for room for more tasks, or 0.
    pub(super) room: usize,
}

/// The full fence between the two steps. It alone orders the publication and the word, so accesses to the
/// words can be Relaxed.
fn barrier() {
    if !planted("no fence") {
        fence(Ordering::SeqCst);
    }
}

impl Bells {
    /// Puts the worker to sleep unless `has_work`. May return early.
    pub(super) fn sleep_as_worker(&self, segment: &Segment, has_work: impl FnOnce() -> bool) {
        let line = segment.line(self.worker);
        if self.doze(segment, has_work) {
            line.sleep_while(ASLEEP, None);
        }
        line.word.store(AWAKE, Ordering::Relaxed);
    }

    /// Wakes the worker if it sleeps. Called after a publication. Returns whether it slept.
    pub(super) fn wake_worker(&self, segment: &Segment) -> bool {
        barrier();
        let line = segment.line(self.worker);
        let slept = line.word.load(Ordering::Relaxed) == ASLEEP
            && line.word.swap(AWAKE, Ordering::AcqRel) == ASLEEP;
        if slept {
            line.wake_all();
        }
        slept
    }

    /// Notes that the worker's side sleeps, on the word or on its socket. Returns whether it may: unless
    /// `has_work`. Then the next wake-up is one too many.
    pub(super) fn doze(&self, segment: &Segment, has_work: impl FnOnce() -> bool) -> bool {
        // A swap, like the one in `wake_worker`: the two are ordered, so a late wake-up for an earlier sleep
        // cannot count as later than this.
        segment.line(self.worker).word.swap(ASLEEP, Ordering::AcqRel);
        barrier();
        !has_work()
    }

    /// Wakes the worker regardless of its word: a task may have overwritten that.
    pub(super) fn wake_worker_always(&self, segment: &Segment) {
        let line = segment.line(self.worker);
        line.word.swap(AWAKE, Ordering::AcqRel);
        line.wake_all();
    }

    /// Requests a bell as soon as `results` results are finished. The caller looks for results afterwards.
    pub(super) fn ring_from(&self, segment: &Segment, results: u64) {
        segment.line(self.parent).number.store(results, Ordering::Relaxed);
        barrier();
    }

    /// Returns the number of results that the parent wants announced, if `results` has reached it. Called
    /// after the publication.
    pub(super) fn due(&self, segment: &Segment, results: u64) -> Option<u64> {
        barrier();
        let from = segment.line(self.parent).number.load(Ordering::Relaxed);
        (results >= from).then_some(from)
    }

    /// Returns whether `results` has reached that number, without a fence: only for polling.
    pub(super) fn is_reached(&self, segment: &Segment, results: u64) -> bool {
        results >= segment.line(self.parent).number.load(Ordering::Relaxed)
    }

    /// Wakes the parent's waiter. Returns whether that is the manager, which the caller must notify through
    /// the socket.
    #[must_use = "the manager is only notified through the socket"]
    pub(super) fn ring(&self, segment: &Segment) -> bool {
        barrier();
        let line = segment.line(self.parent);
        match line.word.load(Ordering::Relaxed) {
            WATCHER => false,
            SLEEPER => {
                // If the exchange fails, the watcher woke up, and looked after this result was published.
                let woken = line.word.compare_exchange(
                    SLEEPER,
                    WATCHER,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                // If a sandbox refuses to wake it, the manager does.
                woken.is_ok() && !line.wake_all()
            }
            _ => true,
        }
    }

    /// Makes the calling thread the watcher.
    pub(super) fn watch(&self, segment: &Segment) {
        segment.line(self.parent).word.store(WATCHER, Ordering::Relaxed);
        barrier();
    }

    /// Ends the watch: from now on the worker notifies the manager. The caller looks for results afterwards.
    pub(super) fn end_watch(&self, segment: &Segment) {
        segment.line(self.parent).word.store(MANAGER, Ordering::Relaxed);
        barrier();
    }

    /// Puts the watcher to sleep unless `has_results`, until `deadline`. May return early;
    /// it is the watcher again afterwards.
    pub(super) fn sleep_as_watcher(
        &self,
        segment: &Segment,
        deadline: Option<Instant>,
        has_results: impl FnOnce() -> bool,
    ) {
        let line = segment.line(self.parent);
        line.word.store(SLEEPER, Ordering::Relaxed);
        barrier();
        if !has_results() {
            line.sleep_while(SLEEPER, deadline);
        }
        line.word.store(WATCHER, Ordering::Relaxed);
    }

    /// Wakes the watcher from within the parent, regardless of the word: the worker may have overwritten
    /// that. The caller has changed the state that the watcher polls.
    pub(super) fn wake_watcher(&self, segment: &Segment) {
        barrier();
        let line = segment.line(self.parent);
        line.word.store(WATCHER, Ordering::Relaxed);
        line.wake_all();
    }

    /// Records that the parent waits for room, in the wait with this number; 0 ends the wait. The caller
    /// looks for room afterwards.
    pub(super) fn want_room(&self, segment: &Segment, wait: u64) {
        segment.line(self.room).number.store(wait, Ordering::Relaxed);
        barrier();
    }

    /// Returns the parent's current wait for room, or 0. Called after room was made.
    pub(super) fn room_wanted(&self, segment: &Segment) -> u64 {
        barrier();
        self.wants_room(segment)
    }

    /// Returns the same without a fence: only for polling. The worker never ends a wait: if it rings while a
    /// watcher polls, the watcher must still find the wait.
    pub(super) fn wants_room(&self, segment: &Segment) -> u64 {
        segment.line(self.room).number.load(Ordering::Relaxed)
    }
}
