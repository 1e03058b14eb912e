//! The numbers that the pool's descriptors may have.
//!
//! Owns the rule that no descriptor of the pool has the number of a standard stream, in any process. If a
//! standard stream is closed, the system gives its number to the next file that is opened, and the program
//! would print into that file. So every descriptor that the pool makes or receives
//! passes [`above_standard_streams`].

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::libc;
use nix::sys::stat::Mode;

/// Moves a descriptor that has the number of a standard stream to a higher one.
///
/// # Errors
///
/// `EMFILE` if no other number is free.
pub fn above_standard_streams(fd: impl Into<OwnedFd>) -> nix::Result<OwnedFd> {
    let fd = fd.into();
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    let moved = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: F_DUPFD_CLOEXEC succeeded, so `moved` is a new descriptor that nobody owns.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

/// Opens `/dev/null`.
///
/// # Errors
///
/// The system's.
pub fn open_null(access: OFlag) -> nix::Result<OwnedFd> {
    above_standard_streams(open("/dev/null", access | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Opens `/dev/null` for each standard stream that is closed, as Rust's runtime does before `main`: a file
/// that a task opens must not become a standard stream.
///
/// # Errors
///
/// `/dev/null` cannot be opened.
pub fn open_closed_streams() -> nix::Result<()> {
    for number in 0..=2 {
        // SAFETY: fcntl(2) only looks the number up.
        if Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) }) == Err(Errno::EBADF) {
            replace_stream(number, open_null(OFlag::O_RDWR)?)?;
        }
    }
    Ok(())
}

/// Redirects standard stream `number` of this process to `target`.
///
/// # Errors
///
/// `EBADF` if `number` is no standard stream.
pub fn replace_stream(number: RawFd, target: OwnedFd) -> nix::Result<()> {
    match number {
        0 => nix::unistd::dup2_stdin(target),
        1 => nix::unistd::dup2_stdout(target),
        2 => nix::unistd::dup2_stderr(target),
        _ => Err(Errno::EBADF),
    }
}
