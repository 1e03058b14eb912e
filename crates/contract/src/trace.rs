//! The events that bodies, initializers, callbacks and inputs record: lines of JSON, appended to one file
//! with one write each, so that lines of several processes never mix.

use nix::time::{ClockId, clock_gettime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An event, with its process and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The process.
    pub pid: u32,
    /// The parent of that process.
    pub ppid: u32,
    /// The time: nanoseconds of CLOCK_MONOTONIC.
    pub at: u64,
    /// The kind of event.
    pub event: EventKind,
    /// The tag of the call, or the label of the callback.
    pub tag: String,
}

/// The contract's clock: nanoseconds of CLOCK_MONOTONIC.
pub fn now() -> u64 {
    // The clock exists on every Linux.
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The initializer begins.
    InitBegin,
    /// The initializer is about to return.
    InitEnd,
    /// The initializer is about to fail.
    InitFailed,
    /// A task begins.
    Begin,
    /// A task is about to return.
    End,
    /// A task is about to fail.
    Failed,
    /// The map pulls an input.
    Pull,
    /// A callback runs.
    Callback,
}

impl EventKind {
    /// Whether a task or an initializer begins, which happens in a worker.
    pub fn is_beginning(self) -> bool {
        matches!(self, Self::Begin | Self::InitBegin)
    }
}
