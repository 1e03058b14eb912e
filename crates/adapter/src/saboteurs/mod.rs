//! Saboteurs: procpool with one real fault each.
//!
//! A saboteur is a pool between the adapter and procpool's. It causes its fault in the running program: it
//! starts processes, loses wake-ups, runs tasks twice. Nothing edits the adapter's output. They know
//! nothing of the cases that find them.

mod answers;
mod certain;
mod combined;
mod deaths;
mod drops;
mod ends;
mod futures;
mod init;
mod later;
mod leaks;
mod mapped;
mod maps;
mod ours;
mod outcomes;
mod programs;
mod soaked;
mod starts;
mod stops;
mod surroundings;
mod tasks;
mod twist;
mod uses;
mod values;
mod waits;

pub use ours::Procpool;
pub use twist::{Twist, Twisted};

/// A saboteur.
#[derive(Debug, Clone, Copy)]
pub struct Saboteur {
    /// Its name.
    pub name: &'static str,
    /// Its fault, in a sentence without its subject.
    pub does: &'static str,
    /// Turns a good library into the faulty one.
    pub make: fn(Procpool) -> Twisted,
}

/// Returns all of them. The first one has no fault.
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
        mapped::ALL,
        futures::ALL,
        outcomes::ALL,
        waits::ALL,
        values::ALL,
        later::ALL,
        answers::ALL,
        ends::ALL,
        stops::ALL,
        drops::ALL,
        deaths::ALL,
        leaks::ALL,
        soaked::ALL,
        uses::ALL,
        certain::ALL,
        combined::ALL,
        surroundings::ALL,
        programs::ALL,
    ]
    .concat()
}

/// See [`all`].
#[derive(Debug)]
struct Honest;

impl Twist for Honest {}
