//! The promises of every pool under any start method: the test programs `spawn`, `forkserver` and `fork`
//! run these tests, each with the pools of one method.
//!
//! - [`api`]: the promises of a pool when nothing fails;
//! - [`policies`]: how workers live and exit;
//! - [`ends`]: how a pool ends;
//! - [`failures`]: failure, typed and immediate;
//! - [`cleanup`]: nothing is left behind or disturbed.
//!
//! `start_method` says how the workers of their pools are started. These tests share [`pools`],
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
