//! The parts of a future under `loom`: a word to sleep on, and a value that is set once.
//!
//! Owns the model of the kernel's part: comparing the word and falling asleep are one step. Owns the check of
//! accesses to the value: one that overlaps `set`, or is not ordered after it, is reported. Only compiled
//! under `--cfg loom`.

use std::ops::Deref;
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};

/// See `word::Word`.
#[derive(Debug)]
pub struct Word {
    word: AtomicU32,
    sleepers: Mutex<()>,
    woken: Condvar,
}

impl Word {
    pub fn new(value: u32) -> Self {
        Self { word: AtomicU32::new(value), sleepers: Mutex::new(()), woken: Condvar::new() }
    }

    /// A model has no time: only a wake-up ends the sleep.
    pub fn sleep_while(&self, expected: u32, _deadline: Option<Instant>) {
        let guard = self.sleepers.lock().expect("no model thread panics");
        if self.word.load(Ordering::SeqCst) == expected {
            drop(self.woken.wait(guard).expect("no model thread panics"));
        }
    }

    pub fn wake_all(&self) {
        drop(self.sleepers.lock().expect("no model thread panics"));
        self.woken.notify_all();
    }
}

impl Deref for Word {
    type Target = AtomicU32;

    fn deref(&self) -> &AtomicU32 {
        &self.word
    }
}

/// See `std::sync::OnceLock`. The model ignores its ordering: the future's word has to order `set` before
/// `get`.
#[derive(Debug)]
pub struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    access: UnsafeCell<()>,
}

impl<T> OnceLock<T> {
    pub fn new() -> Self {
        Self { value: std::sync::OnceLock::new(), access: UnsafeCell::new(()) }
    }

    pub fn set(&self, value: T) -> Result<(), T> {
        self.access.with_mut(|_| ());
        self.value.set(value)
    }

    pub fn get(&self) -> Option<&T> {
        self.access.with(|_| ());
        self.value.get()
    }

    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }
}

// SAFETY: the value is behind its own lock. `access` holds no data: loom uses it to detect accesses
// that are not ordered.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}
