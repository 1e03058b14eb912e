//! The socket of a link: a pair of connected stream sockets.
//!
//! Owns the descriptors' flags (close-on-exec always, non-blocking in the parent) and the promise
//! that writing to a dead peer is an error, never a SIGPIPE. Knows no frames, only that
//! they can be read from a socket.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, sendmsg, socketpair};
use procpool_os::descriptor::above_standard_streams;

use crate::wire::Source;

/// One end of a link's socket, and the lock of those that write to it: whether a frame was cut off.
#[derive(Debug)]
pub struct Socket(UnixStream, Mutex<bool>);

/// Makes a pair. Returns the parent's end, which is non-blocking, and the worker's.
pub(crate) fn pair() -> nix::Result<(Socket, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (parent, worker) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
    let parent = Socket::from(above_standard_streams(parent)?);
    parent.0.set_nonblocking(true).map_err(|error| errno_of(&error))?;
    Ok((parent, above_standard_streams(worker)?))
}

fn errno_of(error: &io::Error) -> nix::errno::Errno {
    nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EIO))
}

/// Takes the worker's end, which the worker inherited.
impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(UnixStream::from(fd), Mutex::default())
    }
}

impl Socket {
    /// Writes a whole frame. Any thread may.
    ///
    /// # Errors
    ///
    /// The system's; every later frame is refused, too, because this one may be cut off.
    pub fn send(&self, head: &[u8], payload: &[u8]) -> io::Result<()> {
        let mut is_cut = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_cut {
            return Err(io::Error::other("an earlier message was cut off"));
        }
        let sent = (&mut &*self).write_all(&[head, payload].concat());
        *is_cut = sent.is_err();
        sent
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }
}

impl Source for &Socket {}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let parts = [IoSlice::new(bytes)];
        Ok(sendmsg::<()>(self.0.as_raw_fd(), &parts, &[], MsgFlags::MSG_NOSIGNAL, None)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_cut_off_is_followed_by_no_other() {
        let (parent, worker) = pair().unwrap();
        let worker = Socket::from(worker);
        // A task can do that to its process's descriptors.
        worker.0.set_nonblocking(true).unwrap();
        let error = worker.send(&[1], &vec![2; 64 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let mut received = vec![0; 64 << 20];
        while (&parent).read(&mut received).is_ok() {}
        // There is room, and the next message would be taken for the rest of the first.
        let error = worker.send(&[3], &[]).unwrap_err();
        assert_eq!(error.to_string(), "an earlier message was cut off");
        let error = (&parent).read(&mut received).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
