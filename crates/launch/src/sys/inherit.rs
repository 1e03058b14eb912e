//! Descriptors that this process inherited, under numbers that its command line names.
//!
//! Owns the takeover: a number is accepted only if it is an open descriptor, which becomes close-on-exec at
//! once. It had to survive the exec that started this process; it must not survive the next.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::socket::{UnixAddr, getsockname, getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Pid, geteuid};

/// Takes over a descriptor. Returns `None` if the number is not one, or the system refuses the takeover.
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

/// Takes over a socket. Returns `None` unless `parent` made it, as this process's user or as root: otherwise
/// somebody typed the command line.
pub(crate) fn socket(number: RawFd, parent: Pid) -> Option<OwnedFd> {
    getsockname::<UnixAddr>(number).ok()?;
    let fd = descriptor(number)?;
    let maker = getsockopt(&fd, PeerCredentials).ok()?;
    let is_ours = maker.uid() == 0 || maker.uid() == geteuid().as_raw();
    (maker.pid() == parent.as_raw() && is_ours).then_some(fd)
}
