//! 64 bytes to another process and back, over a socket pair: the least cost of a task when the processes
//! talk through the kernel.
//!
//! Owns both ends. Two styles, because they differ by a factor of ten: *blocking*, in which a waiting end
//! sleeps, and *spinning*, in which it asks again and yields in between.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::sched_yield;

use super::child::Role;
use crate::Outcome;

/// About the size of a small task and its header.
const MESSAGE: usize = 64;

/// The first byte of a message that is not answered: the block is over, sleep until the next one.
/// Without it a spinning child would take a CPU away from the other contender's blocks.
const REST: u8 = 0;

/// How an end waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Blocking,
    Spinning,
}

/// The asking end, and the child at the other one.
#[derive(Debug)]
pub(crate) struct PingPong {
    style: Style,
    socket: UnixStream,
    child: Child,
}

impl PingPong {
    /// Starts the other end, on the CPUs of the calling thread.
    pub(crate) fn start(style: Style) -> Outcome<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let role = match style {
            Style::Blocking => Role::Echo,
            Style::Spinning => Role::SpinningEcho,
        };
        let child = role.command().stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        socket.set_nonblocking(style == Style::Spinning)?;
        Ok(Self { style, socket, child })
    }

    /// Sends a message and waits until it returns.
    pub(crate) fn round_trip(&mut self) -> Outcome {
        let mut message = [7; MESSAGE];
        match self.style {
            Style::Blocking => {
                self.socket.write_all(&message)?;
                self.socket.read_exact(&mut message)?;
            }
            Style::Spinning => {
                // A message fits into an empty socket, so writing never has to wait.
                self.socket.write_all(&message)?;
                spin_read(&mut self.socket, &mut message)?;
            }
        }
        Ok(())
    }

    /// Makes the other end sleep until the next message.
    pub(crate) fn rest(&mut self) -> Outcome {
        match self.style {
            Style::Blocking => Ok(()),
            Style::Spinning => Ok(self.socket.write_all(&[REST; MESSAGE])?),
        }
    }
}

impl Drop for PingPong {
    fn drop(&mut self) {
        // The other end exits at the end of the stream. A closed socket has the same effect.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// Fills `message` without ever sleeping.
fn spin_read(socket: &mut UnixStream, message: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < message.len() {
        match socket.read(&mut message[filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            // On one CPU the other end could not run otherwise: 65 to 115 µs instead of 10.
            Err(error) if error.kind() == ErrorKind::WouldBlock => sched_yield()?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn socket_at_stdin() -> Outcome<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// The child's end of the blocking style.
pub(crate) fn echo() -> Outcome {
    let mut socket = socket_at_stdin()?;
    let mut message = [0; MESSAGE];
    while socket.read_exact(&mut message).is_ok() && socket.write_all(&message).is_ok() {}
    Ok(())
}

/// The child's end of the spinning style.
pub(crate) fn spinning_echo() -> Outcome {
    let mut socket = socket_at_stdin()?;
    socket.set_nonblocking(true)?;
    let mut message = [REST; MESSAGE];
    loop {
        if message[0] == REST {
            poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
        }
        if spin_read(&mut socket, &mut message).is_err() {
            return Ok(());
        }
        if message[0] != REST && socket.write_all(&message).is_err() {
            return Ok(());
        }
    }
}
