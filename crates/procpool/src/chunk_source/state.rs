//! The items and the chunks of one `map`, behind its source's lock.
//!
//! Decides how many items go into the next chunk, and in which order the reader gets the outcomes.
//! Runs under the lock: nothing here blocks or calls user code.
//!
//! ```text
//! filling ─┐
//!          ├─▶ blocks ──cut──▶ chunks ──settle──▶ ready ──▶ the reader
//! pulled ──┘                   (with the pool)
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use procpool_buffer::{Filled, Filling};
use procpool_link::Payload;

use super::{Chunking, FinishedChunk, Order};
use crate::chunk;
use crate::error::Error;
use crate::future::{Body, Outcome, SharedFuture};

/// The size of the buffers that items are encoded into, and so the most bytes in an adaptive chunk.
/// Larger keeps more input in flight at once; smaller sends big items in more pieces than their run
/// time requires.
pub(super) const BUFFER: u32 = 256 * 1024;

/// How long an adaptive chunk should take. Longer spends less on hand-over (some 50 µs per chunk);
/// shorter reacts sooner when items become slow, and lets workers finish together.
const TARGET_NANOS: u64 = 1_000_000;

/// How many times as large as the last chunk the next one may be. More reaches the right size
/// sooner; less risks less on items that become slow.
const GROWTH: usize = 8;

/// The remaining items are divided into at least this many chunks per worker. More evens out the
/// end; fewer hand over less often.
const SHARES: usize = 4;

#[derive(Debug)]
pub(super) struct State {
    pub(super) chunking: Chunking,
    order: Order,
    /// Encoded items that chunks are cut from.
    pub(super) blocks: VecDeque<Block>,
    /// How many items are in the blocks.
    in_blocks: usize,
    /// The buffer that is being filled, and how much of it was moved to blocks.
    pub(super) filling: Option<(Arc<Filling>, Filled)>,
    /// Items that were pulled one by one and are in no block yet.
    pulled: Block<Vec<u8>>,
    /// Whether more items may follow.
    pub(super) open: bool,
    /// Chunks that the reader may not get yet, in the order of their items.
    pub(super) chunks: VecDeque<Chunk>,
    /// How many items were cut into chunks.
    cut: u64,
    /// Chunks that the reader may get.
    pub(super) ready: VecDeque<Chunk>,
    /// Whether the reader waits for something, and its waker if it is a stream.
    pub(super) awaited: bool,
    pub(super) waker: Option<Waker>,
    /// Nanoseconds per item: rises at once, falls by halves.
    pub(super) estimate: u64,
    last_size: usize,
    /// Why later items are refused.
    pub(super) stopped: Option<Error>,
    /// How many items were refused.
    pub(super) refused: usize,
}

/// Encoded items, one after another.
#[derive(Debug, Default)]
pub(super) struct Block<B = Bytes> {
    pub(super) bytes: B,
    pub(super) items: usize,
}

/// Items that were cut off together, or those of them whose results the reader gets together.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Identifies it: how many items there are, in all chunks, up to and including its last one.
    end: u64,
    /// How many items it has, without those whose results were passed on.
    items: usize,
    future: Arc<SharedFuture>,
    /// How many results of its current run were passed on.
    given: usize,
    /// How many bytes of the unfinished result were read for that.
    pub(super) shown: usize,
}

impl Chunk {
    fn new(end: u64, items: usize, future: Arc<SharedFuture>) -> Self {
        Self { end, items, future, given: 0, shown: 0 }
    }

    /// Items whose outcome is known.
    fn settled(end: u64, items: usize, outcome: Outcome) -> Self {
        let future = SharedFuture::new();
        let _nobody_sleeps_on_it = future.finish(outcome);
        Self::new(end, items, future)
    }

    /// Whether results may be passed on before it is over.
    pub(super) fn has_parts(&mut self) -> bool {
        self.items > 1
    }

    /// The index of its first item whose result was not passed on.
    pub(super) fn next_item(&self) -> u64 {
        self.end - self.items as u64
    }

    /// Forgets the current run. Returns how many results of it were passed on.
    pub(super) fn start_anew(&mut self) -> usize {
        self.shown = 0;
        std::mem::take(&mut self.given)
    }
}

impl From<Chunk> for FinishedChunk {
    fn from(chunk: Chunk) -> Self {
        let Chunk { end, items, future, shown, .. } = chunk;
        Self { end, items, outcome: future.take_outcome().map_err(Box::new), shown }
    }
}

impl State {
    pub(super) fn new(
        chunking: Chunking,
        order: Order,
        filling: Option<(Arc<Filling>, Filled)>,
    ) -> Self {
        Self {
            chunking,
            order,
            blocks: VecDeque::new(),
            in_blocks: 0,
            filling,
            pulled: Block::default(),
            open: true,
            chunks: VecDeque::new(),
            cut: 0,
            ready: VecDeque::new(),
            awaited: false,
            waker: None,
            estimate: 0,
            last_size: 0,
            stopped: None,
            refused: 0,
        }
    }

    /// How many items can be cut into chunks now. That excludes items pulled one by one that do not
    /// fill a chunk of a fixed size yet.
    pub(super) fn waiting(&self) -> usize {
        let filled = if self.open { self.filled() } else { 0 };
        let pulled = if self.chunking == Chunking::Adaptive { self.pulled.items } else { 0 };
        self.in_blocks + filled + pulled
    }

    /// How many items are in the buffer that is being filled, and in no block. If the source is
    /// closed, these were too late.
    pub(super) fn filled(&self) -> usize {
        let filling = self.filling.as_ref();
        filling.map_or(0, |(filling, taken)| filling.filled().items - taken.items)
    }

    /// Moves the items pushed so far to the blocks, unless they were too late.
    pub(super) fn take_filled(&mut self) {
        if self.open
            && let Some((filling, taken)) = &mut self.filling
        {
            let filled = filling.filled();
            let items = filled.items - taken.items;
            if items > 0 {
                let bytes = filling.lend(taken.bytes..filled.bytes);
                *taken = filled;
                self.add_block(Block { bytes, items });
            }
        }
        if self.pulled.items > 0 {
            let Block { bytes, items } = std::mem::take(&mut self.pulled);
            self.add_block(Block { bytes: bytes.into(), items });
        }
    }

    /// Adds a block. Returns `false` if its items were refused.
    pub(super) fn add(&mut self, block: Block) -> bool {
        match self.open {
            true => self.add_block(block),
            false => self.refused += block.items,
        }
        self.open
    }

    fn add_block(&mut self, block: Block) {
        self.in_blocks += block.items;
        self.blocks.push_back(block);
    }

    /// Adds one item. Returns whether it can be cut into a chunk now.
    pub(super) fn add_pulled(&mut self, item: Vec<u8>) -> bool {
        if self.chunking == Chunking::Adaptive
            && self.pulled.bytes.len() + item.len() > BUFFER as usize
        {
            self.take_filled();
        }
        match self.pulled.items {
            0 => self.pulled.bytes = item,
            _ => self.pulled.bytes.extend_from_slice(&item),
        }
        self.pulled.items += 1;
        match self.chunking {
            Chunking::Adaptive => true,
            Chunking::Fixed(size) if self.pulled.items >= size => {
                self.take_filled();
                true
            }
            Chunking::Fixed(_) => false,
        }
    }

    /// How many items the next chunk should have; 0 if there are none.
    pub(super) fn next_size(&self, workers: usize) -> usize {
        match self.chunking {
            Chunking::Fixed(_) => self.blocks.front().map_or(0, |block| block.items),
            Chunking::Adaptive => {
                // Until the length of items is known, each is sent alone: none waits for a long
                // one.
                let by_time = match self.estimate {
                    0 => 1,
                    nanos => usize::try_from(TARGET_NANOS / nanos).unwrap_or(usize::MAX).max(1),
                };
                let by_growth = self.last_size.saturating_mul(GROWTH).max(1);
                let by_share = self.waiting().div_ceil(SHARES.saturating_mul(workers.max(1)));
                by_time.min(by_growth).min(by_share)
            }
        }
    }

    /// Cuts a chunk of the next `size` items, or about that many. Returns its name and its items.
    pub(super) fn cut(&mut self, size: usize, future: &Arc<SharedFuture>) -> Option<(u64, Block)> {
        if self.blocks.is_empty() {
            self.take_filled();
        }
        let block = self.blocks.front_mut()?;
        let chunk = block.cut(size);
        if block.items == 0 {
            self.blocks.pop_front();
        }
        self.in_blocks -= chunk.items;
        self.last_size = chunk.items;
        self.cut += chunk.items as u64;
        self.chunks.push_back(Chunk::new(self.cut, chunk.items, Arc::clone(future)));
        Some((self.cut, chunk))
    }

    /// The position of the chunk with this end, unless the reader may have it.
    pub(super) fn position(&self, end: u64) -> Option<usize> {
        self.chunks.binary_search_by_key(&end, |chunk| chunk.end).ok()
    }

    /// The chunk with this end, unless it has settled.
    pub(super) fn chunk(&mut self, end: u64) -> Option<&mut Chunk> {
        let index = self.position(end)?;
        Some(&mut self.chunks[index]).filter(|chunk| !chunk.future.is_settled())
    }

    /// Splits the first `items` off the chunk with this end, into one that settles with `future`. Returns
    /// its end, and how many results of the current run were passed on; `None` if that is the whole chunk.
    pub(super) fn split(
        &mut self,
        end: u64,
        items: usize,
        future: &Arc<SharedFuture>,
    ) -> Option<(u64, usize)> {
        let index = self.position(end)?;
        let chunk = self.chunk(end).filter(|chunk| items < chunk.items)?;
        let first = chunk.next_item() + items as u64;
        chunk.items -= items;
        let given = chunk.start_anew();
        self.chunks.insert(index, Chunk::new(first, items, Arc::clone(future)));
        Some((first, given))
    }

    pub(super) fn unsettled(&self) -> Vec<Arc<SharedFuture>> {
        let futures = self.chunks.iter().map(|chunk| &chunk.future);
        futures.filter(|future| !future.is_settled()).map(Arc::clone).collect()
    }

    /// Learns the length of items from the chunk with this end, which took `nanos`.
    pub(super) fn measure(&mut self, end: u64, nanos: u64) {
        if let Some(chunk) = self.chunk(end) {
            let per_item = nanos / (chunk.given + chunk.items).max(1) as u64;
            self.estimate = per_item.max(self.estimate / 2);
        }
    }

    /// Whether the reader waits for a result that may be in the chunk with this end.
    pub(super) fn awaits(&self, end: u64) -> bool {
        let is_first = || self.chunks.front().is_some_and(|chunk| chunk.end == end);
        self.awaited && (self.order == Order::OfFinishing || is_first())
    }

    /// Passes on the results at the beginning of `new`, the next bytes of the unfinished result of
    /// the chunk with this end, but not its last.
    pub(super) fn give(&mut self, end: u64, new: &[u8]) {
        let Some(chunk) = self.chunk(end) else { return };
        let (mut rest, mut items) = (new, 0);
        while chunk.items - items > 1 && chunk::take(&mut rest).is_some() {
            items += 1;
        }
        if items == 0 {
            return;
        }
        let results = &new[..new.len() - rest.len()];
        chunk.items -= items;
        chunk.given += items;
        chunk.shown += results.len();
        let before = chunk.next_item();
        let results = Ok(Body::from(Payload::Small(results)));
        if let Some(index) = self.position(end) {
            self.chunks.insert(index, Chunk::settled(before, items, results));
            self.pass_on(before);
        }
    }

    /// Passes the chunk with this end, which has settled, to the reader, unless it must wait for
    /// chunks before it.
    pub(super) fn pass_on(&mut self, end: u64) {
        match self.order {
            Order::OfFinishing => {
                let index = self.position(end);
                self.ready.extend(index.and_then(|index| self.chunks.remove(index)));
            }
            Order::OfItems => {
                while self.chunks.front().is_some_and(|chunk| chunk.future.is_settled()) {
                    self.ready.extend(self.chunks.pop_front());
                }
            }
        }
    }

    /// Fails the items that are in no chunk yet.
    pub(super) fn fail_waiting(&mut self, error: &Error) {
        self.take_filled();
        let items = std::mem::take(&mut self.in_blocks);
        self.blocks.clear();
        if items > 0 {
            self.cut += items as u64;
            self.chunks.push_back(Chunk::settled(self.cut, items, Err(Box::new(error.clone()))));
            self.pass_on(self.cut);
        }
    }

    /// Whether no item will ever be taken from it again.
    pub(super) fn is_exhausted(&self) -> bool {
        !self.open && self.waiting() == 0
    }

    /// Returns the refused items to the reader, who has everything else; `None` at the end.
    pub(super) fn take_refused(&mut self) -> Option<FinishedChunk> {
        let items = std::mem::take(&mut self.refused);
        let error = self.stopped.clone().filter(|_| items > 0)?;
        let end = self.cut + items as u64;
        Some(FinishedChunk { end, items, outcome: Err(Box::new(error)), shown: 0 })
    }

    /// Whether there is something for the reader: a chunk or the end.
    pub(super) fn has_news(&self) -> bool {
        !self.ready.is_empty() || self.is_over()
    }

    /// Whether every accepted item was passed to the reader.
    pub(super) fn is_over(&self) -> bool {
        self.is_exhausted() && self.chunks.is_empty() && self.ready.is_empty()
    }
}

impl Block {
    /// Cuts off the first `size` items. Finding that point takes time for every item, so if they
    /// are short (many are asked for then), it takes up to twice as many instead.
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
