//! The items of one `map` call, between its caller, the pool and the reader of its results.
//!
//! Owns the encoded items, the decision how many go into the next chunk, and the chunks in input
//! order with what became of them. Knows no worker: the pool takes chunks and gives outcomes back.
//!
//! ```text
//! map(): Feeder::push(item) …       pool: take_chunk() → finish(chunk)       Map: next_chunk()
//!              └─▶ waiting items ─────────────┴─▶ chunks, in order ───────────────┘
//! ```
//!
//! The feeder takes no lock for an item. Chunks of a fixed size nobody could take before they are
//! whole, so it keeps those to itself. Otherwise the items go to a buffer that the pool can look
//! into at any time, because the caller's iterator may stop for as long as it likes: what it has
//! given must not wait for what it has not.
//!
//! Lock order: the pool's lock may be held while this one is taken, never the other way round.

mod feeder;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::chunk;
use crate::error::Error;
use crate::future::Outcome;
use crate::sys::barrier;
use crate::sys::filling::{Filled, Filling};
use crate::wire::Entry;
use feeder::Buffer;

pub(crate) use feeder::Feeder;

/// How many items make a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunking {
    /// Always this many, except at the end.
    Fixed(usize),
    /// As many as measured times and what is left suggest.
    Adaptive,
}

/// How long an adaptive chunk should take. Longer wastes less on hand-over (some 50 µs a chunk);
/// shorter reacts sooner when items become slow, and lets workers finish together.
const TARGET_NANOS: u64 = 1_000_000;

/// How much longer a chunk may be than the one before it. More reaches the right size sooner; less
/// risks less on items that turn slow.
const GROWTH: usize = 8;

/// Into how many chunks per worker what is left is divided at least. More evens out the end;
/// less hands over less often.
const SHARES: usize = 4;

/// One `map` call.
#[derive(Debug)]
pub(crate) struct ChunkSource {
    pub(crate) entry: Entry,
    /// For how long one item may run.
    limit: Option<Duration>,
    /// Whether the feeder has to do more than to push: a worker came for items in vain, and the
    /// pool wants to hear of the next one; or no more are taken.
    attention: AtomicBool,
    state: Mutex<State>,
    finished: Condvar,
}

#[derive(Debug)]
struct State {
    chunking: Chunking,
    /// Encoded items that chunks are cut from.
    blocks: VecDeque<Block>,
    /// How many items are in the blocks.
    in_blocks: usize,
    /// The buffer that is being filled, and how much of it is in blocks.
    filling: Option<(Arc<Filling>, Filled)>,
    /// Whether the caller may still push.
    open: bool,
    /// Chunks whose results nobody has taken yet, in input order; `first` is the number of the
    /// front one.
    chunks: VecDeque<Chunk>,
    first: u64,
    /// Nanoseconds per item: rises at once, falls by halves.
    estimate: u64,
    last_size: usize,
    /// Why no more chunks are given out.
    stopped: Option<Error>,
}

#[derive(Debug, Default)]
struct Block<B = Bytes> {
    bytes: B,
    items: usize,
}

/// A chunk that was taken: what the pool sends, and where its outcome goes.
#[derive(Debug)]
pub(crate) struct ChunkTask {
    pub(crate) source: Arc<ChunkSource>,
    /// The chunk's number in its source.
    number: u64,
    pub(crate) items: Bytes,
    /// How long it should take, as far as is known.
    pub(crate) expected_nanos: Option<u64>,
    /// How long it may take: as long as all of its items together.
    pub(crate) limit: Option<Duration>,
    /// How often it was lost with a worker, and tried again.
    pub(crate) retried: u32,
}

impl ChunkTask {
    /// Whether nobody waits for its outcome any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.source.is_settled(self.number)
    }

    /// Records what became of it.
    pub(crate) fn finish(&self, outcome: Outcome) {
        self.source.finish(self.number, outcome);
    }
}

#[derive(Debug)]
struct Chunk {
    items: usize,
    outcome: Option<Outcome>,
}

/// What [`ChunkSource::take_chunk`] gives.
#[derive(Debug)]
pub(crate) enum Taken {
    Chunk(ChunkTask),
    /// Nothing to give now; more may be pushed.
    Nothing,
    /// Nothing will ever come again.
    Exhausted,
}

/// What became of the next chunk, for the reader of the results.
#[derive(Debug)]
pub(crate) struct FinishedChunk {
    pub(crate) items: usize,
    pub(crate) outcome: Outcome,
}

impl ChunkSource {
    pub(crate) fn new(
        entry: Entry,
        limit: Option<Duration>,
        chunking: Chunking,
    ) -> (Arc<Self>, Feeder) {
        barrier::prepare();
        let buffer = Buffer::new(chunking);
        let state = State {
            chunking,
            blocks: VecDeque::new(),
            in_blocks: 0,
            filling: buffer.shared(),
            open: true,
            chunks: VecDeque::new(),
            first: 0,
            estimate: 0,
            last_size: 0,
            stopped: None,
        };
        let source = Arc::new(Self {
            entry,
            limit,
            attention: AtomicBool::new(true),
            state: Mutex::new(state),
            finished: Condvar::new(),
        });
        (Arc::clone(&source), Feeder::new(source, buffer))
    }

    /// How many workers the waiting items could occupy, up to `limit`.
    pub(crate) fn demand(&self, limit: usize) -> usize {
        let state = self.lock();
        match state.chunking {
            Chunking::Adaptive => state.waiting().min(limit),
            Chunking::Fixed(_) => state.blocks.len().min(limit),
        }
    }

    /// Whether nothing will ever come again.
    pub(crate) fn is_exhausted(&self) -> bool {
        let state = self.lock();
        !state.open && state.waiting() == 0
    }

    /// Says whether anybody wants to hear of the next item at once. Returns whether there are items
    /// that the feeder may have pushed before it could see this.
    pub(crate) fn set_hungry(&self, hungry: bool) -> bool {
        let state = self.lock();
        let attention = hungry || state.stopped.is_some();
        // The fence comes before the look: see `ItemWriter::finish`. Who knew already has looked.
        let news = !self.attention.swap(attention, Ordering::Relaxed) && hungry;
        if news {
            barrier::heavy();
        }
        news && state.waiting() > 0
    }

    /// Takes the next chunk, for a pool of `workers`.
    pub(crate) fn take_chunk(self: &Arc<Self>, workers: usize) -> Taken {
        let mut state = self.lock();
        let size = state.next_size(workers);
        if size == 0 {
            return if state.open { Taken::Nothing } else { Taken::Exhausted };
        }
        if state.blocks.is_empty() {
            state.take_filled();
        }
        let Some(block) = state.blocks.front_mut() else { return Taken::Nothing };
        let chunk = block.cut(size);
        if block.items == 0 {
            state.blocks.pop_front();
        }
        state.in_blocks -= chunk.items;
        state.last_size = chunk.items;
        state.chunks.push_back(Chunk { items: chunk.items, outcome: None });
        let estimate = Some(state.estimate).filter(|nanos| *nanos > 0);
        Taken::Chunk(ChunkTask {
            source: Arc::clone(self),
            number: state.first + state.chunks.len() as u64 - 1,
            items: chunk.bytes,
            limit: self.limit.map(|limit| limit.saturating_mul(chunk.items as u32)),
            retried: 0,
            expected_nanos: estimate.map(|nanos| nanos.saturating_mul(chunk.items as u64)),
        })
    }

    fn is_settled(&self, number: u64) -> bool {
        let state = self.lock();
        let index = number.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| state.chunks.get(index)) {
            Some(chunk) => chunk.outcome.is_some(),
            None => true,
        }
    }

    /// Records what became of chunk `number`. The result of a chunk starts with its duration.
    fn finish(&self, number: u64, outcome: Outcome) {
        let mut state = self.lock();
        let index = number.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        let Some(index) = index.filter(|index| *index < state.chunks.len()) else { return };
        if state.chunks[index].outcome.is_some() {
            return;
        }
        if let Some(nanos) = outcome.as_ref().ok().and_then(|body| body.first_chunk::<8>()) {
            let items = state.chunks[index].items.max(1) as u64;
            let per_item = u64::from_le_bytes(*nanos) / items;
            state.estimate = per_item.max(state.estimate / 2);
        }
        state.chunks[index].outcome = Some(outcome);
        drop(state);
        // The reader waits for the first one only.
        if index == 0 {
            self.finished.notify_all();
        }
    }

    /// Fails everything that has not finished, and everything that is still pushed, with `error`.
    pub(crate) fn stop(&self, error: &Error) {
        let mut state = self.lock();
        if state.stopped.is_some() {
            return;
        }
        state.stopped = Some(error.clone());
        for chunk in &mut state.chunks {
            chunk.outcome.get_or_insert_with(|| Err(Box::new(error.clone())));
        }
        state.fail_waiting(error);
        self.attention.store(true, Ordering::Relaxed);
        drop(state);
        self.finished.notify_all();
    }

    /// Fails the items that are in no chunk yet; chunks that run go on.
    pub(crate) fn cancel_waiting(&self) {
        let mut state = self.lock();
        state.stopped.get_or_insert(Error::Cancelled);
        state.fail_waiting(&Error::Cancelled);
        self.attention.store(true, Ordering::Relaxed);
        drop(state);
        self.finished.notify_all();
    }

    /// Waits for the next chunk in input order to finish, and takes it; `None` after the last.
    pub(crate) fn next_chunk(&self) -> Option<FinishedChunk> {
        let mut state = self.lock();
        loop {
            match state.chunks.front() {
                Some(Chunk { outcome: Some(_), .. }) => {
                    state.first += 1;
                    let chunk = state.chunks.pop_front()?;
                    return Some(FinishedChunk { items: chunk.items, outcome: chunk.outcome? });
                }
                None if !state.open && state.waiting() == 0 => return None,
                _ => {
                    let waited = self.finished.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// No code of the user runs under this lock, so a poisoned one still holds a whole state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_size(&self, workers: usize) -> usize {
        match self.chunking {
            Chunking::Fixed(_) => self.blocks.front().map_or(0, |block| block.items),
            Chunking::Adaptive => {
                let by_time = match self.estimate {
                    0 if self.last_size == 0 => 1,
                    0 => usize::MAX,
                    nanos => usize::try_from(TARGET_NANOS / nanos).unwrap_or(usize::MAX).max(1),
                };
                let by_growth = self.last_size.saturating_mul(GROWTH).max(1);
                let by_share = self.waiting().div_ceil(SHARES * workers.max(1));
                by_time.min(by_growth).min(by_share)
            }
        }
    }

    /// How many items are in no chunk yet.
    fn waiting(&self) -> usize {
        let filling = self.filling.as_ref();
        self.in_blocks + filling.map_or(0, |(filling, taken)| filling.filled().items - taken.items)
    }

    /// Moves what was filled so far to the blocks.
    fn take_filled(&mut self) {
        let Some((filling, taken)) = &mut self.filling else { return };
        let filled = filling.filled();
        let items = filled.items - taken.items;
        if items > 0 {
            let bytes = filling.lend(taken.bytes..filled.bytes);
            *taken = filled;
            self.add_block(Block { bytes, items });
        }
    }

    fn add_block(&mut self, block: Block) {
        self.in_blocks += block.items;
        self.blocks.push_back(block);
    }

    fn fail_waiting(&mut self, error: &Error) {
        self.take_filled();
        if self.in_blocks > 0 {
            let outcome = Some(Err(Box::new(error.clone())));
            self.chunks.push_back(Chunk { items: self.in_blocks, outcome });
        }
        self.in_blocks = 0;
        self.blocks.clear();
    }
}

impl Block {
    /// Cuts off the first `size` items. Looking for the place takes time for every item, so when
    /// they are short, which is when many are asked for, up to twice as many are taken instead.
    fn cut(&mut self, size: usize) -> Block {
        const MANY: usize = 64;
        if self.items <= size || (size >= MANY && self.items <= 2 * size) {
            return std::mem::take(self);
        }
        let mut rest = &self.bytes[..];
        let mut items = 0;
        while items < size && chunk::take(&mut rest).is_some() {
            items += 1;
        }
        let length = self.bytes.len() - rest.len();
        self.items -= items;
        Block { bytes: self.bytes.split_to(length), items }
    }
}

#[cfg(test)]
mod tests {
    use super::feeder::BUFFER;
    use super::*;
    use crate::future::Body;
    use crate::wire::{FunctionRef, Payload};

    fn source(chunking: Chunking, items: usize) -> Arc<ChunkSource> {
        let nowhere = FunctionRef { offset: 0, tag: 0 };
        let (source, mut feeder) =
            ChunkSource::new(Entry { trampoline: nowhere, function: nowhere }, None, chunking);
        for item in 0..items {
            feeder.push(&(item as u8));
        }
        source
    }

    fn count(task: &ChunkTask) -> usize {
        let mut rest = &task.items[..];
        std::iter::from_fn(|| chunk::take(&mut rest)).count()
    }

    fn take(source: &Arc<ChunkSource>) -> ChunkTask {
        let Taken::Chunk(task) = source.take_chunk(1) else { panic!("there is a chunk") };
        task
    }

    /// Takes every chunk; each takes `nanos` per item.
    fn sizes(source: &Arc<ChunkSource>, workers: usize, nanos: u64) -> Vec<usize> {
        let mut sizes = Vec::new();
        loop {
            match source.take_chunk(workers) {
                Taken::Chunk(task) => {
                    let items = count(&task);
                    sizes.push(items);
                    task.finish(Ok(took(nanos * items as u64)));
                }
                Taken::Nothing => panic!("a closed source gives chunks or is exhausted"),
                Taken::Exhausted => return sizes,
            }
        }
    }

    fn took(nanos: u64) -> Body {
        Body::from(Payload::Small(&nanos.to_le_bytes()))
    }

    #[test]
    fn fixed_chunks_have_their_size_and_the_last_what_is_left() {
        assert_eq!(sizes(&source(Chunking::Fixed(3), 10), 2, 1), [3, 3, 3, 1]);
        assert_eq!(sizes(&source(Chunking::Fixed(20), 10), 2, 1), [10]);
        assert!(sizes(&source(Chunking::Fixed(3), 0), 2, 1).is_empty());
    }

    #[test]
    fn slow_items_travel_alone_and_fast_ones_together() {
        assert_eq!(sizes(&source(Chunking::Adaptive, 10), 2, 10_000_000), [1; 10]);
        let fast = sizes(&source(Chunking::Adaptive, 10_000), 2, 100);
        assert_eq!(fast[..4], [1, 8, 64, 512]);
        assert_eq!(fast.iter().sum::<usize>(), 10_000);
        assert!(fast.len() < 100, "{} chunks", fast.len());
    }

    #[test]
    fn one_slow_chunk_is_noticed_at_once() {
        let source = source(Chunking::Adaptive, 1_000_000);
        for nanos in [100, 100, 100, 2_000_000_000] {
            take(&source).finish(Ok(took(nanos)));
        }
        assert_eq!(count(&take(&source)), 1);
    }

    #[test]
    fn an_open_source_waits_for_whole_chunks_and_asks_for_more() {
        let entry = source(Chunking::Adaptive, 0).entry;
        let (source, mut feeder) = ChunkSource::new(entry, None, Chunking::Fixed(2));
        source.set_hungry(false);
        assert!(!feeder.push(&0_u8));
        assert_eq!(source.demand(8), 0);
        assert!(matches!(source.take_chunk(1), Taken::Nothing));
        assert!(!source.set_hungry(true), "there is nothing to be had");
        assert!(feeder.push(&1_u8), "the pool waits for this one");
        assert_eq!(source.demand(8), 1);
        assert_eq!(count(&take(&source)), 2);
        feeder.push(&2_u8);
        drop(feeder);
        assert_eq!(count(&take(&source)), 1);
        assert!(source.is_exhausted());
    }

    #[test]
    fn an_item_can_be_taken_before_the_next_one_comes() {
        let entry = source(Chunking::Adaptive, 0).entry;
        let (source, mut feeder) = ChunkSource::new(entry, None, Chunking::Adaptive);
        for item in 0..3 {
            source.set_hungry(false);
            assert!(!feeder.push(&item));
            assert!(source.set_hungry(true), "the item is there");
            assert_eq!(count(&take(&source)), 1);
        }
    }

    #[test]
    fn items_longer_than_a_buffer_travel_too() {
        let entry = source(Chunking::Adaptive, 0).entry;
        let (source, mut feeder) = ChunkSource::new(entry, None, Chunking::Adaptive);
        let long = vec![7_u8; BUFFER as usize + 1];
        feeder.push(&1_u8);
        feeder.push(&long);
        feeder.push(&2_u8);
        drop(feeder);
        let tasks = [take(&source), take(&source), take(&source)];
        assert_eq!(tasks.each_ref().map(|task| task.items.len()), [2, 3 + long.len(), 2]);
    }

    #[test]
    fn items_around_the_longest_short_one_come_back() {
        for chunking in [Chunking::Adaptive, Chunking::Fixed(200)] {
            let entry = source(Chunking::Adaptive, 0).entry;
            let (source, mut feeder) = ChunkSource::new(entry, None, chunking);
            for length in 0..200 {
                feeder.push(&vec![length as u8; length]);
            }
            drop(feeder);
            let mut length = 0;
            while length < 200 {
                let items = take(&source).items;
                let mut rest = &items[..];
                while let Some(item) = chunk::take(&mut rest) {
                    assert_eq!((item.failed, item.bytes), (false, &vec![length as u8; length][..]));
                    length += 1;
                }
            }
        }
    }

    #[test]
    fn what_is_pushed_after_the_stop_fails_like_the_rest() {
        let entry = source(Chunking::Adaptive, 0).entry;
        for chunking in [Chunking::Adaptive, Chunking::Fixed(2)] {
            let (source, mut feeder) = ChunkSource::new(entry, None, chunking);
            feeder.push(&0_u8);
            source.stop(&Error::Shutdown);
            for item in 1..4 {
                assert!(!feeder.push(&item));
            }
            drop(feeder);
            let failed: usize = std::iter::from_fn(|| source.next_chunk())
                .map(|chunk| chunk.items * usize::from(chunk.outcome.is_err()))
                .sum();
            assert_eq!(failed, 4, "{chunking:?}");
        }
    }

    #[test]
    fn stopping_fails_what_is_unfinished_and_keeps_what_is_done() {
        let source = source(Chunking::Fixed(2), 5);
        let (done, running) = (take(&source), take(&source));
        done.finish(Ok(took(1)));
        source.stop(&Error::Shutdown);
        running.finish(Ok(took(1)));
        let outcomes: Vec<_> = std::iter::from_fn(|| source.next_chunk())
            .map(|chunk| (chunk.items, chunk.outcome.err().map(|error| *error)))
            .collect();
        let stopped = Some(Error::Shutdown);
        assert_eq!(outcomes, [(2, None), (2, stopped.clone()), (1, stopped)]);
        assert!(matches!(source.take_chunk(1), Taken::Exhausted));
    }
}
