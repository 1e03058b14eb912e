//! Falling asleep until the other side has something, and never through it.
//!
//! Owns the words by which a side says that it sleeps. Each wait is the same two-sided handshake,
//! with a full fence between the two steps on either side:
//!
//! ```text
//! who waits:   1. word = asleep   2. fence   3. look for work; if there is none, sleep on the word
//! who works:   1. publish         2. fence   3. look at the word; if asleep, wake
//! ```
//!
//! If the worker's fence comes first, the waiter's look comes after the publication and finds the
//! work. If the waiter's comes first, the look at the word finds it asleep. A word that changes
//! between the look for work and the sleep is compared by the kernel once more.
//!
//! The worker process has one thread that waits, for tasks and for room for its results alike.
//! In the parent a worker's results are awaited in one of three ways, named by its word:
//!
//! | word | who waits | what the worker does |
//! |---|---|---|
//! | `MANAGER` | the manager thread, in its poller | writes a `Bell` to the socket |
//! | `WATCHER` | a thread that is looking, over and over | nothing |
//! | `SLEEPER` | that thread, asleep on the word | wakes it |
//!
//! The watcher leaves by storing `MANAGER`, and then looks once more: by the same argument, a
//! result is seen by that look or announced to the manager.
//!
//! A bell costs some microseconds, so the parent says from which result on it wants to hear of
//! results at once ([`ring_from`]); the others are announced before the worker falls asleep.

use std::time::Instant;

use crate::{Ordering, Segment, fence, planted};

/// The parent's manager is told through the socket.
const MANAGER: u32 = 0;
/// A thread of the parent is looking.
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
    /// Word: who in the parent waits. Number: from how many results on it wants to be told at once.
    pub(super) parent: usize,
    /// Number: which wait for room for more tasks goes on in the parent, or 0.
    pub(super) room: usize,
}

/// The full fence between the two steps. What is published is ordered by it alone, so looks at the
/// words can be Relaxed.
fn barrier() {
    if !planted("no fence") {
        fence(Ordering::SeqCst);
    }
}

impl Bells {
    // ---- the worker sleeps, the parent wakes it ----

    /// Puts the worker to sleep unless `has_work`. May return early.
    pub(super) fn sleep_as_worker(&self, segment: &Segment, has_work: impl FnOnce() -> bool) {
        let line = segment.line(self.worker);
        // Read and written in one step, as by who wakes: so one follows the other, and a late wake-up
        // for an earlier sleep cannot be taken for later than this.
        line.word.swap(ASLEEP, Ordering::AcqRel);
        barrier();
        if !has_work() {
            line.sleep_while(ASLEEP, None);
        }
        line.word.store(AWAKE, Ordering::Relaxed);
    }

    /// Wakes the worker if it sleeps, after something was published for it.
    pub(super) fn wake_worker(&self, segment: &Segment) {
        barrier();
        let line = segment.line(self.worker);
        if line.word.load(Ordering::Relaxed) == ASLEEP
            && line.word.swap(AWAKE, Ordering::AcqRel) == ASLEEP
        {
            line.wake_all();
        }
    }

    /// Wakes the worker whatever its word says: a task may have written to it.
    pub(super) fn wake_worker_whatever(&self, segment: &Segment) {
        let line = segment.line(self.worker);
        line.word.swap(AWAKE, Ordering::AcqRel);
        line.wake_all();
    }

    // ---- the parent waits, the worker rings ----

    /// Says from how many results on the parent wants to be told of results at once. The caller
    /// looks for results afterwards.
    pub(super) fn ring_from(&self, segment: &Segment, results: u64) {
        segment.line(self.parent).number.store(results, Ordering::Relaxed);
        barrier();
    }

    /// From how many results on the parent wants to hear of them, if there are that many now. Called
    /// after they were published.
    pub(super) fn due(&self, segment: &Segment, results: u64) -> Option<u64> {
        barrier();
        let wish = segment.line(self.parent).number.load(Ordering::Relaxed);
        (results >= wish).then_some(wish)
    }

    /// The same, for a look.
    pub(super) fn is_reached(&self, segment: &Segment, results: u64) -> bool {
        results >= segment.line(self.parent).number.load(Ordering::Relaxed)
    }

    /// Tells whoever waits in the parent. Returns whether that is the manager, which the caller
    /// must tell through the socket.
    #[must_use = "the manager hears of it through the socket only"]
    pub(super) fn ring(&self, segment: &Segment) -> bool {
        barrier();
        let line = segment.line(self.parent);
        match line.word.load(Ordering::Relaxed) {
            WATCHER => false,
            SLEEPER => {
                // It may have left meanwhile; then it has looked after this result was published.
                let woken = line.word.compare_exchange(
                    SLEEPER,
                    WATCHER,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                // Where a sandbox refuses to wake it, the manager does.
                woken.is_ok() && !line.wake_all()
            }
            _ => true,
        }
    }

    /// Makes the calling thread the one that looks for results.
    pub(super) fn watch(&self, segment: &Segment) {
        segment.line(self.parent).word.store(WATCHER, Ordering::Relaxed);
        barrier();
    }

    /// Ends the watching: from now on the manager is told. The caller looks for results afterwards.
    pub(super) fn leave(&self, segment: &Segment) {
        segment.line(self.parent).word.store(MANAGER, Ordering::Relaxed);
        barrier();
    }

    /// Puts the watching thread to sleep unless `has_results`, until `deadline`. May return early;
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

    /// Wakes the watcher from within the parent, whatever the word says: the worker may have
    /// written to it. The caller has changed what the watcher's look finds.
    pub(super) fn wake_watcher(&self, segment: &Segment) {
        barrier();
        let line = segment.line(self.parent);
        line.word.store(WATCHER, Ordering::Relaxed);
        line.wake_all();
    }

    // ---- the parent waits for room ----

    /// Says that the parent waits for room, in a wait of this number; 0 ends it. The caller looks
    /// for room afterwards.
    pub(super) fn want_room(&self, segment: &Segment, wait: u64) {
        segment.line(self.room).number.store(wait, Ordering::Relaxed);
        barrier();
    }

    /// The wait for room that goes on in the parent, or 0. Called after room was made.
    pub(super) fn room_wanted(&self, segment: &Segment) -> u64 {
        barrier();
        self.wants_room(segment)
    }

    /// The same, for a look. The worker never ends a wait: what was rung for while a watcher was
    /// looking must still be there to be seen.
    pub(super) fn wants_room(&self, segment: &Segment) -> u64 {
        segment.line(self.room).number.load(Ordering::Relaxed)
    }
}
