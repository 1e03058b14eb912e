//! The end of a [`ChunkSource`] into which the caller's items go.
//!
//! Owns the encoding of items and the buffer they are encoded into. Takes the source's lock when a
//! buffer or a chunk of fixed size is full, never for an item.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::state::Block;
use super::{ChunkSource, Chunking};
use crate::chunk;
use crate::codec::{self, Output};
use crate::error::CodecStep;
use crate::failure::{Failure, encode_failure};
use crate::payload::Payload;
use crate::sys::filling::{Filled, Filler, Filling, ItemWriter};

/// The size of the buffers that items are fed into, which is also the most bytes in an adaptive
/// chunk. Larger keeps more of the input in flight at once; smaller sends big items in more pieces
/// than their time asks for.
pub(super) const BUFFER: u32 = 256 * 1024;

/// The size of the first one: most maps are short.
const FIRST_BUFFER: u32 = 4 * 1024;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is there; somebody will come for it.
    Quietly,
    /// It is there, and the pool wants to hear of it.
    Wanted,
    /// It has failed, because the pool takes no more; so would all that come after it.
    Refused,
}

/// The end into which the caller's items go.
#[derive(Debug)]
pub(crate) struct Feeder {
    source: Arc<ChunkSource>,
    buffer: Buffer,
}

#[derive(Debug)]
pub(super) enum Buffer {
    /// A chunk that is not whole yet.
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

    /// What the pool can look into, and how much of that is in blocks: nothing yet.
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

    /// Adds an item, or why it cannot be encoded.
    #[inline]
    pub(crate) fn push<A: Payload>(&mut self, value: &A) -> Pushed {
        if let Buffer::Adaptive(filler) = &mut self.buffer
            && push_number(filler, value)
        {
            return self.end_push();
        }
        self.push_any(value)
    }

    /// The same for what is no number, or has no room. Apart, so that numbers do not pay for its size.
    #[inline(never)]
    fn push_any<A: Payload>(&mut self, value: &A) -> Pushed {
        match &mut self.buffer {
            Buffer::Adaptive(filler) => {
                if !push_short(filler, value) {
                    let mut item = Vec::new();
                    push_any(&mut item, value);
                    if !filler.push(&item) {
                        self.replace_buffer(&item);
                    }
                }
            }
            Buffer::Fixed { size, block } => {
                push_any(&mut block.bytes, value);
                block.items += 1;
                // Relaxed: it may be noticed at the next item.
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

    /// Behind the fence in `ItemWriter::finish`, or the lock in `end_chunk`.
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

    /// Goes on with an empty buffer, in which there is room for `item`.
    fn replace_buffer(&mut self, item: &[u8]) {
        let size = u32::try_from(item.len()).unwrap_or(u32::MAX).max(BUFFER);
        let mut filler = Filler::new(size);
        let mut state = self.source.lock();
        state.take_filled();
        state.filling = Some((Arc::clone(filler.filling()), Filled::default()));
        if !filler.push(item) {
            // Beyond 4 GiB an item is a block of its own.
            state.add(Block { bytes: Bytes::copy_from_slice(item), items: 1 });
        }
        drop(state);
        self.buffer = Buffer::Adaptive(filler);
    }

    /// Gives the pool what a chunk of a fixed size has by now. False when it was refused.
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

/// Encodes a number of at most seven bytes where it will be sent from, in one piece. False, and nothing,
/// when it is not one or there is no room for it.
#[inline]
fn push_number<A: Payload>(filler: &mut Filler, value: &A) -> bool {
    let mut item = filler.begin();
    let written = chunk::push_number(&mut item, value);
    if written {
        item.finish();
    }
    written
}

/// Encodes an item where it will be sent from. False, and nothing, when there is no room for it or
/// it needs more than one byte of header.
#[inline]
fn push_short<A: Payload>(filler: &mut Filler, value: &A) -> bool {
    let mut item = filler.begin();
    let written = item.extend(&[0]) && codec::encode_to(value, &mut item).is_ok();
    match chunk::short_header(item.len() - usize::from(written)) {
        Some(header) if written => {
            item.set_first(header);
            item.finish();
            true
        }
        _ => false,
    }
}

/// Encodes an item, or why it cannot be encoded.
pub(super) fn push_any<A: Payload>(output: &mut Vec<u8>, value: &A) {
    chunk::push(output, |output| match codec::encode(value, output, CodecStep::EncodeArguments) {
        Ok(()) => false,
        Err(error) => {
            output.extend_from_slice(&encode_failure(&Failure::Codec(*error)));
            true
        }
    });
}

impl Output for ItemWriter<'_> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> bool {
        ItemWriter::extend(self, bytes)
    }

    #[inline]
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        ItemWriter::extend_short(self, bytes, length)
    }
}

impl Drop for Feeder {
    /// Says that no more items come.
    fn drop(&mut self) {
        self.end_chunk();
        let mut state = self.source.lock();
        state.take_filled();
        state.open = false;
        state.filling = None;
        drop(state);
        self.source.finished.notify_all();
    }
}
