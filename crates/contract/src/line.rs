//! What an adapter writes to its standard output: two lines for each step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A step begins, or has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Whose step, by name.
    pub client: String,
    /// Which step, from 0.
    pub step: usize,
    /// When: nanoseconds of CLOCK_MONOTONIC.
    pub at: u64,
    /// What happened.
    pub is: Moment,
    /// With `end`: what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Which of the two lines of a step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It is about to be carried out.
    Begin,
    /// It has been.
    End,
}

/// What came of something: `{"ok": …}` or `{"error": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It returned.
    Ok(Value),
    /// It failed.
    Error(Failure),
}

/// An error, in words that are the same for all pools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What kind.
    pub class: ErrorClass,
    /// What it says, with everything that it says of its cause.
    pub message: String,
    /// The name of its type, as people of the language know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// With `exit_status`: how the worker ended, as `exit 3` or `signal 9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// With `remote_trace`: where in the worker it was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The body failed.
    Task,
    /// An argument or result could not be encoded or decoded.
    Serialisation,
    /// The pool is broken, or the worker died.
    Broken,
    /// It was cancelled.
    Cancelled,
    /// It took too long.
    Timeout,
    /// The pool takes no tasks any more.
    Rejected,
    /// What was asked for makes no sense.
    Invalid,
    /// Anything else. No case is content with it.
    Other,
}
