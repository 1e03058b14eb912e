//! What is promised of every pool, whatever its start method: the test programs `spawn`, `forkserver` and
//! `fork` are these tests, each with the pools of one method.
//!
//! - [`api`]: what a pool promises when nothing fails;
//! - [`policies`]: how workers live and end;
//! - [`failures`]: failure, typed and immediate;
//! - [`cleanup`]: nothing is left behind, and nothing is disturbed.
//!
//! A program says by `START_METHOD` how the workers of its pools are started. What a method cannot do a test says
//! itself, by [`watch::unless`](procpool_testkit::watch::unless). [`pools`] is what these tests share.

mod api;
mod cleanup;
mod failures;
mod policies;
mod pools;

pub(crate) use pools::{builder, builder_beside_another};
