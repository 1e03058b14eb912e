//! A [`Segment`] under `loom`: the same operations, with every access tracked.
//!
//! Owns the model of the kernel and the hardware: a copy of bytes is an access that must not overlap a write
//! of the other side; comparing the word and falling asleep are one step. Only compiled under `--cfg loom`.

use std::os::fd::{OwnedFd, RawFd};
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, AtomicU64};
use loom::sync::{Condvar, Mutex};
use nix::errno::Errno;

/// See `segment::Line`.
#[derive(Debug)]
pub struct Line {
    pub number: AtomicU64,
    pub word: AtomicU32,
    sleepers: Mutex<()>,
    woken: Condvar,
}

/// See `segment::Segment`.
#[derive(Debug)]
pub struct Segment {
    lines: Vec<Line>,
    bytes: Vec<UnsafeCell<u8>>,
}

/// As many as the scenes use at most: every atomic costs the model memory.
pub const LINES: usize = 13;

impl Segment {
    pub fn in_model(length: usize) -> Self {
        let line = |_| Line {
            number: AtomicU64::new(0),
            word: AtomicU32::new(0),
            sleepers: Mutex::new(()),
            woken: Condvar::new(),
        };
        let bytes = (0..length).map(|_| UnsafeCell::new(0)).collect();
        Self { lines: (0..LINES).map(line).collect(), bytes }
    }

    /// A model has no second process.
    pub fn create(_length: usize) -> nix::Result<(Self, OwnedFd)> {
        Err(Errno::ENOSYS)
    }

    /// As for [`create`](Self::create).
    pub fn received(_memory: OwnedFd, _length: usize) -> Option<Self> {
        None
    }

    pub fn is_mapped(&self) -> bool {
        true
    }

    pub fn line(&self, index: usize) -> &Line {
        &self.lines[index]
    }

    pub fn write(&self, offset: usize, bytes: &[u8]) {
        for (cell, byte) in self.bytes[offset..offset + bytes.len()].iter().zip(bytes) {
            // SAFETY: loom reports an access that overlaps another one.
            cell.with_mut(|cell| unsafe { *cell = *byte });
        }
    }

    pub fn read(&self, offset: usize, output: &mut [u8]) {
        for (cell, byte) in self.bytes[offset..offset + output.len()].iter().zip(output) {
            // SAFETY: as above.
            *byte = cell.with(|cell| unsafe { *cell });
        }
    }

    pub fn append(&self, offset: usize, count: usize, output: &mut Vec<u8>) {
        let mut bytes = vec![0; count];
        self.read(offset, &mut bytes);
        output.extend_from_slice(&bytes);
    }
}

// SAFETY: loom tracks every access and reports races.
unsafe impl Sync for Segment {}

impl Line {
    /// A model has no time: only a wake-up ends the sleep.
    pub fn sleep_while(&self, expected: u32, _deadline: Option<Instant>) {
        let guard = self.sleepers.lock().expect("no model thread panics");
        if self.word.load(loom::sync::atomic::Ordering::SeqCst) == expected {
            drop(self.woken.wait(guard).expect("no model thread panics"));
        }
    }

    pub fn wake_all(&self) -> bool {
        drop(self.sleepers.lock().expect("no model thread panics"));
        self.woken.notify_all();
        true
    }
}
