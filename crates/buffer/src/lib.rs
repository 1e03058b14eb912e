//! A buffer that one thread fills while others take the filled part, without a lock.
//!
//! ```text
//!  one thread                     Filling                        any thread
//!  Filler ──push──▶ ┌──────────────────────────────┬──────┐
//!                   │ item  item  item  item  item │ room │ ──lend──▶ Bytes
//!                   └──────────────────────────────┴──────┘
//!                                                  ▲
//!                                               filled, in bytes and items
//! ```
//!
//! - **Ownership.** Memory belongs to the [`Filling`]. Parts of it that were lent keep it alive.
//! - **What never happens.** A thread never sees a part of an item, and filled bytes never change.
//! - **Sleeping readers.** A reader that finds nothing may sleep. So that the filling thread does not
//!   pay for a fence with each item, the two use [`barrier`]: the filling thread's is free, the
//!   reader's is a system call.
//!
//! It does not know what an item is, or that there are pools. All `unsafe` code is in `sys`.

mod sys;

pub use sys::barrier;
pub use sys::filling::{Filled, Filler, Filling, ItemWriter};
