//! What is promised of pools that are made while the parent has other threads. No pool of forked workers can be
//! made there, so `spawn` and `forkserver` have these tests, and `fork` does not.
//!
//! - [`at_once`]: pools that several threads make;
//! - [`busy_parent`]: workers that start while the parent's threads hold locks.

mod at_once;
mod busy_parent;
