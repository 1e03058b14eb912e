//! The two ends of a link: a pair of connected stream sockets.
//!
//! Owns the descriptors' flags (close-on-exec always, non-blocking in the parent) and the promise
//! that writing to a dead peer is an error, never a SIGPIPE. Knows no frames, only that they can be
//! read from here.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, getsockname, getsockopt, sendmsg,
    socketpair, sockopt::PeerCredentials,
};
use nix::unistd::{Pid, geteuid};

use super::descriptor::above_standard_streams;
use crate::wire::Source;

/// One end of a link.
#[derive(Debug)]
pub(crate) struct Socket(UnixStream);

/// Makes a link: the parent's end, non-blocking, and the worker's.
pub(crate) fn pair() -> nix::Result<(Socket, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (parent, worker) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
    let parent = UnixStream::from(above_standard_streams(parent)?);
    parent.set_nonblocking(true).map_err(|error| errno_of(&error))?;
    Ok((Socket(parent), above_standard_streams(worker)?))
}

fn errno_of(error: &io::Error) -> nix::errno::Errno {
    nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EIO))
}

impl Socket {
    /// Takes over the descriptor that this process was started with; see [`take_inherited`].
    pub(crate) fn inherited(number: RawFd, parent: Pid) -> Option<Self> {
        take_inherited(number, parent).map(Self::from)
    }
}

/// Takes over a socket that this process was started with. `None` when the number is not a socket that
/// `parent` has made, as this process's user or as root: then somebody typed the command line.
pub(super) fn take_inherited(number: RawFd, parent: Pid) -> Option<OwnedFd> {
    if number <= 2 {
        return None;
    }
    getsockname::<UnixAddr>(number).ok()?;
    // SAFETY: getsockname succeeded, so the descriptor is open; the parent made it for this
    // process alone and named it on the command line, which `init` reads only once; so nothing else
    // owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    let maker = getsockopt(&fd, PeerCredentials).ok()?;
    let is_ours = maker.uid() == 0 || maker.uid() == geteuid().as_raw();
    if maker.pid() != parent.as_raw() || !is_ours {
        return None;
    }
    // It had to survive the exec that started this process; it must not survive the next.
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some(fd)
}

/// The worker's end, which it was started with or sent.
impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(UnixStream::from(fd))
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
