//! Saboteurs: procpool with one fault each, that really happens.
//!
//! A saboteur is a pool between the adapter and procpool's. It does what its fault says in the running
//! program: it starts processes, loses wake-ups, runs tasks once more. Nothing edits what the adapter
//! writes. They know nothing of the cases that find them.

mod ends;
mod futures;
mod init;
mod leaks;
mod maps;
mod ours;
mod starts;
mod tasks;
mod twist;
mod waits;

pub use ours::Procpool;
pub use twist::{Twist, Twisted};

/// A saboteur.
#[derive(Debug, Clone, Copy)]
pub struct Saboteur {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence without its subject.
    pub does: &'static str,
    /// What it makes of a good library.
    pub make: fn(Procpool) -> Twisted,
}

/// Returns all of them. The first misbehaves in nothing.
pub fn all() -> Vec<Saboteur> {
    let honest = [Saboteur {
        name: "honest",
        does: "Misbehaves in nothing.",
        make: |ours| Twisted::new(ours, Honest),
    }];
    [
        &honest[..],
        init::ALL,
        starts::ALL,
        tasks::ALL,
        maps::ALL,
        futures::ALL,
        waits::ALL,
        ends::ALL,
        leaks::ALL,
    ]
    .concat()
}

/// See [`all`].
#[derive(Debug)]
struct Honest;

impl Twist for Honest {}
