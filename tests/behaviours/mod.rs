//! What is promised of every pool, whatever its start method: the test programs `spawn`, `forkserver` and
//! `fork` are these tests, each with the pools of one method.
//!
//! - [`api`]: what a pool promises when nothing fails;
//! - [`policies`]: how workers live and end;
//! - [`ends`]: how a pool ends;
//! - [`failures`]: failure, typed and immediate;
//! - [`cleanup`]: nothing is left behind, and nothing is disturbed.
//!
//! A program says by `START_METHOD` how the workers of its pools are started. [`pools`], [`lives`], [`errors`] and
//! [`causes`] are what these tests share.

mod api;
mod causes;
mod cleanup;
mod ends;
mod errors;
mod failures;
mod lives;
mod policies;
mod pools;

pub(crate) use pools::{builder, builder_beside_another};
