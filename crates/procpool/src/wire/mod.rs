//! The frames that travel between the parent and one worker.
//!
//! Owns their layout; knows only `Read` and byte slices, never a descriptor, a function or a
//! process. A frame is
//!
//! ```text
//! length: u64 le (bytes after this field) | kind: u8 | body
//!
//! 1 Hello             worker → parent   version u32 | pid u32 | device u64 | inode u64
//! 2 Initialize        parent → worker   entry | encoded initargs
//! 3 Ready             worker → parent   (empty)
//! 4 InitializerFailed worker → parent   encoded InitializerFailure
//! 5 CallItem          parent → worker   work id u64 | entry | encoded arguments
//! 6 ResultItem        worker → parent   work id u64 | status u8 | encoded value or Failure
//! 7 Exit              parent → worker   (empty)
//!
//! status: 0 value, 1 failure, 2 failure and the worker is about to end
//! entry: trampoline offset i64 | tag u64 | function offset i64 | tag u64
//! ```
//!
//! with every number little-endian. The layout is pinned by golden bytes in the tests below: a
//! change of it is a change of [`VERSION`].

mod reader;

pub(crate) use reader::{Body, FrameReader, Progress, Received};

use serde::{Deserialize, Serialize};

use crate::error::{CodecError, RemotePanic};

/// The protocol's version. Both ends are the same executable, so a difference means that the
/// worker is not the program that its parent is.
pub(crate) const VERSION: u32 = 1;

/// The longest frame that is believed. A longer one cannot come from a working peer; a shorter
/// one is still only allocated as its bytes arrive. Raising it costs nothing until such frames
/// come; lowering it limits arguments and results.
pub(crate) const MAX_FRAME: u64 = 1 << 40;

const LENGTH: usize = size_of::<u64>();

/// A function of the executable as it travels: where it is, relative to the executable's load
/// address, and a tag of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FunctionRef {
    pub(crate) offset: i64,
    pub(crate) tag: u64,
}

/// What a worker calls: the trampoline knows the types, the function is the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) trampoline: FunctionRef,
    pub(crate) function: FunctionRef,
}

/// Who a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) version: u32,
    pub(crate) pid: u32,
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// Why a worker is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InitializerFailure {
    Returned(String),
    Panicked(RemotePanic),
    Codec(CodecError),
    /// The worker could not set itself up.
    Setup(String),
}

/// Why a task has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    Panicked(RemotePanic),
    Codec(CodecError),
}

/// What a `ResultItem` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultStatus {
    Value = 0,
    Failure = 1,
    /// A failure, from a worker that is about to end: it takes no further task.
    LastWords = 2,
}

/// A frame, borrowed from the bytes it was decoded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Hello(Hello),
    Initialize { entry: Entry, initargs: &'a [u8] },
    Ready,
    InitializerFailed(InitializerFailure),
    CallItem { id: u64, entry: Entry, arguments: &'a [u8] },
    ResultItem { id: u64, status: ResultStatus, payload: &'a [u8] },
    Exit,
}

/// A frame that does not follow the layout above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Where the payload of a `ResultItem` starts in the frame's bytes, after the length field.
pub(crate) const RESULT_PAYLOAD: usize = 1 + 8 + 1;

impl<'a> Frame<'a> {
    /// Decodes what follows the length field.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let frame = match take::<1>(&mut rest)? {
            [1] => Frame::Hello(Hello {
                version: u32::from_le_bytes(take(&mut rest)?),
                pid: u32::from_le_bytes(take(&mut rest)?),
                device: u64::from_le_bytes(take(&mut rest)?),
                inode: u64::from_le_bytes(take(&mut rest)?),
            }),
            [2] => return Ok(Frame::Initialize { entry: take_entry(&mut rest)?, initargs: rest }),
            [3] => Frame::Ready,
            [4] => {
                let (failure, left) = postcard::take_from_bytes(rest)
                    .map_err(|_| Malformed("an initializer failure that cannot be decoded"))?;
                rest = left;
                Frame::InitializerFailed(failure)
            }
            [5] => {
                let id = u64::from_le_bytes(take(&mut rest)?);
                return Ok(Frame::CallItem { id, entry: take_entry(&mut rest)?, arguments: rest });
            }
            [6] => {
                let id = u64::from_le_bytes(take(&mut rest)?);
                let status = match take(&mut rest)? {
                    [0] => ResultStatus::Value,
                    [1] => ResultStatus::Failure,
                    [2] => ResultStatus::LastWords,
                    _ => return Err(Malformed("a result that is neither a value nor a failure")),
                };
                return Ok(Frame::ResultItem { id, status, payload: rest });
            }
            [7] => Frame::Exit,
            _ => return Err(Malformed("a frame of an unknown kind")),
        };
        if rest.is_empty() { Ok(frame) } else { Err(Malformed("a frame with bytes left over")) }
    }

    /// Encodes the frame, its length field included.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut frame = FrameBuilder::new(match self {
            Frame::Hello(_) => 1,
            Frame::Initialize { .. } => 2,
            Frame::Ready => 3,
            Frame::InitializerFailed(_) => 4,
            Frame::CallItem { .. } => 5,
            Frame::ResultItem { .. } => 6,
            Frame::Exit => 7,
        });
        let bytes = frame.bytes();
        match self {
            Frame::Hello(hello) => {
                bytes.extend_from_slice(&hello.version.to_le_bytes());
                bytes.extend_from_slice(&hello.pid.to_le_bytes());
                bytes.extend_from_slice(&hello.device.to_le_bytes());
                bytes.extend_from_slice(&hello.inode.to_le_bytes());
            }
            Frame::Initialize { entry, initargs } => {
                put_entry(bytes, entry);
                bytes.extend_from_slice(initargs);
            }
            Frame::CallItem { id, entry, arguments } => {
                bytes.extend_from_slice(&id.to_le_bytes());
                put_entry(bytes, entry);
                bytes.extend_from_slice(arguments);
            }
            Frame::ResultItem { id, status, payload } => {
                bytes.extend_from_slice(&id.to_le_bytes());
                bytes.push(*status as u8);
                bytes.extend_from_slice(payload);
            }
            Frame::InitializerFailed(failure) => {
                bytes.extend_from_slice(&encode_failure(failure));
            }
            Frame::Ready | Frame::Exit => {}
        }
        frame.finish()
    }
}

/// Encodes one of this module's own failure types.
pub(crate) fn encode_failure<T: Serialize>(failure: &T) -> Vec<u8> {
    postcard::to_stdvec(failure).expect("strings and options always fit the format")
}

/// A frame under construction, so that a payload is encoded where it will be sent from.
#[derive(Debug)]
pub(crate) struct FrameBuilder(Vec<u8>);

impl FrameBuilder {
    fn new(kind: u8) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&[0; LENGTH]);
        bytes.push(kind);
        Self(bytes)
    }

    /// Starts a `CallItem` whose arguments are appended to [`bytes`](Self::bytes).
    pub(crate) fn call_item(id: u64, entry: &Entry) -> Self {
        let mut frame = Self::new(5);
        frame.0.extend_from_slice(&id.to_le_bytes());
        put_entry(&mut frame.0, entry);
        frame
    }

    /// Starts a `ResultItem` that holds a value.
    pub(crate) fn result_item(id: u64) -> Self {
        let mut frame = Self::new(6);
        frame.0.extend_from_slice(&id.to_le_bytes());
        frame.0.push(ResultStatus::Value as u8);
        frame
    }

    /// Starts an `Initialize`.
    pub(crate) fn initialize(entry: &Entry) -> Self {
        let mut frame = Self::new(2);
        put_entry(&mut frame.0, entry);
        frame
    }

    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Fills in the length.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() - LENGTH) as u64;
        self.0[..LENGTH].copy_from_slice(&length.to_le_bytes());
        self.0
    }
}

fn put_entry(bytes: &mut Vec<u8>, entry: &Entry) {
    for function in [entry.trampoline, entry.function] {
        bytes.extend_from_slice(&function.offset.to_le_bytes());
        bytes.extend_from_slice(&function.tag.to_le_bytes());
    }
}

fn take_entry(rest: &mut &[u8]) -> Result<Entry, Malformed> {
    let mut function = || -> Result<FunctionRef, Malformed> {
        Ok(FunctionRef {
            offset: i64::from_le_bytes(take(rest)?),
            tag: u64::from_le_bytes(take(rest)?),
        })
    };
    Ok(Entry { trampoline: function()?, function: function()? })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, tail) =
        rest.split_first_chunk::<N>().ok_or(Malformed("a frame that is too short"))?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests;
