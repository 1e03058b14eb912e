//! The end of a [`ChunkSource`] that takes the caller's items.
//!
//! Owns the encoding of items and the buffer for it. Takes the source's lock when a buffer or a
//! chunk of fixed size is full; for an item only if the pool has asked to be woken for the next one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use procpool_buffer::{Filled, Filler, Filling, ItemWriter};

use super::state::{BUFFER, Block};
use super::{ChunkSource, Chunking};
use crate::chunk;
use crate::codec::{self, Output};
use crate::error::CodecStep;
use crate::failure::{Failure, encode_failure};
use crate::payload::Payload;

/// The size of the first buffer: most maps are short.
const FIRST_BUFFER: u32 = 4 * 1024;

/// The outcome of pushing an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Accepted; the pool will take it without being woken.
    Quietly,
    /// Accepted, and the pool wants to be woken for it.
    Wanted,
    /// Failed, because the pool accepts no more; so would all later ones.
    Refused,
}

/// The end that takes the caller's items.
#[derive(Debug)]
pub(crate) struct Feeder {
    source: Arc<ChunkSource>,
    buffer: Buffer,
}

#[derive(Debug)]
pub(super) enum Buffer {
    /// A chunk that is not complete yet.
    Fixed { size: usize, block: Block<Vec<u8>> },
    /// Shared with the pool.
    Adaptive(Filler),
}

impl Buffer {
    pub(super) fn new(chunking: Chunking) -> Self {
        match chunking {
            Chunking::Fixed(size) => Buffer::Fixed { size, block: Block::default() },
            Chunking::Adaptive => Buffer::Adaptive(Filler::new(FIRST_BUFFER)),
        }
    }

    /// The buffer that the pool can read, and how much of it is in blocks: nothing yet.
    pub(super) fn shared(&self) -> Option<(Arc<Filling>, Filled)> {
        match self {
            Buffer::Fixed { .. } => None,
            Buffer::Adaptive(filler) => Some((Arc::clone(filler.filling()), Filled::default())),
        }
    }
}

impl Feeder {
    pub(super) fn new(source: Arc<ChunkSource>, buffer: Buffer) -> Self {
        Self { source, buffer }
    }

    /// Adds an item or, if it cannot be encoded, the reason.
    #[inline]
    pub(crate) fn push<A: Payload>(&mut self, value: &A) -> Pushed {
        if let Buffer::Adaptive(filler) = &mut self.buffer
            && encode_number(filler, value)
        {
            return self.end_push();
        }
        self.push_slowly(value)
    }

    /// Like `push`, for values that are not numbers or do not fit. Out of line, so that numbers do
    /// not pay for its size.
    #[inline(never)]
    fn push_slowly<A: Payload>(&mut self, value: &A) -> Pushed {
        match &mut self.buffer {
            Buffer::Adaptive(filler) => {
                if !encode_short(filler, value) {
                    let mut item = Vec::new();
                    encode_item(&mut item, value);
                    if !filler.push(&item) {
                        self.replace_buffer(&item);
                    }
                }
            }
            Buffer::Fixed { size, block } => {
                encode_item(&mut block.bytes, value);
                block.items += 1;
                // Relaxed: the next item may notice it instead.
                if block.items < *size && !self.source.closed.load(Ordering::Relaxed) {
                    return Pushed::Quietly;
                }
                if !self.end_chunk() {
                    return Pushed::Refused;
                }
            }
        }
        self.end_push()
    }

    /// Called after the fence in `ItemWriter::finish` or the lock in `end_chunk`.
    #[inline]
    fn end_push(&self) -> Pushed {
        if self.source.attention.load(Ordering::Relaxed) {
            self.pay_attention()
        } else {
            Pushed::Quietly
        }
    }

    #[cold]
    pub(super) fn pay_attention(&self) -> Pushed {
        let mut state = self.source.lock();
        if state.open {
            return Pushed::Wanted;
        }
        let late = state.filled();
        state.refused += late;
        if late > 0 { Pushed::Refused } else { Pushed::Quietly }
    }

    /// Continues with an empty buffer that has room for `item`.
    fn replace_buffer(&mut self, item: &[u8]) {
        let size = u32::try_from(item.len()).unwrap_or(u32::MAX).max(BUFFER);
        let mut filler = Filler::new(size);
        let mut state = self.source.lock();
        state.take_filled();
        state.filling = Some((Arc::clone(filler.filling()), Filled::default()));
        if !filler.push(item) {
            // From 4 GiB on an item is a block of its own.
            state.add(Block { bytes: Bytes::copy_from_slice(item), items: 1 });
        }
        drop(state);
        self.buffer = Buffer::Adaptive(filler);
    }

    /// Passes the items of a chunk of a fixed size to the pool. Returns `false` if they were
    /// refused.
    fn end_chunk(&mut self) -> bool {
        if let Buffer::Fixed { block, .. } = &mut self.buffer
            && block.items > 0
        {
            let Block { bytes, items } = std::mem::take(block);
            let room = bytes.len() + bytes.len() / 8;
            block.bytes.reserve(room);
            return self.source.lock().add(Block { bytes: bytes.into(), items });
        }
        true
    }
}

/// Encodes a number of at most seven bytes in place, in one piece. Returns `false` and writes
/// nothing if it is no such number or does not fit.
#[inline]
fn encode_number<A: Payload>(filler: &mut Filler, value: &A) -> bool {
    let mut item = Encoding(filler.begin());
    let written = chunk::push_number(&mut item, value);
    if written {
        item.0.finish();
    }
    written
}

/// Encodes an item in place. Returns `false` and writes nothing if it does not fit or needs more
/// than one byte of header.
#[inline]
fn encode_short<A: Payload>(filler: &mut Filler, value: &A) -> bool {
    let mut item = Encoding(filler.begin());
    let written = item.extend(&[0]) && codec::encode_to(value, &mut item).is_ok();
    match chunk::short_header(item.0.written() - usize::from(written)) {
        Some(header) if written => {
            item.0.set_first(header);
            item.0.finish();
            true
        }
        _ => false,
    }
}

/// Encodes an item or, if it cannot be encoded, the reason.
pub(super) fn encode_item<A: Payload>(output: &mut Vec<u8>, value: &A) {
    chunk::push(output, |output| match codec::encode(value, output, CodecStep::EncodeArguments) {
        Ok(()) => false,
        Err(error) => {
            output.extend_from_slice(&encode_failure(&Failure::Codec(*error)));
            true
        }
    });
}

/// An item that is being encoded in its place.
struct Encoding<'a>(ItemWriter<'a>);

impl Output for Encoding<'_> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> bool {
        self.0.extend(bytes)
    }

    #[inline]
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        self.0.extend_short(bytes, length)
    }
}

impl Drop for Feeder {
    /// Marks the end of the items.
    fn drop(&mut self) {
        self.end_chunk();
        // Nobody reads before the last item was pushed.
        let _no_waker = self.source.change(|state| {
            state.take_filled();
            state.open = false;
            state.filling = None;
        });
    }
}
