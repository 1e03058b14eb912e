//! The bodies that run in a worker: a closed list, implemented once for each language.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::description::Capability;

/// One call of the function that every adapter submits. Its argument is this object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Which body runs.
    pub run: Body,
    /// Its name in the trace. The tags of a scenario are all different, including those that `nest`
    /// creates.
    pub tag: String,
    /// `echo`, `gate`, `sleep` return it; `square` squares it; `mark` keeps it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub value: Value,
    /// The gate that `gate` waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// How long `sleep` sleeps, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// The message of `fail`, the text of `print`, the variable of `getenv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The number of bytes of `blob`, of repetitions of `print`, of levels of `nest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The exit code of `die`, which ends the process at once and without cleaning up, and that of the
    /// program that `child` runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The number of the signal that `die` sends to its own process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The place where a value that cannot be encoded or decoded travels with the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poison: Option<Place>,
}

/// The work of a call, between the events `begin` and `end`. A call that fails writes `failed` instead of
/// `end`; one that dies writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    // ---- core ----
    /// Returns `value`.
    Echo,
    /// Returns the square of `value`, a whole number.
    Square,
    /// Returns `{"pid": …, "state": …}`: the process, and the value that `mark` has kept in it, else null.
    Whoami,
    /// Waits until the gate is open, then returns `value`. Polls every few milliseconds.
    Gate,
    /// Sleeps for `ms`, then returns `value`.
    Sleep,
    /// As a task and as an initializer: fails with an ordinary error of its language with the message
    /// `text`.
    Fail,
    /// As an initializer only: keeps `value` in its process.
    Mark,

    // ---- with a capability of its own ----
    /// Ends the process: by `code` or by `signal`.
    Die,
    /// Returns a text of `count` letters `x`. Its `value`, a long text, is part of the argument.
    Blob,
    /// Prints `text` `count` times to its standard output, unchanged, without separators, and flushed.
    Print,
    /// Reads its standard input to the end, and returns the number of bytes.
    ReadStdin,
    /// Runs `sh -c 'exit CODE'` with its `code`, and returns the exit code that it has learned.
    Child,
    /// Makes a pool of one worker without an initializer, runs `nest` of `count` − 1 in it, shuts it down
    /// and returns its result plus one; 0 for a `count` of 0. The tag of the inner call is that of the
    /// outer one, a dot, and the inner `count`.
    Nest,
    /// Makes its process ignore SIGTERM, then behaves like `gate`.
    IgnoreTerm,
    /// Returns the environment variable `text`, or null.
    Getenv,
}

impl Call {
    /// Returns the call nested in it, which another pool runs: `nest` has an inner call.
    pub fn inner(&self) -> Option<Self> {
        let count = self.count.filter(|_| self.run == Body::Nest)?.checked_sub(1)?;
        Some(Self { count: Some(count), tag: format!("{}.{count}", self.tag), ..self.clone() })
    }

    /// Returns its tag, and the tags of all nested calls.
    pub fn tags(&self) -> Vec<String> {
        std::iter::successors(Some(self.clone()), Self::inner).map(|call| call.tag).collect()
    }

    /// Returns the capability that its body needs.
    pub fn needs(&self) -> Option<Capability> {
        match self.run {
            Body::Echo
            | Body::Square
            | Body::Whoami
            | Body::Gate
            | Body::Sleep
            | Body::Fail
            | Body::Mark => None,
            Body::Die => Some(Capability::WorkerDeath),
            Body::Blob => Some(Capability::Blob),
            Body::Print | Body::ReadStdin => Some(Capability::Stdio),
            Body::Child => Some(Capability::ChildProcess),
            Body::Nest => Some(Capability::Nested),
            Body::IgnoreTerm => Some(Capability::IgnoreTerm),
            Body::Getenv => Some(Capability::Getenv),
        }
    }
}

impl Place {
    /// Returns the capability that poison at this place needs.
    pub fn needs(self) -> Capability {
        match self {
            Self::EncodeArgument => Capability::PoisonEncodeArgument,
            Self::DecodeArgument => Capability::PoisonDecodeArgument,
            Self::EncodeResult => Capability::PoisonEncodeResult,
            Self::DecodeResult => Capability::PoisonDecodeResult,
        }
    }
}

/// The place at which a value cannot be encoded or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The argument cannot be encoded by the client.
    EncodeArgument,
    /// The argument cannot be decoded by the worker.
    DecodeArgument,
    /// The result cannot be encoded by the worker.
    EncodeResult,
    /// The result cannot be decoded by the client.
    DecodeResult,
}
