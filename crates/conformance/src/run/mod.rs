//! Runs: an adapter carries out a scenario while the suite conducts, and every event is recorded.
//!
//! ```text
//! start ─▶ script (gates, signals, looks) ─▶ the end of the process ─▶ what is left ─▶ History
//!            └── an answer that is not of the contract ──▶ Fault       └── killed
//! ```
//!
//! Owns the adapter's process and its folder, and kills the rest of it at the end; a watcher does so if
//! the suite itself is ended. Judges nothing: a run that hangs is a history, too. The output of an adapter
//! is data; nothing in it stops the suite.

mod adapter;
mod conductor;
mod end;
mod fault;
mod feed;
mod limits;
mod look;
mod patience;
mod process;
mod shared_memory;
mod surroundings;
mod watcher;

pub use adapter::Adapter;
pub use conductor::carry_out;
pub use fault::Fault;
pub use limits::Limits;

use crate::history::History;

/// The outcome of a run.
#[derive(Debug, Clone)]
pub enum Ran {
    /// It was carried out, or at least begun.
    History(Box<History>),
    /// The adapter reports that it cannot express the scenario, perhaps with a reason.
    Inexpressible(String),
    /// The adapter did not fulfil the contract.
    Fault(Fault),
}
