//! Runs: an adapter carries out a scenario while the suite conducts, and all that happened is kept.
//!
//! ```text
//! start ─▶ script (gates, signals, looks) ─▶ the end of the process ─▶ what is left ─▶ History
//!            └── an answer that is not of the contract ──▶ Fault       └── killed
//! ```
//!
//! Owns the adapter's process and its folder, and kills whatever of it remains; a watcher does so when the
//! suite itself was ended. Judges nothing: a run that hangs is a history, too. What an adapter writes is
//! data; nothing it does stops the suite.

mod adapter;
mod conductor;
mod end;
mod fault;
mod feed;
mod limits;
mod look;
mod process;
mod shared_memory;
mod watcher;

pub use adapter::Adapter;
pub use conductor::carry_out;
pub use fault::Fault;
pub use limits::Limits;

use crate::history::History;

/// What came of a run.
#[derive(Debug, Clone)]
pub enum Ran {
    /// It was carried out, or begun.
    History(Box<History>),
    /// The adapter says that it cannot express the scenario, and perhaps why.
    Inexpressible(String),
    /// The adapter did not keep to the contract.
    Fault(Fault),
}
