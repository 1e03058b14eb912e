//! The promises of every pool under any start method: the test programs `spawn`, `forkserver` and `fork`
//! consist of these tests, each with the pools of one method.
//!
//! - [`api`]: the promises of a pool when nothing fails;
//! - [`policies`]: how workers live and exit;
//! - [`ends`]: how a pool ends;
//! - [`failures`]: failure, typed and immediate;
//! - [`cleanup`]: nothing is left behind or disturbed.
//!
//! `START_METHOD` of a program sets how the workers of its pools are started. These tests share [`pools`],
//! [`lives`], [`errors`] and [`causes`].

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
