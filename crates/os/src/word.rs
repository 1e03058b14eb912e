//! A word that threads of this process sleep on.
//!
//! Owns an atomic number with the two futex calls on it. Its owner defines the number's meaning.

use std::ops::Deref;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use super::futex::{self, Scope};

/// An atomic number that can be slept on.
#[derive(Debug)]
pub struct Word(AtomicU32);

impl Word {
    /// Makes a word with `value`.
    pub fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// Sleeps while it is `expected`, until a wake-up or `deadline`. May return early.
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
