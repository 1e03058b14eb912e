//! The parts of Linux and of the running executable that procpool's crates need.
//!
//! ```text
//!  procpool ──▶ link, launch ──▶ os ──▶ nix ──▶ the kernel
//! ```
//!
//! An internal crate of procpool: its interface follows the needs of the crates above it.
//!
//! - **This process**: [`exit`] exits it, [`lineage`] distinguishes it from a copy made by fork(2), [`signal`]
//!   sets how it handles signals, [`image`] and [`code`] identify its executable and the functions in it.
//! - **Waiting**: [`futex`] and [`word`] for threads, [`poller`] for descriptors.
//! - **Descriptors**: [`descriptor`] keeps the pool's descriptors off the numbers of the standard streams;
//!   [`pipe`] makes a pipe for a worker's stream.
//! - **Refusals**: [`refused`] names a system call that a sandbox refused.
//! - **The model**: [`model`] runs a crate's code in every interleaving of its threads (`just loom`).
//!
//! No module knows a pool, a task or a frame. Each unsafe block is in a function that is safe to call,
//! unless its caller has to prove more than the types can: such a function is `unsafe` and names its
//! contract.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("procpool needs 64-bit Linux: it is built on pidfds, memfds and /proc");

pub mod code;
pub mod descriptor;
pub mod exit;
#[cfg(not(loom))]
pub mod futex;
pub mod image;
pub mod lineage;
pub mod model;
pub mod pipe;
pub mod poller;
pub mod refused;
pub mod signal;
#[cfg(not(loom))]
pub mod word;
#[cfg(loom)]
#[path = "word_model.rs"]
pub mod word;
