//! The result of a call, written into the ring before its frame is published: that of a chunk item by item.
//!
//! Owns the position of the next item, and the word that holds the end of the whole items. A worker does
//! not know how long the next item takes, and sends nothing while it runs. So it writes each result at once
//! where the parent can read it, for the price of a store:
//!
//! ```text
//!              tail                              DRAFT
//! … published ──┴─ room for the head │ item │ item ─┴─ being written …
//! ```
//!
//! - The worker has reserved the room, so nobody reads these bytes as a frame, and they do not change
//!   before the parent's head has passed them. The word is stored with Release after each item, and
//!   loaded with Acquire.
//! - Items that are finished and not in the draft are counted in a word of the same line, so that the parent
//!   knows which item a worker died of. It is 0 again before the next task is claimed.
//! - Positions only grow, so the word of an earlier draft never points beyond the tail.
//!
//! The race: (1) the parent has read everything; (2) the worker publishes this draft and begins the next
//! one; (3) the parent loads the word, and takes the bytes of both drafts for items of the first. So the
//! parent loads the tail after the word: if it sees the word of the next draft, it sees that this one was
//! published.

use crate::ring::{RingWriter, Scribbled};
use crate::wire::{Frame, ResultStatus, SMALL};
use crate::{DRAFT, Ordering, RESULTS, Segment};

/// The longest draft, in bytes. More reserves more of the ring; less makes long chunks finish their results
/// in private memory, where the parent cannot see them.
const MOST: usize = 256 * 1024;

/// Returns the length of a result's head.
pub(super) fn head_length() -> usize {
    Frame::ResultItem { index: 0, status: ResultStatus::Value }.head(0).len()
}

/// See the module's header.
#[derive(Debug)]
pub struct Draft {
    segment: &'static Segment,
    start: u64,
    end: u64,
    limit: u64,
    /// How many items have finished and are not in it.
    pub(super) undrafted: u32,
}

impl Draft {
    /// The length of the time at its end.
    const TIME: u64 = size_of::<u64>() as u64;

    /// Makes a draft without room.
    pub(super) fn new(segment: &'static Segment) -> Self {
        Self { segment, start: 0, end: 0, limit: 0, undrafted: 0 }
    }

    /// Begins a draft behind the bytes that were written to `ring`.
    pub(super) fn begin(&mut self, ring: &mut RingWriter) -> Result<(), Scribbled> {
        let room = ring.room(self.segment, MOST)?.min(MOST) as u64;
        self.start = ring.position() + head_length() as u64;
        self.end = self.start;
        self.undrafted = 0;
        // Room for the time at its end is always reserved.
        self.limit = (ring.position() + room).saturating_sub(Self::TIME);
        Ok(())
    }

    /// Returns how many bytes were drafted.
    pub fn length(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Shows the parent the appended bytes. Called after each whole item.
    #[inline]
    pub fn show(&self) {
        self.segment.line(DRAFT).number.store(self.end, Ordering::Release);
    }

    /// Moves the one item in `output` to the draft, if it is short and there is room. Otherwise it and all later
    /// ones stay in `output`.
    #[inline]
    pub fn absorb(&mut self, output: &mut Vec<u8>) {
        if output.len() <= SMALL && self.extend(output) {
            output.clear();
            self.show();
        } else {
            self.limit = self.end;
            self.undrafted += 1;
            self.segment.line(DRAFT).word.store(self.undrafted, Ordering::Release);
        }
    }

    /// Ends a draft with the chunk's duration. Returns `false` if the draft is empty or not the whole result.
    pub fn end(&mut self, nanos: u64, output: &[u8]) -> bool {
        if self.length() == 0 || !output.is_empty() {
            return false;
        }
        self.limit = self.end + Self::TIME;
        self.extend(&nanos.to_le_bytes())
    }

    /// Always inlined: a number then has a constant length, and its copy becomes a store.
    #[inline(always)]
    fn put(&self, bytes: &[u8]) {
        let offset = (self.end % RESULTS.capacity as u64) as usize;
        if offset + bytes.len() <= RESULTS.capacity {
            return self.segment.write(RESULTS.offset + offset, bytes);
        }
        RESULTS.pieces(self.end, bytes.len(), |offset, piece| {
            self.segment.write(offset, &bytes[piece]);
        });
    }

    /// Appends bytes. Returns `false` if there is no room for them.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) -> bool {
        let fits = self.end + bytes.len() as u64 <= self.limit;
        if fits {
            self.put(bytes);
            self.end += bytes.len() as u64;
        }
        fits
    }

    /// Appends the first `length` of eight bytes. Returns `false` if there is no room for all eight.
    #[inline]
    pub fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        let fits = self.end + 8 <= self.limit;
        if fits {
            self.put(&bytes);
            self.end += length as u64;
        }
        fits
    }
}

/// Decides when the parent reads a draft: at every look while it grows slowly, at every eighth while it
/// grows fast. The growth is measured since the last look but one: a worker that had no CPU for a moment
/// is not slow.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The end of the draft at the last two looks.
    drafted: [u64; 2],
    /// How many looks in a row found the growth too fast.
    looks: u32,
}

impl Pace {
    /// The largest slow growth, in bytes. More copies results early that are about to be published in one
    /// piece; less delays some results of items that take some microseconds.
    const SLOW: u64 = 1024;

    /// One in this many looks reads a fast draft. More delays the quick results of a long chunk; less copies
    /// them more often.
    const LOOKS: u32 = 8;

    /// Returns whether to read the draft, which ends at `written`. The worker may have made up that number.
    pub(super) fn look(&mut self, written: u64) -> bool {
        let [before, last] = self.drafted;
        self.drafted = [last, written];
        let is_slow = written.wrapping_sub(before) <= Self::SLOW;
        self.looks = if is_slow { 0 } else { (self.looks + 1) % Self::LOOKS };
        self.looks == 0
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::SEGMENT;
    use crate::ring::RingReader;

    /// A draft behind `before` bytes that were written and read.
    fn draft(before: usize) -> (Draft, RingWriter, RingReader) {
        let segment: &'static Segment = Box::leak(Box::new(Segment::create(SEGMENT).unwrap().0));
        let (mut writer, mut reader) = (RingWriter::new(RESULTS), RingReader::new(RESULTS));
        for piece in [before / 2, before - before / 2] {
            assert!(writer.room(segment, piece).unwrap() >= piece);
            writer.put(segment, &vec![1; piece]);
            writer.publish(segment);
            assert_eq!(reader.available(segment).unwrap(), piece);
            reader.read(segment, &mut vec![0; piece]);
            reader.release(segment);
        }
        let mut draft = Draft::new(segment);
        draft.begin(&mut writer).unwrap();
        (draft, writer, reader)
    }

    fn drafted(draft: &Draft, reader: &RingReader) -> Vec<u8> {
        let mut bytes = vec![0; draft.length()];
        reader.peek(draft.segment, head_length(), &mut bytes);
        bytes
    }

    #[test]
    fn a_slow_draft_is_read_at_every_look_and_a_fast_one_at_every_eighth() {
        let mut pace = Pace::default();
        let mut reads = |step: u64| {
            let looks = (1..=16).map(|look| pace.look(look * step)).filter(|read| *read);
            looks.count()
        };
        assert_eq!([reads(1), reads(512), reads(10_000), reads(513)], [16, 16, 2, 2]);
    }

    #[test]
    fn items_are_readable_before_their_frame_is_published() {
        let around = RESULTS.capacity - head_length();
        for before in [0, around - 11, around - 8, around - 5, around, RESULTS.capacity] {
            let (mut draft, _writer, mut reader) = draft(before);
            assert!(draft.extend_short(*b"abc.....", 3) && draft.extend(b"de"));
            let mut output = b"fghijklm".to_vec();
            draft.absorb(&mut output);
            assert_eq!((drafted(&draft, &reader), output.len()), (b"abcdefghijklm".to_vec(), 0));
            let word = draft.segment.line(DRAFT).number.load(Ordering::Relaxed);
            assert_eq!(word, reader.position() + head_length() as u64 + 13);
            assert_eq!(reader.available(draft.segment).unwrap(), 0, "no frame is published");
        }
    }

    #[test]
    fn after_an_item_that_does_not_fit_all_items_stay_in_the_output() {
        for long in [SMALL + 1, SMALL] {
            let (mut draft, ..) = draft(0);
            let fit = (MOST - head_length() - 8) / SMALL;
            for _ in 0..if long > SMALL { 1 } else { fit } {
                let mut output = vec![1; SMALL];
                draft.absorb(&mut output);
                assert!(output.is_empty());
            }
            let (mut output, length) = (vec![2; long], draft.length());
            draft.absorb(&mut output);
            assert!(!draft.extend_short([3; 8], 1) && !draft.extend(b"3"));
            assert_eq!((draft.length(), output.len()), (length, long));
            draft.absorb(&mut output);
            let undrafted = draft.segment.line(DRAFT).word.load(Ordering::Relaxed);
            assert_eq!(undrafted, 2, "items are counted that are not in it");
            assert!(!draft.end(7, &output), "it is not the whole result");
        }
    }

    #[test]
    fn a_full_draft_has_room_for_its_time() {
        let (mut draft, _writer, reader) = draft(0);
        while draft.extend_short([1; 8], 8) {}
        assert!(draft.end(7, &[]));
        assert!(drafted(&draft, &reader).ends_with(&7_u64.to_le_bytes()));
        assert!(head_length() + draft.length() <= MOST);
        let (mut empty, ..) = self::draft(0);
        assert!(!empty.end(7, &[]));
    }
}
