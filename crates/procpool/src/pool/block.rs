//! Consecutive calls, stored together.
//!
//! Owns the layout of queued calls: one piece of memory for their encoded arguments, plus 16 bytes
//! per call. A block is filled under the inbox's lock and never changes afterwards. The queue and
//! the workers hold [`Slice`]s of it, so moving calls between them, in either direction, copies
//! nothing. A block lives until its last slice is dropped. A chunk of a map is the only call of a
//! block, whose bytes are the chunk's items.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use procpool_link::Entry;

use super::wakes::Wakes;
use crate::chunk_source::{ChunkCall, TakenChunk};
use crate::error::Error;
use crate::future::SharedFuture;

/// The most calls in a block. More makes fewer, larger pieces; fewer frees the memory of finished
/// calls sooner.
const CALLS: usize = 512;

/// The most argument bytes in a block of several calls.
const BYTES: usize = 64 * 1024;

/// Arguments of this size or more are moved, not copied, into a block of their own.
pub(crate) const LARGE: usize = 16 * 1024;

/// Retries are used up: no other worker may run the call.
const PINNED: u32 = u32::MAX;

/// The function to call, how long it may run, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Callee {
    pub(crate) entry: Entry,
    pub(crate) time_limit: Option<Duration>,
    /// Its key, and whether it waits for a worker that had it.
    pub(crate) key: Option<(u64, bool)>,
}

/// Encoded arguments.
#[derive(Debug)]
pub(crate) enum Arguments<'a> {
    Small(&'a [u8]),
    Large(Vec<u8>),
}

#[derive(Debug, Clone)]
struct QueuedCall {
    future: Arc<SharedFuture>,
    /// Where its arguments end; those of the block's last call extend to the end of the block.
    end: u32,
    /// The index of its callee in the block.
    callee: u32,
}

/// Calls with consecutive ids.
#[derive(Debug, Clone)]
pub(super) struct Block<B = Bytes> {
    first_id: u64,
    callees: Vec<Callee>,
    bytes: B,
    calls: Vec<QueuedCall>,
    /// The chunk that its only call runs, if that is one of a map.
    chunk: Option<Arc<ChunkCall>>,
}

impl Block<Vec<u8>> {
    /// Starts a block with one call.
    pub(super) fn new(
        id: u64,
        callee: Callee,
        arguments: Arguments<'_>,
        future: Arc<SharedFuture>,
    ) -> Self {
        let bytes = match arguments {
            Arguments::Small(bytes) => bytes.to_vec(),
            Arguments::Large(bytes) => bytes,
        };
        // Saturates only for large arguments, which are the last in their block.
        let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let calls = vec![QueuedCall { future, end, callee: 0 }];
        Self { first_id: id, callees: vec![callee], bytes, calls, chunk: None }
    }

    /// Adds a call if its id is the next one and there is room. Otherwise returns the future.
    pub(super) fn add(
        &mut self,
        id: u64,
        callee: Callee,
        arguments: &Arguments<'_>,
        future: Arc<SharedFuture>,
    ) -> Result<(), Arc<SharedFuture>> {
        let Arguments::Small(bytes) = arguments else { return Err(future) };
        let length = self.bytes.len() + bytes.len();
        let fits = length <= BYTES && self.calls.len() < CALLS;
        // A call with a key is alone.
        let has_key = callee.key.or(self.callees[0].key).is_some();
        if !fits || has_key || id != self.first_id + self.calls.len() as u64 {
            return Err(future);
        }
        if self.callees.last() != Some(&callee) {
            self.callees.push(callee);
        }
        self.bytes.extend_from_slice(bytes);
        let callee = self.callees.len() as u32 - 1;
        self.calls.push(QueuedCall { future, end: length as u32, callee });
        Ok(())
    }

    /// Ends filling the block.
    pub(super) fn freeze(self) -> Slice {
        let Self { first_id, callees, bytes, calls, chunk } = self;
        Slice::of(Block { first_id, callees, bytes: bytes.into(), calls, chunk })
    }
}

/// A run of consecutive calls in a block.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    block: Arc<Block>,
    start: u32,
    end: u32,
    /// How often its calls were lost with a worker and retried, or [`PINNED`].
    retried: u32,
    /// How many workers ended after they were sent the first call and before they started it.
    undelivered: u32,
}

impl Slice {
    fn of(block: Block) -> Self {
        let end = block.calls.len() as u32;
        Self { block: Arc::new(block), start: 0, end, retried: 0, undelivered: 0 }
    }

    /// The call that runs a chunk, with a time limit of `per_item` for each of its items.
    pub(super) fn of_chunk(id: u64, chunk: TakenChunk, per_item: Option<Duration>) -> Self {
        let TakenChunk { call, future, bytes, count } = chunk;
        let time_limit = per_item.map(|limit| limit.saturating_mul(count));
        Self::of(Block {
            first_id: id,
            callees: vec![Callee { entry: call.entry(), time_limit, key: None }],
            bytes,
            calls: vec![QueuedCall { future, end: 0, callee: 0 }],
            chunk: Some(call),
        })
    }

    /// One call that only a certain worker may run: see `broadcast`.
    pub(super) fn pinned(id: u64, callee: Callee, bytes: Bytes, future: Arc<SharedFuture>) -> Self {
        let calls = vec![QueuedCall { future, end: 0, callee: 0 }];
        let block = Block { first_id: id, callees: vec![callee], bytes, calls, chunk: None };
        Self { retried: PINNED, ..Self::of(block) }
    }

    /// Whether only a certain worker may run its call. Such a call is alone in its slice.
    pub(super) fn is_pinned(&self) -> bool {
        self.retried == PINNED
    }

    /// The chunk that its call runs, if that is one of a map. Such a call is alone in its slice.
    pub(super) fn chunk(&self) -> Option<&Arc<ChunkCall>> {
        self.block.chunk.as_ref()
    }

    /// The key of its call, if it has one, and whether it is strict. Such a call is alone in its block.
    pub(super) fn key(&self) -> Option<(u64, bool)> {
        self.block.callees[0].key
    }

    pub(super) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Splits off the first `count` calls. Panics if there are fewer.
    pub(super) fn split_to(&mut self, count: usize) -> Slice {
        let middle = self.start + count as u32;
        assert!(middle <= self.end, "{count} of {} calls", self.len());
        let first = Slice { block: Arc::clone(&self.block), end: middle, ..*self };
        self.start = middle;
        first
    }

    /// Skips the first call, which must exist.
    pub(super) fn skip_first(&mut self) {
        debug_assert!(self.start < self.end);
        self.start += 1;
    }

    /// Returns the same calls for another attempt, or as the error if they were already retried
    /// `retries` times.
    pub(super) fn again(mut self, retries: u32) -> Result<Self, Self> {
        if self.retried >= retries {
            return Err(self);
        }
        self.retried += 1;
        if let Some(chunk) = self.block.chunk.clone() {
            let block = Arc::make_mut(&mut self.block);
            block.bytes = chunk.retry(&block.bytes);
        }
        Ok(self)
    }

    /// Splits its chunk: keeps the first `started` items, which a worker that is gone had started, and
    /// returns the others, as a work item of its own: retries are counted for each. `per_item` is the
    /// time limit of each item that it keeps; the others keep the limit of the whole chunk.
    pub(super) fn split_started(
        &mut self,
        started: usize,
        per_item: Option<Duration>,
        next_id: impl FnOnce() -> u64,
    ) -> Option<Slice> {
        let chunk = self.block.chunk.clone()?;
        let (first, rest) = chunk.split(&self.block.bytes, started)?;
        let first = Slice { retried: self.retried, ..Slice::of_chunk(self.id(), first, per_item) };
        let mut others = std::mem::replace(self, first);
        let block = Arc::make_mut(&mut others.block);
        (block.bytes, block.first_id) = (rest, next_id());
        Some(others)
    }

    /// Splits off the first call, which a worker that is gone received but did not start. Returns
    /// how often that has happened to it.
    pub(super) fn split_undelivered(&mut self) -> (Slice, u32) {
        let mut first = self.split_to(1);
        first.undelivered += 1;
        self.undelivered = 0;
        let times = first.undelivered;
        (first, times)
    }

    /// Fails all its calls.
    pub(super) fn fail(&self, error: &Error, wakes: &mut Wakes) {
        for future in self.futures() {
            wakes.finish(future, Err(Box::new(error.clone())));
        }
    }

    /// The time limit of the first call.
    pub(super) fn time_limit(&self) -> Option<Duration> {
        let call = self.block.calls.get(self.start as usize)?;
        self.block.callees[call.callee as usize].time_limit
    }

    /// Returns the memory of a block that no other slice uses, if it held large arguments.
    pub(super) fn into_memory(self) -> Option<Vec<u8>> {
        let block = Arc::into_inner(self.block)?;
        (block.bytes.len() >= LARGE).then_some(block.bytes)?.try_into_mut().ok().map(Vec::from)
    }

    /// The work item number of the first call.
    pub(super) fn id(&self) -> u64 {
        self.block.first_id + u64::from(self.start)
    }

    pub(super) fn futures(&self) -> impl Iterator<Item = &Arc<SharedFuture>> {
        let range = self.start as usize..self.end as usize;
        self.block.calls[range].iter().map(|call| &call.future)
    }

    /// The future of the first call, if any is left.
    pub(super) fn first(&self) -> Option<&Arc<SharedFuture>> {
        self.futures().next()
    }

    /// Each call's callee, and the range of its arguments in the block's bytes.
    pub(super) fn calls(&self) -> impl Iterator<Item = (&Callee, &Bytes, Range<usize>)> {
        let Block { callees, bytes, calls, .. } = &*self.block;
        let first = self.start as usize;
        let mut start = first.checked_sub(1).map_or(0, |before| calls[before].end as usize);
        (first..self.end as usize).map(move |index| {
            let call = &calls[index];
            let end = if index + 1 == calls.len() { bytes.len() } else { call.end as usize };
            let range = start..end;
            start = end;
            (&callees[call.callee as usize], bytes, range)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procpool_os::code::FunctionRef;

    fn callee(offset: i64) -> Callee {
        let function = FunctionRef { offset, tag: 0 };
        let entry = Entry { trampoline: function, function };
        Callee { entry, time_limit: None, key: None }
    }

    /// The calls of a slice as they would be sent: id, entry's offset, arguments.
    fn calls(slice: Slice) -> Vec<(u64, i64, Vec<u8>)> {
        let calls = slice.calls().zip(slice.id()..);
        calls
            .map(|((callee, bytes, range), id)| {
                (id, callee.entry.function.offset, bytes[range].to_vec())
            })
            .collect()
    }

    #[test]
    fn calls_are_taken_in_the_order_in_which_they_were_added() {
        let future = SharedFuture::new;
        let mut block = Block::new(7, callee(1), Arguments::Small(b"a"), future());
        block.add(8, callee(1), &Arguments::Small(b""), future()).unwrap();
        block.add(9, callee(2), &Arguments::Small(b"bc"), future()).unwrap();
        block.add(11, callee(2), &Arguments::Small(b"d"), future()).expect_err("a gap in the ids");
        block.add(10, callee(2), &Arguments::Large(vec![1]), future()).expect_err("large");
        let mut rest = block.freeze();
        let first = rest.split_to(1);
        assert_eq!(calls(first), [(7, 1, b"a".to_vec())]);
        assert_eq!(calls(rest), [(8, 1, vec![]), (9, 2, b"bc".to_vec())]);
    }

    #[test]
    fn a_block_ends_when_it_is_full() {
        let mut block = Block::new(0, callee(1), Arguments::Small(b""), SharedFuture::new());
        let full = (1..).find(|id| {
            block.add(*id, callee(1), &Arguments::Small(b""), SharedFuture::new()).is_err()
        });
        assert_eq!(full, Some(CALLS as u64));
        let mut block = Block::new(0, callee(1), Arguments::Small(b""), SharedFuture::new());
        let long = vec![0; BYTES + 1];
        block.add(1, callee(1), &Arguments::Small(&long), SharedFuture::new()).expect_err("full");
    }
}
