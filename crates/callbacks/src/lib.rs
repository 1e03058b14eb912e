//! The thread that runs user code in the order in which it was queued, and what catches its panics.
//!
//! ```text
//! push ──▶ queue ──▶ the thread procpool-callbacks      (the rule)
//!            ├─────▶ the thread that pushes             (the system has refused the thread, or
//!            │                                           the pool is over and the thread has ended)
//!            └─────▶ the thread that ends the pool      (what is left, if there is no thread)
//! ```
//!
//! - **Ownership.** A [`CallbackThread`] owns its queue, its thread and its end. Clones are handles to
//!   the same one.
//! - **What never happens.** No callback runs under a lock of this crate, no two run at once, and none
//!   is lost. A panic of one goes no further than to the log.
//!
//! It knows no future and no worker: each callback is self-contained.

mod panic;
mod thread;

pub use panic::{Panic, catch, message, write_to_log};
pub use thread::{Callback, CallbackThread, only_push_here, run};
