//! The messages between the server and a relay, beside frames.
//!
//! Owns the kinds of pieces. Frames travel as a stream of bytes, in the layout of `procpool-link`, with one
//! difference: only one call is on its way at a time, so its index is of no use, and that of a result is the
//! number of nanoseconds that the call took.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use procpool_control::Ended;
use serde::{Deserialize, Serialize};

/// The stream that a piece is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message that keeps its place among frames and output.
    Message = 0,
    /// Frames of the calls ring or of the results ring.
    Frames = 1,
    /// Frames that a worker has sent through its socket.
    News = 2,
    /// Bytes that a worker has written to its stdout.
    Stdout = 3,
    /// The same for stderr.
    Stderr = 4,
    /// A message in one piece that overtakes everything else.
    Urgent = 5,
}

impl Kind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Frames, Message, News, Stderr, Stdout, Urgent};
        [Message, Frames, News, Stdout, Stderr, Urgent].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A message to a relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToHost {
    /// Nothing: the program lives.
    Ping,
    /// Starts a worker.
    Start(Start),
    /// Sends the worker a signal.
    Signal(u8),
    /// The worker is asked to exit: what its tasks have started is not killed after it.
    SpareGroup,
    /// The running task should stop.
    Stop,
    /// So many more reports were handled.
    ReportsHandled(u32),
    /// The pool is over.
    Bye,
}

/// The worker to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) slot: usize,
    pub(crate) leads_group: bool,
    /// Each a name and a value.
    pub(crate) variables: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) mask: u64,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// Where a stream of a worker goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Output {
    /// To the relay's own stream, which the launcher's command passes on.
    #[default]
    Inherited,
    /// Nowhere.
    Null,
    /// To the program.
    Sent,
}

/// A message to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToProgram {
    /// Nothing: the host lives.
    Ping,
    /// The worker was started, with this pid.
    Started(u32),
    /// It was not, because of this error number.
    StartFailed(i32),
    /// The worker claims nothing more.
    WantsReplacement,
    /// The worker has ended; everything that it had sent was sent before.
    Ended(Ended, Option<Draft>),
}

/// The finished items of the chunk that a worker died of: the bytes of the first ones, and how many more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft(pub(crate) Vec<u8>, pub(crate) u32);

/// Variables as they travel.
pub(crate) fn to_bytes(variables: &[(OsString, OsString)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = |text: &OsString| text.as_bytes().to_vec();
    variables.iter().map(|(name, value)| (bytes(name), bytes(value))).collect()
}

pub(crate) fn from_bytes(variables: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(OsString, OsString)> {
    let text = OsString::from_vec;
    variables.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}
