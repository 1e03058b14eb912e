//! The standard output of an adapter: two lines for each step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The begin or the end of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The name of the client.
    pub client: String,
    /// The index of the step, from 0.
    pub step: usize,
    /// The time: nanoseconds of CLOCK_MONOTONIC.
    pub at: u64,
    /// Which of the two lines it is.
    pub is: Moment,
    /// With `end`: the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// The two lines of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The step is about to be carried out.
    Begin,
    /// The step has been carried out.
    End,
}

/// An outcome: `{"ok": …}` or `{"error": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It returned.
    Ok(Value),
    /// It failed.
    Error(Failure),
}

/// An error, in words that are common to all pools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Its class.
    pub class: ErrorClass,
    /// Its message, including those of its causes.
    pub message: String,
    /// The name of its type in the language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// With `exit_status`: how the worker ended, as `exit 3` or `signal 9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// With `remote_trace`: the place in the worker where it was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The body failed.
    Task,
    /// An argument or result could not be encoded or decoded.
    Serialisation,
    /// The pool is broken, or the worker died.
    Broken,
    /// The task was cancelled.
    Cancelled,
    /// A time limit was exceeded.
    Timeout,
    /// The pool accepts no tasks any more.
    Rejected,
    /// The request is invalid.
    Invalid,
    /// Any other error. No case accepts it.
    Other,
}
