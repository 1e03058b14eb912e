//! How worker processes come to be: `init()` on their side, `spawn` on the parent's; and the place
//! that they find themselves in.
//!
//! Owns the worker's command line, by which a worker is recognised:
//!
//! ```text
//! PROGRAM --procpool-worker LINK:MEMORY:PARENT:ID
//! ```
//!
//! with the descriptors of its link's socket and shared memory, the process it works for, and its
//! place in the pool. An argument, not an environment
//! variable: the programs that a task starts would inherit that.

mod init;
mod output;
mod place;
mod spawn;

pub use init::init;
pub(crate) use init::{is_initialized, serve_before_main};
pub(crate) use output::OpenOutput;
pub use output::Output;
pub(crate) use place::{Place, PlaceOptions};
pub(crate) use spawn::{StartError, Started, spawn};

/// The argument by which a process knows that it is a worker.
const WORKER_ARGUMENT: &str = "--procpool-worker";
