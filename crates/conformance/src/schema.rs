//! The JSON Schemas of what the suite reads and writes: the contract's messages, and the file of results.
//!
//! The same are kept as files, where the types are: in `schemas` of `procpool-contract` and of this package.

use clap::ValueEnum;
use procpool_contract::{Description, Event, Line, Scenario};
use schemars::schema_for;

use crate::report::Results;

/// A kind of JSON that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The answer of an adapter to `describe`
    Description,
    /// The standard input of an adapter for `run`
    Scenario,
    /// A line of an adapter's standard output
    Line,
    /// A line of the trace
    Event,
    /// The file of results
    Results,
}

impl Kind {
    /// Returns the schema of the kind, as text.
    pub fn schema(self) -> String {
        let schema = match self {
            Self::Description => schema_for!(Description),
            Self::Scenario => schema_for!(Scenario),
            Self::Line => schema_for!(Line),
            Self::Event => schema_for!(Event),
            Self::Results => schema_for!(Results),
        };
        match serde_json::to_string_pretty(&schema) {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("a schema is JSON: {error}"),
        }
    }
}
