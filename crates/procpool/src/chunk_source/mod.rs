//! The items of one `map` call, between its caller, the pool and the reader of its results.
//!
//! Owns the lock around the encoded items and the chunks made of them (`state`), and when which
//! side is woken. Knows no worker: the pool takes chunks and settles their futures.
//!
//! ```text
//! map(): Feeder::push(item) …       pool: take_chunk() → settles its future   Map: next_chunk()
//!              └─▶ waiting items ─────────────┴─▶ finished chunks ────────────────┘
//! ```
//!
//! To the pool a chunk is a call like any other: queued, sent, taken back, retried, limited and
//! settled in the same way. The pool passes its outcome on to the source by the [`ChunkCall`], which
//! listens to the call's future and wakes the reader.
//!
//! The [`Feeder`] takes no lock per item, unless the pool has asked to be woken for the next one. A
//! chunk of fixed size cannot be taken before it is complete, so the feeder keeps it to itself.
//! Otherwise items go into a buffer that the pool can read at any time, because the caller's
//! iterator may pause for any length of time: items that it has yielded must not wait for later
//! ones. A map with a buffersize pulls one item for each result that is read, through a
//! [`PulledFeeder`], and may never end.
//!
//! The reader is one thread, which sleeps here, or a stream, whose waker is kept here and returned by each
//! change that concerns it. The pool wakes it when it has released its own lock.
//!
//! Lock order: this lock may be taken while the pool's is held, never the reverse.

mod feeder;
mod pulled;
mod state;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use feeder::Buffer;
use procpool_buffer::barrier;
use procpool_link::Entry;
use state::{Block, Chunk, State};

use crate::chunk;
use crate::error::Error;
use crate::future::{Body, Listener, Outcome, SharedFuture, wake};

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

/// A chunk that was taken: what the pool needs to make a call of it.
#[derive(Debug)]
pub(crate) struct TakenChunk {
    pub(crate) call: Arc<ChunkCall>,
    /// Settles when the call does.
    pub(crate) future: Arc<SharedFuture>,
    /// Its encoded items.
    pub(crate) bytes: Bytes,
    /// How many items it has.
    pub(crate) count: u32,
}

/// The call that runs a chunk, as the pool sees it. It listens to its future, for its source.
///
/// The pool passes a chunk on under its lock, so the reader gets the results of one worker in the
/// order in which it ran the items. The listener is notified later, after the lock is released. It
/// wakes the reader, and passes on chunks whose call settled without a worker.
#[derive(Debug)]
pub(crate) struct ChunkCall {
    source: Arc<ChunkSource>,
    /// Identifies the chunk in its source.
    end: u64,
    /// How long it should take, if known.
    pub(crate) expected_nanos: Option<u64>,
}

impl Listener for ChunkCall {
    fn settled(&self, _future: &SharedFuture) {
        self.source.change(|state| state.pass_on(self.end)).into_iter().for_each(wake);
    }
}

impl ChunkCall {
    /// Moves the chunk to those that the reader may get: its future has settled.
    pub(crate) fn pass_on(&self) {
        self.source.lock().pass_on(self.end);
    }

    pub(crate) fn entry(&self) -> Entry {
        self.source.entry
    }

    /// Whether results may be passed on before it is over.
    pub(crate) fn has_parts(&self) -> bool {
        self.source.lock().chunk(self.end).is_some_and(Chunk::has_parts)
    }

    /// Whether the reader waits for one of its results.
    pub(crate) fn is_awaited(&self) -> bool {
        self.source.lock().awaits(self.end)
    }

    /// How many bytes of the unfinished result were read.
    pub(crate) fn shown(&self) -> usize {
        self.source.lock().chunk(self.end).map_or(0, |chunk| chunk.shown)
    }

    /// Passes on the results at the beginning of `new`, the bytes that the worker has written since
    /// the last call. The last item's result is passed on when the chunk is over. Returns the waker of a
    /// reader that it concerns.
    #[must_use = "it wakes a stream that waits"]
    pub(crate) fn give(&self, new: &[u8]) -> Option<Waker> {
        self.source.change(|state| state.give(self.end, new))
    }

    /// Learns the length of items from a result, which ends with the chunk's duration.
    pub(crate) fn measure(&self, result: &Body) {
        if let Some(nanos) = chunk::duration(result) {
            self.source.lock().measure(self.end, nanos);
        }
    }

    /// The index of the first item whose result was not passed on, counted from 0 in its map.
    pub(crate) fn next_item(&self) -> u64 {
        self.source.lock().chunk(self.end).map_or(self.end, |chunk| chunk.next_item())
    }

    /// Splits the first `count` of its `items` that have no result yet off, into a chunk of their own. Returns
    /// that and the rest, or `None` if there is no rest.
    pub(crate) fn split(&self, items: &Bytes, count: usize) -> Option<(TakenChunk, Bytes)> {
        let future = SharedFuture::new();
        let (end, given) = self.source.lock().split(self.end, count, &future)?;
        let rest = skip(items, given);
        let behind = skip(&rest, count);
        let first = rest.slice(..rest.len() - behind.len());
        Some((self.source.taken(end, future, Block { bytes: first, items: count }, None), behind))
    }

    /// Prepares another run. Returns those of its `items` that have no result yet.
    pub(crate) fn retry(&self, items: &Bytes) -> Bytes {
        let mut state = self.source.lock();
        let given = state.chunk(self.end).map_or(0, Chunk::start_anew);
        skip(items, given)
    }
}

/// Returns `items` without the first `count` of them.
fn skip(items: &Bytes, count: usize) -> Bytes {
    let mut rest = &items[..];
    for _ in 0..count {
        chunk::take(&mut rest);
    }
    items.slice(items.len() - rest.len()..)
}

/// The return value of [`ChunkSource::take_chunk`].
#[derive(Debug)]
pub(crate) enum Taken {
    Chunk(TakenChunk),
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
    /// How many bytes of the outcome belong to results that were passed on before.
    pub(crate) shown: usize,
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
    pub(crate) fn set_wants_items(&self, hungry: bool) -> bool {
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
        let future = SharedFuture::new();
        let Some((end, block)) = state.cut(size, &future) else { return Taken::Nothing };
        let expected_nanos = estimate.map(|nanos| nanos.saturating_mul(block.items as u64));
        Taken::Chunk(self.taken(end, future, block, expected_nanos))
    }

    fn taken(
        self: &Arc<Self>,
        end: u64,
        future: Arc<SharedFuture>,
        Block { bytes, items }: Block,
        expected_nanos: Option<u64>,
    ) -> TakenChunk {
        let call = Arc::new(ChunkCall { source: Arc::clone(self), end, expected_nanos });
        future.listen(Arc::clone(&call) as Arc<dyn Listener>);
        let count = u32::try_from(items).unwrap_or(u32::MAX);
        TakenChunk { call, future, bytes, count }
    }

    /// The futures of chunks that have not settled.
    pub(crate) fn unsettled(&self) -> Vec<Arc<SharedFuture>> {
        self.lock().unsettled()
    }

    /// Runs `change` under the lock, then wakes the reader if it waits and there is something for it. If
    /// that is a stream, returns its waker, to be woken where no lock is held: it is user code.
    fn change(&self, change: impl FnOnce(&mut State)) -> Option<Waker> {
        let mut state = self.lock();
        change(&mut state);
        let is_due = state.awaited && state.has_news();
        state.awaited &= !is_due;
        // If the reader itself stopped it, it is gone and leaves no waker behind.
        let waker = if is_due || state.stopped.is_some() { state.waker.take() } else { None };
        drop(state);
        if is_due {
            self.finished.notify_all();
        }
        waker
    }

    /// Fails the items that are in no chunk yet, and refuses later ones, with `error`. Chunks are
    /// calls, which the pool settles. Returns the waker of a reader that it concerns.
    #[must_use = "it wakes a stream that waits"]
    pub(crate) fn stop(&self, error: &Error) -> Option<Waker> {
        self.close_with(error, |state| state.fail_waiting(error))
    }

    /// Refuses later items, with `error`; earlier ones continue. So the pool need not wait for an
    /// iterator that blocks or waits for the pool. Returns the waker of a reader that it concerns.
    #[must_use = "it wakes a stream that waits"]
    pub(crate) fn close(&self, error: &Error) -> Option<Waker> {
        self.close_with(error, |_| {})
    }

    fn close_with(&self, error: &Error, then: impl FnOnce(&mut State)) -> Option<Waker> {
        self.change(|state| {
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
            then(state);
        })
    }

    /// Waits for the next chunk to finish, and takes it. A chunk that has finished is returned even
    /// after the deadline.
    pub(crate) fn next_chunk(&self, deadline: Option<Instant>) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(chunk) = state.ready.pop_front() {
                drop(state);
                return Next::Chunk(chunk.into());
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

    /// Whether [`next_chunk`](Self::next_chunk) returns without waiting. If not, `waker` will be woken.
    #[cfg(feature = "stream")]
    pub(crate) fn has_next(&self, waker: &Waker) -> bool {
        // No waker is cloned or dropped under the lock: it is user code.
        let waker = waker.clone();
        let mut state = self.lock();
        state.awaited = !state.has_news();
        let (awaited, _old) = (state.awaited, state.waker.replace(waker));
        drop(state);
        !awaited
    }

    /// No user code runs under this lock, so a poisoned one still guards a whole state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
