//! A word that threads of this process sleep on.
//!
//! Owns an atomic number with the two futex calls on it. What the number means is its owner's.

use std::ops::Deref;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use super::futex::{self, Scope};

/// An atomic number that can be slept on.
#[derive(Debug)]
pub struct Word(AtomicU32);

impl Word {
    /// Holds `value`.
    pub fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// Sleeps while it is `expected`, until a wake-up or `deadline`. It may return early.
    pub fn sleep_while(&self, expected: u32, deadline: Option<Instant>) {
        futex::wait(&self.0, expected, deadline, Scope::Private);
    }

    /// Wakes every thread that sleeps on it.
    pub fn wake_all(&self) {
        futex::wake_all(&self.0, Scope::Private);
    }
}

impl Deref for Word {
    type Target = AtomicU32;

    #[inline]
    fn deref(&self) -> &AtomicU32 {
        &self.0
    }
}
