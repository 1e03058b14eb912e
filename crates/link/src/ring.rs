//! A ring of bytes in shared memory: one side writes, the other reads.
//!
//! Owns two positions per ring, which only grow: the writer's *tail* and the reader's *head*. Each
//! is stored by one side alone and has its own cache line. A side also keeps its own position in private
//! memory and never reads it back from the segment. Bytes are copied out before they are interpreted, and an
//! impossible position of the peer is [`Scribbled`], never used.
//!
//! ```text
//!        head ──▶ ░░░░░░░░░░░░░░░░ ◀── tail          head ≤ tail ≤ head + capacity
//!                 written, not read
//! ```
//!
//! - The writer copies bytes behind the tail, then stores the tail with Release. The reader loads
//!   the tail with Acquire before it copies, so it sees every byte below it.
//! - The reader stores the head with Release after it copied. The writer loads it with Acquire
//!   before it writes there again, so it overwrites nothing that is still being read.
//!
//! A side waits for the other one through `bell`.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;

use crate::{Ordering, Segment, planted};

/// Where a ring lies in its segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) offset: usize,
    pub(super) capacity: usize,
    /// The lines of its positions.
    pub(super) tail: usize,
    pub(super) head: usize,
}

/// The peer has written a value that no working peer writes. It cannot be trusted any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scribbled;

impl fmt::Display for Scribbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "nonsense through shared memory: a task of this worker, this one or an earlier one, has \
             written to the memory that the worker shares with the pool",
        )
    }
}

impl From<Scribbled> for io::Error {
    fn from(scribbled: Scribbled) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, scribbled.to_string())
    }
}

impl Region {
    /// Copies within the ring in at most two pieces: `copy(offset, range of the piece)`.
    pub(super) fn pieces(
        &self,
        position: u64,
        count: usize,
        mut copy: impl FnMut(usize, std::ops::Range<usize>),
    ) {
        let start = (position % self.capacity as u64) as usize;
        let first = count.min(self.capacity - start);
        copy(self.offset + start, 0..first);
        if first < count {
            copy(self.offset, first..count);
        }
    }

    /// Loads a position of the peer. Fails if it is not within `possible`.
    fn load(
        &self,
        segment: &Segment,
        line: usize,
        possible: RangeInclusive<u64>,
    ) -> Result<u64, Scribbled> {
        let order = if planted("relaxed tail") { Ordering::Relaxed } else { Ordering::Acquire };
        let position = segment.line(line).number.load(order);
        if possible.contains(&position) { Ok(position) } else { Err(Scribbled) }
    }
}

/// The writing side.
#[derive(Debug)]
pub(super) struct RingWriter {
    region: Region,
    tail: u64,
    /// The reader's head as last seen.
    head: u64,
}

impl RingWriter {
    pub(super) fn new(region: Region) -> Self {
        Self { region, tail: 0, head: 0 }
    }

    pub(super) fn capacity(&self) -> usize {
        self.region.capacity
    }

    /// Returns how many bytes were written so far.
    pub(super) fn position(&self) -> u64 {
        self.tail
    }

    /// Returns how many bytes are known to fit. Loads the reader's head only if `wanted` bytes do not.
    pub(super) fn room(&mut self, segment: &Segment, wanted: usize) -> Result<usize, Scribbled> {
        let room = |this: &Self| this.region.capacity - (this.tail - this.head) as usize;
        if room(self) < wanted {
            self.head = self.region.load(segment, self.region.head, self.head..=self.tail)?;
        }
        Ok(room(self))
    }

    /// Writes bytes that fit. The reader sees them after [`publish`](Self::publish).
    pub(super) fn put(&mut self, segment: &Segment, bytes: &[u8]) {
        let used = (self.tail - self.head) as usize;
        assert!(bytes.len() <= self.region.capacity - used, "the caller has checked the room");
        self.region.pieces(self.tail, bytes.len(), |offset, piece| {
            segment.write(offset, &bytes[piece]);
        });
        self.tail += bytes.len() as u64;
    }

    /// Advances the tail over bytes that were written behind it, within the room.
    pub(super) fn skip(&mut self, count: usize) {
        self.tail += count as u64;
        debug_assert!(self.tail - self.head <= self.region.capacity as u64, "there is no room");
    }

    /// Makes everything written visible to the reader.
    pub(super) fn publish(&self, segment: &Segment) {
        segment.line(self.region.tail).number.store(self.tail, Ordering::Release);
    }

    /// Returns whether the reader has read everything that was written.
    pub(super) fn is_drained(&self, segment: &Segment) -> bool {
        segment.line(self.region.head).number.load(Ordering::Acquire) == self.tail
    }
}

/// The reading side.
#[derive(Debug)]
pub(super) struct RingReader {
    region: Region,
    head: u64,
    /// The writer's tail as last seen.
    tail: u64,
}

impl RingReader {
    pub(super) fn new(region: Region) -> Self {
        Self { region, head: 0, tail: 0 }
    }

    /// Returns how many bytes are readable.
    pub(super) fn available(&mut self, segment: &Segment) -> Result<usize, Scribbled> {
        if self.tail == self.head {
            let possible = self.tail..=self.head + self.region.capacity as u64;
            self.tail = self.region.load(segment, self.region.tail, possible)?;
        }
        Ok((self.tail - self.head) as usize)
    }

    /// Copies readable bytes to `output`. The writer may overwrite them after [`release`](Self::release).
    pub(super) fn read(&mut self, segment: &Segment, output: &mut [u8]) {
        self.region.pieces(self.head, output.len(), |offset, piece| {
            segment.read(offset, &mut output[piece]);
        });
        self.head += output.len() as u64;
    }

    /// Appends readable bytes to `output`, which has the capacity.
    pub(super) fn append(&mut self, segment: &Segment, count: usize, output: &mut Vec<u8>) {
        self.region.pieces(self.head, count, |offset, piece| {
            segment.append(offset, piece.len(), output);
        });
        self.head += count as u64;
    }

    /// Copies bytes that begin `skip` behind the head, published or not, without consuming them.
    pub(super) fn peek(&self, segment: &Segment, skip: usize, output: &mut [u8]) {
        self.region.pieces(self.head + skip as u64, output.len(), |offset, piece| {
            segment.read(offset, &mut output[piece]);
        });
    }

    /// Lets the writer overwrite the bytes that were read.
    pub(super) fn release(&self, segment: &Segment) {
        segment.line(self.region.head).number.store(self.head, Ordering::Release);
    }

    /// Returns how many bytes were read so far.
    pub(super) fn position(&self) -> u64 {
        self.head
    }

    /// Returns whether at least half of the ring is free.
    pub(super) fn is_half_empty(&self, segment: &Segment) -> bool {
        let tail = segment.line(self.region.tail).number.load(Ordering::Acquire);
        tail.wrapping_sub(self.head) <= self.region.capacity as u64 / 2
    }

    /// Returns whether there are unread bytes, without reading any.
    pub(super) fn has_more(&self, segment: &Segment) -> bool {
        self.head != self.tail
            || segment.line(self.region.tail).number.load(Ordering::Acquire) != self.tail
    }
}
