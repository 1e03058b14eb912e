//! One worker's private channel, from both ends.
//!
//! Owns a socket, the frames read from it and the bytes still to be written to it. The parent's
//! end never blocks; the worker's always does. No link is shared by two workers, so a worker that
//! dies at any instant damages only its own. Knows nothing of tasks or states.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crate::sys::poller::spin;
use crate::sys::socket::Socket;
use crate::wire::{FrameReader, Progress, Received};

/// How much is sent at a time. More holds the pool's lock for longer, less asks the poller more
/// often.
const SLICE: usize = 1 << 20;

/// The parent's end.
#[derive(Debug)]
pub(crate) struct WorkerLink {
    socket: Arc<Socket>,
    reader: FrameReader,
    /// Frames that the socket had no room for; the first is sent up to `written`.
    outbox: VecDeque<Vec<u8>>,
    written: usize,
}

impl WorkerLink {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket: Arc::new(socket),
            reader: FrameReader::new(),
            outbox: VecDeque::new(),
            written: 0,
        }
    }

    /// Returns the socket, for waiting on it without holding the link.
    pub(crate) fn socket(&self) -> Arc<Socket> {
        Arc::clone(&self.socket)
    }

    /// Sends a frame, or as much of it as there is room for. Returns whether anything is left to
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// Those of the socket: the worker is gone.
    pub(crate) fn send(&mut self, frame: Vec<u8>) -> io::Result<bool> {
        self.outbox.push_back(frame);
        self.flush()
    }

    /// Sends what is left over, a slice at a time. Returns whether there is still something.
    ///
    /// # Errors
    ///
    /// Those of the socket: the worker is gone.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let mut slice = 0;
        while let Some(frame) = self.outbox.front() {
            if slice >= SLICE {
                return Ok(true);
            }
            match (&*self.socket).write(&frame[self.written..frame.len().min(self.written + SLICE)])
            {
                Ok(sent) => {
                    self.written += sent;
                    slice += sent;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if self.written == frame.len() {
                self.outbox.pop_front();
                self.written = 0;
            }
        }
        Ok(false)
    }

    pub(crate) fn has_unsent(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Reads until a frame is whole or the socket has nothing more; see [`FrameReader::fill`].
    pub(crate) fn fill(&mut self) -> io::Result<Progress> {
        self.reader.fill(&mut &*self.socket)
    }

    /// Takes the frame that `fill` announced.
    pub(crate) fn frame(&mut self) -> Received<'_> {
        self.reader.frame()
    }
}

impl AsFd for WorkerLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The worker's end. The socket lives as long as the process: the watchdog and the panic hook use
/// it too, and neither is ever taken down.
#[derive(Debug)]
pub(crate) struct ParentLink {
    socket: &'static Socket,
    reader: FrameReader,
}

impl ParentLink {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket: Box::leak(Box::new(socket)), reader: FrameReader::new() }
    }

    /// Sends a whole frame.
    ///
    /// # Errors
    ///
    /// Those of the socket: the parent is gone.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        let mut socket = self.socket;
        socket.write_all(frame)
    }

    /// Waits for a frame; `None` when the parent is gone.
    ///
    /// # Errors
    ///
    /// Those of the socket, and `InvalidData` for a frame that cannot be.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        // A parent that sends one task after another has the next one ready within microseconds.
        let soon = spin(|| match self.reader.fill(&mut self.socket.without_waiting()) {
            Ok(Progress::Pending) => None,
            other => Some(other),
        });
        let mut progress = soon.unwrap_or(Ok(Progress::Pending))?;
        while progress == Progress::Pending {
            progress = self.reader.fill(&mut &*self.socket)?;
        }
        Ok((progress == Progress::Frame).then(|| self.reader.frame()))
    }

    pub(crate) fn socket(&self) -> &'static Socket {
        self.socket
    }
}
