//! The messages to a peer and back: one line of JSON each way.
//!
//! A peer creates pools of its own kind and times them itself, so that the line's own way through
//! two pipes is in no figure. Must not know processes.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Asks for the peer's identity. Answer: [`Identity`].
    Hello,
    /// Creates a pool whose workers are started and warm when it answers.
    Open { workers: usize },
    /// `count` no-ops, each waited for, with a pause before each. Answer: [`Nanos`].
    RoundTrips { count: u64, pause_us: u64 },
    /// The same from several clients at once, `count` in all. Answer: [`Batch`].
    Clients { clients: usize, count: u64 },
    /// `count` no-ops submitted one by one, then all results. Answer: [`Batch`].
    SubmitAll { count: u64 },
    /// `x + 1` over `0..count`, results taken in order; without a chunk size, the pool's default.
    /// Answer: [`Batch`].
    Map { count: u64, chunksize: Option<u64> },
    /// Bytes there and back. Answer: [`Nanos`].
    Echo { bytes: usize, count: u64 },
    /// A new pool with an initializer, until its first result. Answer: [`Once`].
    ColdStart { workers: usize },
    /// Closes the pool.
    Close,
}

/// The identity of a peer.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) runtime: String,
}

/// Each operation's duration.
#[derive(Debug, Deserialize)]
pub(crate) struct Nanos {
    pub(crate) nanos: Vec<u64>,
}

/// The total duration of many operations.
#[derive(Debug, Deserialize)]
pub(crate) struct Batch {
    pub(crate) seconds: f64,
    /// Each operation's duration, from clients.
    #[serde(default)]
    pub(crate) nanos: Vec<u64>,
    /// The sum of the results, from `map`.
    pub(crate) sum: Option<u64>,
    /// Whether the peer implements the operation itself, because its pool has none.
    #[serde(default)]
    pub(crate) by_hand: bool,
}

/// The duration of one operation.
#[derive(Debug, Deserialize)]
pub(crate) struct Once {
    pub(crate) nanos: u64,
}

/// The reason why a peer has no figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PeerError {
    /// Its program is missing or does not run.
    NotStarted(String),
    /// Its pool has no such operation.
    Unsupported(String),
    /// It tried and failed.
    Failed(String),
    /// It exceeded the time limit and was killed.
    NoAnswer(Duration),
    /// It exited; with the last line of its stderr.
    Gone(String),
    /// Its answer violates the protocol.
    Garbled(String),
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(why) => write!(f, "cannot be started: {why}"),
            Self::Unsupported(why) => write!(f, "unsupported: {why}"),
            Self::Failed(why) => write!(f, "error: {why}"),
            Self::NoAnswer(limit) => write!(f, "no answer within {} s", limit.as_secs_f64()),
            Self::Gone(last) if last.is_empty() => f.write_str("ended without an answer"),
            Self::Gone(last) => write!(f, "ended without an answer: {last}"),
            Self::Garbled(line) => write!(f, "answered something else: {line}"),
        }
    }
}

impl std::error::Error for PeerError {}

/// Reads an answer.
pub(crate) fn answer<T: DeserializeOwned>(line: &str) -> Result<T, PeerError> {
    let garbled = || PeerError::Garbled(line.chars().take(200).collect());
    let value: Value = serde_json::from_str(line).map_err(|_| garbled())?;
    let text = |key: &str| value.get(key).map(|text| text.as_str().unwrap_or("?").to_owned());
    if let Some(why) = text("unsupported") {
        return Err(PeerError::Unsupported(why));
    }
    if let Some(why) = text("error") {
        return Err(PeerError::Failed(why));
    }
    serde_json::from_value(value).map_err(|_| garbled())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(request: Request) -> String {
        serde_json::to_string(&request).unwrap()
    }

    #[test]
    fn requests_are_the_lines_that_peers_are_written_for() {
        assert_eq!(line(Request::Hello), r#"{"op":"hello"}"#);
        assert_eq!(line(Request::Open { workers: 2 }), r#"{"op":"open","workers":2}"#);
        assert_eq!(
            line(Request::RoundTrips { count: 3, pause_us: 0 }),
            r#"{"op":"round_trips","count":3,"pause_us":0}"#
        );
        assert_eq!(
            line(Request::Map { count: 3, chunksize: None }),
            r#"{"op":"map","count":3,"chunksize":null}"#
        );
        assert_eq!(line(Request::ColdStart { workers: 2 }), r#"{"op":"cold_start","workers":2}"#);
    }

    #[test]
    fn answers_are_figures_or_reasons() {
        assert_eq!(answer::<Once>(r#"{"nanos":5}"#).unwrap().nanos, 5);
        assert_eq!(answer::<Batch>(r#"{"seconds":0.5,"sum":6}"#).unwrap().sum, Some(6));
        let error = |line| answer::<Once>(line).unwrap_err();
        assert_eq!(error(r#"{"unsupported":"no map"}"#), PeerError::Unsupported("no map".into()));
        assert_eq!(error(r#"{"error":"broken"}"#), PeerError::Failed("broken".into()));
        assert_eq!(error("hello"), PeerError::Garbled("hello".into()));
        assert_eq!(error(r#"{"ok":true}"#), PeerError::Garbled(r#"{"ok":true}"#.into()));
    }
}
