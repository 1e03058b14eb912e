//! Numbers of descriptors: where the pool's own may be.
//!
//! Owns the rule that no descriptor of the pool's has the number of a standard stream, in whichever
//! process: where one of those is closed, the system gives its number to whatever is opened next,
//! and what the program prints would go there. So every descriptor that the pool makes or receives
//! passes [`above_standard_streams`].

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::libc;
use nix::sys::stat::Mode;

/// Moves a descriptor that has the number of a standard stream.
///
/// # Errors
///
/// `EMFILE` when there is no other number.
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

/// Opens `/dev/null` for each standard stream that is closed, as Rust's runtime does before `main`: what
/// a task opens must not take its place.
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

/// Makes standard stream `number` of this process lead to `target`.
///
/// # Errors
///
/// `EBADF` when that is no standard stream.
pub fn replace_stream(number: RawFd, target: OwnedFd) -> nix::Result<()> {
    match number {
        0 => nix::unistd::dup2_stdin(target),
        1 => nix::unistd::dup2_stdout(target),
        2 => nix::unistd::dup2_stderr(target),
        _ => Err(Errno::EBADF),
    }
}
