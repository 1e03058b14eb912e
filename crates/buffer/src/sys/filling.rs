//! A buffer that one thread fills while others take the filled part, without a lock.
//!
//! Owns the memory and one number that says how much of it is filled. Bytes below that never change
//! again, so they can be lent to any thread; bytes above it are written only by the one [`Filler`].
//! Does not know what the items are.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::barrier;

/// The buffer.
#[derive(Debug)]
pub struct Filling {
    memory: Box<[UnsafeCell<MaybeUninit<u8>>]>,
    /// Bytes in the upper half, items in the lower.
    filled: AtomicU64,
}

/// How much was filled at some instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// The bytes of all items.
    pub bytes: usize,
    /// The number of items.
    pub items: usize,
}

/// The only writer.
#[derive(Debug)]
pub struct Filler {
    filling: Arc<Filling>,
    filled: Filled,
}

// SAFETY: bytes below `filled` are only read, by any thread; bytes above it are written only by the
// one `Filler`, and read by no thread (see `lend` and `push`).
unsafe impl Sync for Filling {}

impl Filler {
    /// Creates an empty buffer of `size` bytes, at most 4 GiB.
    pub fn new(size: u32) -> Self {
        let cell = || UnsafeCell::new(MaybeUninit::uninit());
        let memory = std::iter::repeat_with(cell).take(size as usize).collect();
        let filling = Filling { memory, filled: AtomicU64::new(0) };
        Self { filling: Arc::new(filling), filled: Filled::default() }
    }

    /// Returns the buffer, from which any thread may take.
    pub fn filling(&self) -> &Arc<Filling> {
        &self.filling
    }

    /// Appends an item, visible to all threads at once. Returns `false` if there is no room.
    pub fn push(&mut self, item: &[u8]) -> bool {
        let mut writer = self.begin();
        writer.extend(item) && {
            writer.finish();
            true
        }
    }

    /// Starts an item, which no other thread sees until it is finished.
    #[inline]
    pub fn begin(&mut self) -> ItemWriter<'_> {
        let end = self.filled.bytes;
        ItemWriter { filler: self, end }
    }
}

/// An item that is being written. Dropped before it is finished, it has no effect.
#[derive(Debug)]
pub struct ItemWriter<'a> {
    filler: &'a mut Filler,
    /// The end of the written bytes.
    end: usize,
}

impl ItemWriter<'_> {
    /// How many bytes were written.
    #[inline]
    pub fn written(&self) -> usize {
        self.end - self.filler.filled.bytes
    }

    /// Appends bytes. Returns `false` if there is no room.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) -> bool {
        let memory = &self.filler.filling.memory;
        let Some(target) = memory.get(self.end..self.end + bytes.len()) else { return false };
        let start = UnsafeCell::raw_get(target.as_ptr()).cast::<u8>();
        if bytes.len() <= 10 {
            // Most likely a number whose bytes were written one by one a moment ago.
            for (cell, byte) in target.iter().zip(bytes) {
                let cell = UnsafeCell::raw_get(cell).cast::<u8>();
                // SAFETY: the cell is above the filled part, so no other thread touches it:
                // `&mut Filler` is the only filler. It may be written through a shared borrow: it
                // is an UnsafeCell.
                unsafe { cell.write(*byte) };
            }
        } else {
            // SAFETY: as above, for all cells of the target, which has the length of `bytes`.
            unsafe { start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        self.end += bytes.len();
        true
    }

    /// Appends the first `length` of eight bytes. Returns `false` if there is no room for all
    /// eight.
    #[inline]
    pub fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        let Some(target) = self.filler.filling.memory.get(self.end..self.end + 8) else {
            return false;
        };
        let start = UnsafeCell::raw_get(target.as_ptr()).cast::<[u8; 8]>();
        // SAFETY: as in `extend`, for eight cells above the filled part; an array of bytes needs no
        // alignment. Those behind `length` are written again before they count.
        unsafe { start.write_unaligned(bytes) };
        self.end += length.min(8);
        true
    }

    /// Replaces the first byte.
    ///
    /// # Panics
    ///
    /// Panics if none was written.
    #[inline]
    pub fn set_first(&mut self, byte: u8) {
        assert!(self.written() > 0, "there is a first byte");
        let first = &self.filler.filling.memory[self.filler.filled.bytes];
        let first = UnsafeCell::raw_get(first).cast::<u8>();
        // SAFETY: as in `extend`: the cell is above the filled part.
        unsafe { first.write(byte) };
    }

    /// Makes the item visible to all threads.
    #[inline]
    pub fn finish(self) {
        let Self { filler, end } = self;
        filler.filled = Filled { bytes: end, items: filler.filled.items + 1 };
        // Release for the bytes; the fence for the caller, which then checks whether a thread waits
        // for items. A waiting thread sets its flag, passes the heavy fence and then checks here.
        filler.filling.filled.store(filler.filled.pack(), Ordering::Release);
        barrier::light();
    }
}

impl Filled {
    fn pack(self) -> u64 {
        // Neither exceeds the buffer's size, a u32: every item has a header.
        (self.bytes as u64) << 32 | self.items as u64
    }
}

impl Filling {
    /// Returns how much is filled.
    pub fn filled(&self) -> Filled {
        let filled = self.filled.load(Ordering::Acquire);
        Filled { bytes: (filled >> 32) as usize, items: filled as u32 as usize }
    }

    /// Lends filled bytes.
    ///
    /// # Panics
    ///
    /// Panics if they are not filled.
    pub fn lend(self: &Arc<Self>, range: Range<usize>) -> Bytes {
        assert!(range.start <= range.end && range.end <= self.filled().bytes);
        Bytes::from_owner(Lent { filling: Arc::clone(self), range })
    }
}

/// A filled part.
struct Lent {
    filling: Arc<Filling>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        let part = &self.filling.memory[self.range.clone()];
        let start = UnsafeCell::raw_get(part.as_ptr()).cast::<u8>().cast_const();
        // SAFETY: `lend` checked that the part is filled: its bytes are initialized, were published
        // before (`filled` is loaded with Acquire), and never change again. They live as
        // long as `filling`, which `self` holds.
        unsafe { std::slice::from_raw_parts(start, part.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filled_memory_can_be_lent_while_more_is_filled() {
        let mut filler = Filler::new(5);
        assert!(filler.push(b"ab"));
        let first = filler.filling().lend(0..2);
        assert!(filler.push(b"cd"));
        assert!(!filler.push(b"ef"), "there is room for one byte");
        assert_eq!(filler.filling().filled(), Filled { bytes: 4, items: 2 });
        let rest = filler.filling().lend(2..4);
        drop(filler);
        assert_eq!((&first[..], &rest[..]), (&b"ab"[..], &b"cd"[..]));
    }

    #[test]
    #[should_panic(expected = "range.end <= self.filled().bytes")]
    fn unfilled_memory_is_not_lent() {
        let mut filler = Filler::new(5);
        filler.push(b"ab");
        filler.filling().lend(0..3);
    }

    #[test]
    fn another_thread_sees_only_whole_items() {
        let mut filler = Filler::new(40_000);
        let filling = Arc::clone(filler.filling());
        let reader = std::thread::spawn(move || {
            let mut seen = Filled::default();
            while seen.items < 10_000 {
                seen = filling.filled();
                assert_eq!(seen.bytes, 4 * seen.items);
                let last = filling.lend(seen.bytes.saturating_sub(4)..seen.bytes);
                let expected = (seen.items as u32).wrapping_sub(1).to_le_bytes();
                assert!(last.is_empty() || *last == expected);
            }
        });
        for number in 0_u32..10_000 {
            assert!(filler.push(&number.to_le_bytes()));
        }
        reader.join().unwrap();
    }
}
