//! The items of one `map` call, between its caller, the pool and the reader of its results.
//!
//! Owns the lock around the encoded items and the chunks made of them (`state`), and when which
//! side is woken. Knows no worker: the pool takes chunks and returns outcomes.
//!
//! ```text
//! map(): Feeder::push(item) …       pool: take_chunk() → finish(chunk)       Map: next_chunk()
//!              └─▶ waiting items ─────────────┴─▶ finished chunks ────────────────┘
//! ```
//!
//! The [`Feeder`] takes no lock per item. A chunk of fixed size cannot be taken before it is
//! complete, so the feeder keeps it to itself. Otherwise items go into a buffer that the pool can
//! read at any time, because the caller's iterator may pause for any length of time: items that it
//! has yielded must not wait for later ones. A map with a buffersize pulls one item for each result
//! that is read, through a [`PulledFeeder`], and may never end.
//!
//! Lock order: this lock may be taken while the pool's is held, never the reverse.

mod feeder;
mod pulled;
mod state;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use feeder::Buffer;
use procpool_link::{Entry, Payload};
use state::{Block, State};

use crate::chunk;
use crate::error::Error;
use crate::future::{Body, Outcome};
use crate::sys::barrier;

pub(crate) use feeder::{Feeder, Pushed};
pub(crate) use pulled::PulledFeeder;

/// How many items make a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunking {
    /// Always this many items, except in the last chunk.
    Fixed(usize),
    /// As many as measured times and the remaining items suggest.
    Adaptive,
}

/// The order in which the reader gets the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    OfItems,
    OfFinishing,
}

/// One `map` call.
#[derive(Debug)]
pub(crate) struct ChunkSource {
    pub(crate) entry: Entry,
    /// Whether its items are pulled one by one, as results are read.
    pulled: bool,
    /// Whether the feeder has to do more than push: a worker asked for items in vain, so the pool
    /// has to be woken for the next one; or no more items are accepted.
    attention: AtomicBool,
    /// Whether no more items are accepted, for a feeder without a chunk to hand over yet.
    closed: AtomicBool,
    state: Mutex<State>,
    finished: Condvar,
}

/// A chunk that was taken: the items to send, and the source that its outcome goes to.
#[derive(Debug)]
pub(crate) struct ChunkTask {
    pub(crate) source: Arc<ChunkSource>,
    /// Identifies the chunk in its source.
    end: u64,
    pub(crate) items: Bytes,
    /// How many items it has.
    pub(crate) count: u32,
    /// How long it should take, if known.
    pub(crate) expected_nanos: Option<u64>,
    /// How long it may run.
    pub(crate) time_limit: Option<Duration>,
    /// How often it was lost with a worker and retried.
    pub(crate) retried: u32,
    /// How many workers ended after they were sent it and before they started it.
    pub(crate) undelivered: u32,
    /// How many of its items have passed on their result, and how many bytes of the unfinished
    /// result were read for that.
    given: u32,
    shown: usize,
    /// The beginning of its result, if that arrives in two frames.
    part: Vec<u8>,
}

impl ChunkTask {
    /// Whether its outcome is no longer awaited.
    pub(crate) fn is_settled(&self) -> bool {
        self.source.lock().find(self.end).is_none()
    }

    /// Whether results may be passed on before it is over.
    pub(crate) fn has_parts(&self) -> bool {
        self.count - self.given > 1
    }

    /// Whether the reader waits for one of its results.
    pub(crate) fn is_awaited(&self) -> bool {
        self.source.lock().awaits(self.end)
    }

    /// How many bytes of the unfinished result were read.
    pub(crate) fn shown(&self) -> usize {
        self.shown
    }

    /// Passes on the results at the beginning of `new`, the bytes that the worker has written since
    /// the last call. The last item's result is passed on when the chunk is over.
    pub(crate) fn give(&mut self, new: &[u8]) {
        let (mut rest, mut arguments) = (new, &self.items[..]);
        let before = self.given;
        while self.has_parts() && chunk::take(&mut rest).is_some() {
            chunk::take(&mut arguments);
            self.given += 1;
        }
        let items = (self.given - before) as usize;
        if items > 0 {
            let results = &new[..new.len() - rest.len()];
            self.shown += results.len();
            self.source.give(self.end, items, Body::from(Payload::Small(results)));
            // These items are not run again.
            self.items = self.items.slice(self.items.len() - arguments.len()..);
        }
    }

    /// Keeps the beginning of its result; the rest follows at once.
    pub(crate) fn keep_part(&mut self, result: Vec<u8>) {
        self.part = result;
    }

    /// Prepares the items without a result for another run.
    pub(crate) fn retry(&mut self) {
        self.retried += 1;
        self.count -= self.given;
        (self.given, self.shown, self.part) = (0, 0, Vec::new());
    }

    /// Records its outcome. Parts of it may have been passed on.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let rest = |body: Body| {
            let whole = match self.part.is_empty() {
                true => body,
                false => Body::from(Payload::Large([&self.part[..], &body].concat())),
            };
            match self.shown {
                0 => whole,
                shown => Body::from(Payload::Small(whole.get(shown..).unwrap_or_default())),
            }
        };
        self.source.finish(self.end, self.count, outcome.map(rest));
    }
}

/// The return value of [`ChunkSource::take_chunk`].
#[derive(Debug)]
pub(crate) enum Taken {
    Chunk(ChunkTask),
    /// No chunk now; more items may be pushed.
    Nothing,
    /// No chunk, now or later.
    Exhausted,
}

/// The outcome of a chunk, for the reader of the results.
#[derive(Debug)]
pub(crate) struct FinishedChunk {
    /// How many items there are up to and including its last one.
    pub(crate) end: u64,
    pub(crate) items: usize,
    pub(crate) outcome: Outcome,
}

/// The return value of [`ChunkSource::next_chunk`].
#[derive(Debug)]
pub(crate) enum Next {
    Chunk(FinishedChunk),
    /// No chunk finished by the deadline.
    Late,
    /// All chunks have been returned.
    End,
}

impl ChunkSource {
    /// Creates a source for items that exist or are produced independently of the results.
    pub(crate) fn new(entry: Entry, chunking: Chunking, order: Order) -> (Arc<Self>, Feeder) {
        barrier::prepare();
        let buffer = Buffer::new(chunking);
        let source = Self::with(entry, State::new(chunking, order, buffer.shared()), false);
        (Arc::clone(&source), Feeder::new(source, buffer))
    }

    /// Creates a source for items that are pulled one by one, as results are read.
    pub(crate) fn pulled(
        entry: Entry,
        chunking: Chunking,
        order: Order,
    ) -> (Arc<Self>, PulledFeeder) {
        barrier::prepare();
        let source = Self::with(entry, State::new(chunking, order, None), true);
        (Arc::clone(&source), PulledFeeder::new(source))
    }

    fn with(entry: Entry, state: State, pulled: bool) -> Arc<Self> {
        Arc::new(Self {
            entry,
            pulled,
            attention: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            state: Mutex::new(state),
            finished: Condvar::new(),
        })
    }

    /// Whether it may never end while holding few items at a time: then it takes turns with other
    /// work that waits.
    pub(crate) fn takes_turns(&self) -> bool {
        self.pulled
    }

    /// How many workers the waiting items could occupy, counting at most `limit`.
    pub(crate) fn demand(&self, limit: usize) -> usize {
        let state = self.lock();
        match state.chunking {
            Chunking::Adaptive => state.waiting().min(limit),
            Chunking::Fixed(_) => state.blocks.len().min(limit),
        }
    }

    /// Whether it will never have another chunk.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.lock().is_exhausted()
    }

    /// Sets whether the pool wants to be woken for the next item. Returns whether there are items
    /// that the feeder may have pushed before it could see this.
    pub(crate) fn set_hungry(&self, hungry: bool) -> bool {
        let state = self.lock();
        let attention = hungry || state.stopped.is_some();
        // The fence precedes the check: see `ItemWriter::finish`. If this was set before, it was
        // checked then.
        let news = !self.attention.swap(attention, Ordering::Relaxed) && hungry;
        // Without the fence nobody knows: the pool checks once more, a system call later.
        let is_sure = !news || barrier::heavy();
        news && (!is_sure || state.waiting() > 0)
    }

    /// Takes the next chunk, for a pool of `workers` workers.
    pub(crate) fn take_chunk(self: &Arc<Self>, workers: usize) -> Taken {
        let mut state = self.lock();
        let size = state.next_size(workers);
        if size == 0 {
            return if state.open { Taken::Nothing } else { Taken::Exhausted };
        }
        let estimate = Some(state.estimate).filter(|nanos| *nanos > 0);
        let Some((end, Block { bytes, items })) = state.cut(size) else { return Taken::Nothing };
        Taken::Chunk(ChunkTask {
            source: Arc::clone(self),
            end,
            items: bytes,
            count: u32::try_from(items).unwrap_or(u32::MAX),
            time_limit: None,
            retried: 0,
            undelivered: 0,
            given: 0,
            shown: 0,
            part: Vec::new(),
            expected_nanos: estimate.map(|nanos| nanos.saturating_mul(items as u64)),
        })
    }

    /// Records the outcome of the chunk with this end and this many items. The result of a chunk
    /// ends with its duration.
    fn finish(&self, end: u64, items: u32, outcome: Outcome) {
        self.change(end, |state, index| {
            if let Some(nanos) = outcome.as_ref().ok().and_then(|body| body.last_chunk::<8>()) {
                let per_item = u64::from_le_bytes(*nanos) / u64::from(items.max(1));
                state.estimate = per_item.max(state.estimate / 2);
            }
            state.settle(index, outcome)
        });
    }

    /// Passes on the results of the first items of the chunk with this end, which keeps running.
    fn give(&self, end: u64, items: usize, results: Body) {
        self.change(end, |state, index| state.give(index, items, results));
    }

    /// Changes the record of a chunk that has not settled. Wakes the reader if `change` returns
    /// `true`.
    fn change(&self, end: u64, change: impl FnOnce(&mut State, usize) -> bool) {
        let mut state = self.lock();
        let is_news = state.find(end).is_some_and(|index| change(&mut state, index));
        drop(state);
        if is_news {
            self.finished.notify_all();
        }
    }

    /// Fails every unfinished item, and refuses later items, with `error`.
    pub(crate) fn stop(&self, error: &Error) {
        self.close_with(error, |state| state.fail_unfinished(error));
    }

    /// Fails the items that are in no chunk yet, and refuses later ones; running chunks continue.
    pub(crate) fn cancel_waiting(&self) {
        self.close_with(&Error::Cancelled, |state| state.fail_waiting(&Error::Cancelled));
    }

    /// Refuses later items, with `error`; earlier ones continue. So the pool need not wait for an
    /// iterator that blocks or waits for the pool.
    pub(crate) fn close(&self, error: &Error) {
        self.close_with(error, |_| {});
    }

    fn close_with(&self, error: &Error, then: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        state.stopped.get_or_insert_with(|| error.clone());
        // Relaxed: the fence is next. Either an item is seen here, or its feeder sees that it is
        // refused.
        self.attention.store(true, Ordering::Relaxed);
        self.closed.store(true, Ordering::Relaxed);
        if !barrier::heavy() {
            // The system call was refused, once: it takes longer than a write takes to leave a CPU.
            std::thread::yield_now();
        }
        state.take_filled();
        state.open = false;
        then(&mut state);
        drop(state);
        self.finished.notify_all();
    }

    /// Waits for the next chunk to finish, and takes it. A chunk that has finished is returned even
    /// after the deadline.
    pub(crate) fn next_chunk(&self, deadline: Option<Instant>) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(chunk) = state.ready.pop_front() {
                return Next::Chunk(chunk);
            }
            if state.is_over() {
                return state.take_refused().map_or(Next::End, Next::Chunk);
            }
            state.awaited = true;
            state = match deadline {
                None => self.finished.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.awaited = false;
                        return Next::Late;
                    }
                    let waited = self.finished.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.awaited = false;
        }
    }

    /// No user code runs under this lock, so a poisoned one still guards a whole state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
