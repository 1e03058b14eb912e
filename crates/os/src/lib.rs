//! What procpool's crates need of Linux and of the running executable.
//!
//! ```text
//!  procpool ──▶ link, launch ──▶ os ──▶ nix ──▶ the kernel
//! ```
//!
//! One crate of procpool's. Its interface follows their needs and is not for anybody else.
//!
//! - **This process**: [`exit`] ends it, [`lineage`] tells it from a copy made by fork(2), [`signal`]
//!   changes how it answers signals, [`image`] and [`code`] name its executable and the functions in it.
//! - **Waiting**: [`futex`] and [`word`] for threads, [`poller`] for descriptors.
//! - **Descriptors**: [`descriptor`] keeps the pool's own away from the standard streams; [`pipe`].
//! - **Refusals**: [`refused`] names the system call that a sandbox has refused.
//! - **The model**: [`model`] plays a crate's code in every interleaving of its threads (`just loom`).
//!
//! Everything here is about the system alone. No module knows a pool, a task, a worker or a frame.
//! Each unsafe block is in a function that is safe to call, except where a caller has to prove more
//! than the types can: those are `unsafe` and say what.

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
