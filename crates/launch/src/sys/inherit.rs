//! Descriptors that this process was started with, under numbers that its command line names.
//!
//! Owns the taking over: a number is believed to be a descriptor only if it is one, and becomes
//! close-on-exec at once. It had to survive the exec that started this process; it must not survive
//! the next.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::socket::{UnixAddr, getsockname, getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Pid, geteuid};

/// Takes over a descriptor. `None` when the number is none, or the system refuses the takeover.
pub(crate) fn descriptor(number: RawFd) -> Option<OwnedFd> {
    if number <= 2 {
        return None;
    }
    // SAFETY: fcntl(2) only looks the number up.
    Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) }).ok()?;
    // SAFETY: the descriptor is open, as F_GETFD said; the parent made it for this process alone and
    // named it on the command line, which is read once; so nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some(fd)
}

/// Takes over a socket. `None` when the number is not a socket that `parent` has made, as this
/// process's user or as root: then somebody typed the command line.
pub(crate) fn socket(number: RawFd, parent: Pid) -> Option<OwnedFd> {
    if number <= 2 {
        return None;
    }
    getsockname::<UnixAddr>(number).ok()?;
    // SAFETY: getsockname succeeded, so the descriptor is open; the parent made it for this process
    // alone and named it on the command line, which is read once; so nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    let maker = getsockopt(&fd, PeerCredentials).ok()?;
    let is_ours = maker.uid() == 0 || maker.uid() == geteuid().as_raw();
    if maker.pid() != parent.as_raw() || !is_ours {
        return None;
    }
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some(fd)
}
