//! The frames that travel between the parent and one worker.
//!
//! Owns their layout; knows only `Read` and byte slices, never a descriptor, a function or a
//! process. A frame is
//!
//! ```text
//! length: u64 le (bytes after this field) | kind: u8 | fields | payload
//!
//! 1 Hello             worker → parent   version u32 | pid u32 | device u64 | inode u64
//! 2 Initialize        parent → worker   entry | encoded initargs
//! 3 Ready             worker → parent   (empty)
//! 4 InitializerFailed worker → parent   encoded Failure
//! 5 CallItem          parent → worker   index u64 | entry | encoded arguments
//! 6 ResultItem        worker → parent   index u64 | status u8 | encoded value or Failure
//! 7 Exit              parent → worker   (empty)
//! 8 Bell              worker → parent   (empty)
//! 9 Padding           both ways         ignored bytes
//! 10 Finalize         parent → worker   entry
//! 11 Skipped          worker → parent   from u64 | to u64
//! 12 Report           worker → parent   index u64 | encoded value
//!
//! status: 0 value, 1 failure, 2 failure and the worker is about to exit, 3 a part: more follows
//! entry: trampoline offset i64 | tag u64 | function offset i64 | tag u64
//! ```
//!
//! with every number little-endian. The fields before "encoded" are the frame's *head*, the rest is its
//! *payload*, which a long frame keeps in its own vector. The index counts the tasks that were sent to one
//! worker, from 0. The tests below pin the layout by golden bytes: a change of it is a change of
//! [`VERSION`].

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod reader;

pub use reader::{FrameReader, Payload, Progress, Received, SMALL, Source};

use procpool_os::code::FunctionRef;

/// The protocol's version. Both ends are the same executable, so a difference means that the worker runs
/// another program than its parent.
pub const VERSION: u32 = 5;

/// The longest accepted frame. A longer one cannot come from a working peer; a shorter one is still only
/// allocated as its bytes arrive. Raising it costs nothing until such frames arrive; lowering it limits
/// arguments and results.
pub(crate) const MAX_FRAME: u64 = 1 << 40;

const LENGTH: usize = size_of::<u64>();

/// The functions that a worker calls: the trampoline knows the types, the function is the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Called with the user's function.
    pub trampoline: FunctionRef,
    /// The user's function.
    pub function: FunctionRef,
}

/// The identity of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u32,
    /// Its process id.
    pub pid: u32,
    /// The file system that holds its executable.
    pub device: u64,
    /// The file that its executable is.
    pub inode: u64,
}

/// The content of a `ResultItem`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultStatus {
    /// A value.
    Value = 0,
    /// An error instead of a value.
    Failure = 1,
    /// A failure, from a worker that is about to exit and takes no further task.
    LastWords = 2,
    /// The first items of a chunk's value: a frame with the others follows.
    Part = 3,
}

/// A frame without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The worker has started.
    Hello(Hello),
    /// The initializer, with the encoded initargs as payload.
    Initialize {
        /// The function to call.
        entry: Entry,
    },
    /// The initializer has succeeded.
    Ready,
    /// The initializer has failed; the payload is the reason.
    InitializerFailed,
    /// A task, with its encoded arguments as payload.
    CallItem {
        /// The task's index among those sent to this worker.
        index: u64,
        /// The function to call.
        entry: Entry,
    },
    /// The result of a task, as payload.
    ResultItem {
        /// The task's index.
        index: u64,
        /// The kind of the payload.
        status: ResultStatus,
    },
    /// The finalizer, which gets the worker's state. Sent before `Exit`.
    Finalize {
        /// The function to call.
        entry: Entry,
    },
    /// Makes the worker exit.
    Exit,
    /// The segment holds something for the parent.
    Bell,
    /// The worker found the tasks of these indices taken back, and will not run them.
    Skipped {
        /// The first.
        from: u64,
        /// The one after the last.
        to: u64,
    },
    /// A report of a running task, as payload.
    Report {
        /// The task's index; `u64::MAX` for none.
        index: u64,
    },
    /// Aligns the next frame; readers skip it.
    Padding,
}

/// The reason why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// The longest head: length, kind, index and entry of a `CallItem`.
const HEAD: usize = LENGTH + 1 + 8 + 32;

/// The kind of a `Padding`.
const PADDING: u8 = 9;

/// Returns a `Padding` to write at `position`, so that the payload of the next frame, which has `head` bytes
/// of head, starts 16 bytes behind a multiple of 64, as a large vector's bytes do. Empty if it already does.
///
/// Some processors copy at a tenth of their speed if the target lies 1 to 16 bytes behind the source
/// within a page (see glibc's bug 30994). That cannot happen between addresses that agree modulo 64.
pub(crate) fn padding_before(position: u64, head: usize) -> Vec<u8> {
    const SHORTEST: usize = LENGTH + 1;
    const ALIGNED: u64 = 16;
    let missing = ALIGNED.wrapping_sub(position.wrapping_add(head as u64)) % 64;
    let missing = match missing as usize {
        0 => return Vec::new(),
        enough @ SHORTEST.. => enough,
        few => few + 64,
    };
    let mut padding = Frame::Padding.head(missing - SHORTEST).to_vec();
    padding.resize(missing, 0);
    padding
}

/// The bytes of a frame before its payload.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    bytes: [u8; HEAD],
    length: usize,
}

impl std::ops::Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Head {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
        self
    }

    fn put_entry(&mut self, entry: &Entry) -> &mut Self {
        for function in [entry.trampoline, entry.function] {
            self.put(&function.offset.to_le_bytes()).put(&function.tag.to_le_bytes());
        }
        self
    }
}

/// Returns the length of the head of a frame of this kind, without the length field.
fn head_length(kind: u8) -> usize {
    match kind {
        1 => 1 + 4 + 4 + 8 + 8,
        2 | 10 => 1 + 32,
        5 => 1 + 8 + 32,
        6 => 1 + 8 + 1,
        11 => 1 + 8 + 8,
        12 => 1 + 8,
        _ => 1,
    }
}

impl Frame {
    /// Encodes the frame's head, including its length field, for a payload of `payload` bytes.
    #[inline]
    pub fn head(&self, payload: usize) -> Head {
        let mut head = Head { bytes: [0; HEAD], length: LENGTH };
        match self {
            Frame::Hello(Hello { version, pid, device, inode }) => {
                head.put(&[1]).put(&version.to_le_bytes()).put(&pid.to_le_bytes());
                head.put(&device.to_le_bytes()).put(&inode.to_le_bytes())
            }
            Frame::Initialize { entry } => head.put(&[2]).put_entry(entry),
            Frame::Ready => head.put(&[3]),
            Frame::InitializerFailed => head.put(&[4]),
            Frame::CallItem { index, entry } => {
                head.put(&[5]).put(&index.to_le_bytes()).put_entry(entry)
            }
            Frame::ResultItem { index, status } => {
                head.put(&[6]).put(&index.to_le_bytes()).put(&[*status as u8])
            }
            Frame::Finalize { entry } => head.put(&[10]).put_entry(entry),
            Frame::Exit => head.put(&[7]),
            Frame::Bell => head.put(&[8]),
            Frame::Skipped { from, to } => {
                head.put(&[11]).put(&from.to_le_bytes()).put(&to.to_le_bytes())
            }
            Frame::Report { index } => head.put(&[12]).put(&index.to_le_bytes()),
            Frame::Padding => head.put(&[PADDING]),
        };
        let length = (head.length - LENGTH + payload) as u64;
        head.bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
        head
    }

    /// Decodes a head, without its length field, that precedes `payload` bytes.
    #[inline]
    pub fn decode(head: &[u8], payload: usize) -> Result<Self, Malformed> {
        let mut rest = head;
        let frame = match take::<1>(&mut rest)? {
            [1] => Frame::Hello(Hello {
                version: u32::from_le_bytes(take(&mut rest)?),
                pid: u32::from_le_bytes(take(&mut rest)?),
                device: u64::from_le_bytes(take(&mut rest)?),
                inode: u64::from_le_bytes(take(&mut rest)?),
            }),
            [2] => Frame::Initialize { entry: take_entry(&mut rest)? },
            [3] => Frame::Ready,
            [4] => Frame::InitializerFailed,
            [5] => Frame::CallItem {
                index: u64::from_le_bytes(take(&mut rest)?),
                entry: take_entry(&mut rest)?,
            },
            [6] => Frame::ResultItem {
                index: u64::from_le_bytes(take(&mut rest)?),
                status: match take(&mut rest)? {
                    [0] => ResultStatus::Value,
                    [1] => ResultStatus::Failure,
                    [2] => ResultStatus::LastWords,
                    [3] => ResultStatus::Part,
                    _ => return Err(Malformed("a result that is neither a value nor a failure")),
                },
            },
            [10] => Frame::Finalize { entry: take_entry(&mut rest)? },
            [7] => Frame::Exit,
            [8] => Frame::Bell,
            [11] => Frame::Skipped {
                from: u64::from_le_bytes(take(&mut rest)?),
                to: u64::from_le_bytes(take(&mut rest)?),
            },
            [12] => Frame::Report { index: u64::from_le_bytes(take(&mut rest)?) },
            [PADDING] => Frame::Padding,
            _ => return Err(Malformed("a frame of an unknown kind")),
        };
        use Frame::{CallItem, Initialize, InitializerFailed, Padding, Report, ResultItem};
        let bare = !matches!(
            frame,
            Initialize { .. }
                | InitializerFailed
                | CallItem { .. }
                | ResultItem { .. }
                | Report { .. }
                | Padding
        );
        if rest.is_empty() && (payload == 0 || !bare) {
            Ok(frame)
        } else {
            Err(Malformed("a frame with bytes left over"))
        }
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
