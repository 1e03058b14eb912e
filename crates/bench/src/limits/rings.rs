//! Bytes from one thread to another and back, through two rings: the speed of two CPUs if every byte must
//! cross from one to the other and back, without any other work.
//!
//! The same four copies as in [`memcpy`](super::memcpy), two on each CPU, overlapping as far as possible:
//! while one side writes a slice, the other reads the one before. The sizes of rings and slices are the
//! pool's. Each side polls the other's progress and yields now and then.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The number of bytes that are copied at once.
const SLICE: usize = 64 * 1024;
/// Slices in a ring.
const SLOTS: usize = 16;

/// Slices on their way from one thread to the other.
#[derive(Debug)]
struct Ring {
    /// Locked by one side at a time, as `written` and `read` say, so that no lock is ever waited for.
    slots: Vec<Mutex<Vec<u8>>>,
    written: Position,
    read: Position,
}

/// A number that one side writes and the other one reads, alone on its cache line and the one that is
/// prefetched with it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Position(AtomicUsize);

/// Two threads, the caller's and another one, and a ring for each direction.
#[derive(Debug)]
pub(crate) struct Rings {
    there: Arc<Ring>,
    back: Arc<Ring>,
    over: Arc<AtomicBool>,
    other: Option<JoinHandle<()>>,
}

impl Ring {
    fn new() -> Self {
        let slots = (0..SLOTS).map(|_| Mutex::new(vec![0; SLICE])).collect();
        Self { slots, written: Position::default(), read: Position::default() }
    }

    fn slot(&self, number: usize) -> MutexGuard<'_, Vec<u8>> {
        self.slots[number % SLOTS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all of `bytes`; false at the end of the run.
    fn put(&self, bytes: &[u8], over: &AtomicBool) -> bool {
        bytes.chunks(SLICE).all(|slice| {
            let number = self.written.0.load(Ordering::Relaxed);
            let free = || number < self.read.0.load(Ordering::Acquire) + SLOTS;
            look(free, over) && {
                self.slot(number)[..slice.len()].copy_from_slice(slice);
                self.written.0.store(number + 1, Ordering::Release);
                true
            }
        })
    }

    /// Fills all of `bytes`; false at the end of the run.
    fn take(&self, bytes: &mut [u8], over: &AtomicBool) -> bool {
        bytes.chunks_mut(SLICE).all(|slice| {
            let number = self.read.0.load(Ordering::Relaxed);
            look(|| number < self.written.0.load(Ordering::Acquire), over) && {
                slice.copy_from_slice(&self.slot(number)[..slice.len()]);
                self.read.0.store(number + 1, Ordering::Release);
                true
            }
        })
    }
}

/// Polls until it is there; false at the end of the run.
fn look(there: impl Fn() -> bool, over: &AtomicBool) -> bool {
    /// Polls between two yields, some tens of microseconds: a slice takes less.
    const PATIENCE: u32 = 1_000;
    loop {
        for _ in 0..PATIENCE {
            if there() {
                return true;
            }
            std::hint::spin_loop();
        }
        if over.load(Ordering::Relaxed) {
            return false;
        }
        thread::yield_now();
    }
}

impl Rings {
    /// Starts the other thread, which returns `bytes` at a time; at least one.
    pub(crate) fn new(bytes: usize) -> Self {
        let (there, back) = (Arc::new(Ring::new()), Arc::new(Ring::new()));
        let over = Arc::<AtomicBool>::default();
        let other = {
            let (there, back, over) = (Arc::clone(&there), Arc::clone(&back), Arc::clone(&over));
            let mut value = vec![0; bytes];
            // Complete before it returns: a task does not begin before its whole argument has arrived.
            thread::spawn(move || while there.take(&mut value, &over) && back.put(&value, &over) {})
        };
        Self { there, back, over, other: Some(other) }
    }

    /// Sends `value` and fills it with the returned bytes.
    pub(crate) fn there_and_back(&self, value: &mut [u8]) {
        self.there.put(value, &self.over);
        self.back.take(value, &self.over);
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(other) = self.other.take() {
            // It never panics; the benchmark has ended.
            let _ = other.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_bytes_returns_unchanged() {
        for bytes in [1, SLICE, SLICE + 1, SLICE * SLOTS * 2 + 3] {
            let rings = Rings::new(bytes);
            let sent: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
            let mut value = sent.clone();
            for _ in 0..3 {
                rings.there_and_back(&mut value);
            }
            assert!(value == sent, "{bytes} bytes are others");
        }
    }
}
