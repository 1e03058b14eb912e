//! Frames of a link as bytes that travel, and bytes that have arrived as frames.
//!
//! Owns the rule for a payload that there is no memory for: then the frame is an error. Knows no link.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::Bytes;
use procpool_link::{Frame, FrameReader, Payload, Progress, Received, SMALL, Source};

use crate::channel::Channel;
use crate::message::Kind;

/// Bytes that have arrived, of which frames are made.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    reader: FrameReader,
    bytes: VecDeque<u8>,
}

impl Read for &mut VecDequeSource<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { self.0.read(buffer) }
    }
}

/// A queue that is empty for now, not at its end.
#[derive(Debug)]
struct VecDequeSource<'a>(&'a mut VecDeque<u8>);

impl Source for &mut VecDequeSource<'_> {
    fn append(&mut self, limit: usize, output: &mut Vec<u8>) -> io::Result<usize> {
        let (front, _) = self.0.as_slices();
        let count = front.len().min(limit);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        output.extend_from_slice(&front[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

impl Incoming {
    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Takes the next whole frame, if there is one.
    ///
    /// # Errors
    ///
    /// `InvalidData` for bytes that are no frame.
    pub(crate) fn next(&mut self) -> io::Result<Option<(Frame, Vec<u8>)>> {
        loop {
            match self.reader.fill(&mut &mut VecDequeSource(&mut self.bytes))? {
                Progress::Frame => break,
                Progress::Pending if self.bytes.is_empty() => return Ok(None),
                Progress::Pending => {}
                Progress::Ended { .. } => return Ok(None),
            }
        }
        whole(self.reader.frame()).map(Some)
    }
}

/// Returns a frame and its payload.
///
/// # Errors
///
/// `InvalidData` for bytes that are no frame; `OutOfMemory` for a payload that there was no memory for. The worker is
/// killed for either: nobody but it and its pool can say what is wrong with a call.
pub(crate) fn whole(received: Received<'_>) -> io::Result<(Frame, Vec<u8>)> {
    let frame = received.frame().map_err(|error| invalid(error.0))?;
    match received.payload {
        Payload::Lost(_) => Err(io::ErrorKind::OutOfMemory.into()),
        payload => Ok((frame, payload.into_vec())),
    }
}

pub(crate) fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Queues a frame for a channel.
pub(crate) fn send_frame(
    channel: &mut Channel,
    kind: Kind,
    place: u8,
    frame: Frame,
    payload: Vec<u8>,
) {
    let head = frame.head(payload.len());
    if payload.len() <= SMALL {
        return channel.send_bytes(kind, place, [&*head, &payload].concat().into());
    }
    channel.send_bytes(kind, place, Bytes::copy_from_slice(&head));
    channel.send_bytes(kind, place, payload.into());
}
