//! One worker's private channel, from both ends: a socket and a shared segment.
//!
//! ```text
//!  parent: WorkerLink                    segment                      worker: ParentLink
//!  ┌──────────────────┐      ┌──────────────────────────────┐       ┌──────────────────┐
//!  │ send ────────────┼─────▶│ calls ring   Initialize,      │──────▶│ receive          │
//!  │                  │      │              CallItem, Exit   │       │   │              │
//!  │ take_back ───────┼─────▶│ claim        next task's index│◀──────┼─ claim           │
//!  │                  │      │                               │       │   ▼              │
//!  │ read ◀───────────┼──────│ results ring ResultItem       │◀──────┼─ send_result     │
//!  │ watch ◀──────────┼──────│ bells        who sleeps       │◀──────┼─ (rings)         │
//!  └──────▲───────────┘      └──────────────────────────────┘       └───────┬──────────┘
//!         └───── socket: Hello, Ready, InitializerFailed, Bell, last words ──┘
//! ```
//!
//! Owns the two rings, the claim word, the bells, the socket, and what waits for room. The parent's
//! end never blocks; the worker's always does. No link is shared by two workers, so a worker that
//! dies or scribbles at any instant damages only its own; everything it writes is validated, and a
//! value that cannot be is an error of the link. Knows nothing of futures or pools.
//!
//! What the parts promise, each with its interleavings, is in [`ring`], [`claim`] and [`bell`].
//! Together: a task is run by the worker or taken back, never both; its result is visible to the
//! parent before the worker claims the next one, so a death leaves at most one task in doubt; and
//! neither side sleeps while the other has something for it. `link/model.rs` lets loom check the
//! same code (`just loom`).

mod bell;
mod claim;
#[cfg(loom)]
mod model;
mod parent;
mod ring;
mod worker;

use bell::Bells;
use ring::Place;

pub(crate) use parent::{Watch, WorkerLink};
pub(crate) use ring::Scribbled;
pub(crate) use worker::ParentLink;

#[cfg(loom)]
use loom::sync::atomic::{Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{Ordering, fence};

#[cfg(not(loom))]
pub(crate) use crate::sys::segment::Segment;
#[cfg(loom)]
pub(crate) use crate::sys::segment_model::Segment;

/// The size of each ring. Larger lets the sides drift further apart before one has to wait for the
/// other, which long payloads are glad of; but the memory is used again and again, and beyond what
/// the processor's caches hold, every byte comes from memory.
const RING: usize = 512 * 1024;

/// What a segment holds behind its lines.
pub(crate) const SEGMENT: usize = 2 * RING;

const CALLS: Place = Place { offset: 0, capacity: RING, tail: 0, head: 1 };
const RESULTS: Place = Place { offset: RING, capacity: RING, tail: 2, head: 3 };
/// Number: the index of the next task that the worker may claim.
const CLAIM: usize = 4;
const BELLS: Bells = Bells { worker: 5, parent: 6, room: 7 };
/// Number: how long the worker's finished tasks took together, in nanoseconds.
const BUSY: usize = 8;
/// Number: one more than the index of the last task whose result was published.
const FINISHED: usize = 9;

/// Whether the bug of this name is planted: never, but in the model, to see that it is found there.
#[cfg(not(loom))]
const fn planted(_bug: &str) -> bool {
    false
}
#[cfg(loom)]
use model::planted;
