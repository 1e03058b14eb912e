//! The contract between the suite and an adapter, version 1: every message that either writes.
//!
//! ```text
//! suite ── ADAPTER describe ──▶ one Description on stdout
//! suite ── ADAPTER run ───────▶ a Scenario on stdin; Lines on stdout; exit code 0, or UNSUPPORTED
//!                               tasks and initializers append Events to DIR/trace
//! ```
//!
//! Owns the words, and the validity of messages. Knows nothing of cases, nor of how an adapter is run.
//! `schemas` contains the same for other languages, and the book's page on the contract explains it; the
//! page and [`VERSION`] change together.

mod call;
mod description;
mod json;
mod line;
mod needs;
mod scenario;
mod trace;

pub use call::{Body, Call, Place};
pub use description::{Capability, Description, Policies, policy};
pub use line::{ErrorClass, Failure, Line, Moment, Outcome};
pub use scenario::{Client, MapOptions, PoolOptions, Scenario, Step, Until};
pub use trace::{Event, EventKind, now};

use serde::Serialize;
use serde_json::Value;

/// Returns the contract's word for a variant without fields.
pub fn word(variant: impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        _ => unreachable!("a variant without fields is a word"),
    }
}

/// The version of the contract that this suite speaks.
pub const VERSION: u32 = 1;

/// The exit code of an adapter for a scenario that it cannot express.
pub const UNSUPPORTED: i32 = 77;

/// The environment variable that names the folder of a run, with its trace and gates.
pub const FOLDER_VARIABLE: &str = "CONFORMANCE_DIR";

/// Returns the name of the file in the folder of a run whose existence opens a gate.
pub fn gate_file(gate: &str) -> String {
    format!("gate-{gate}")
}

/// The name of the file in the folder of a run that `open_file` opens.
pub const OPENED_FILE: &str = "opened";

/// The name of the file in the folder of a run to which events are appended.
pub const TRACE_FILE: &str = "trace";
