//! A pipe from a worker to the parent, for a standard stream of the worker.
//!
//! Owns the descriptors' flags: close-on-exec on both ends, non-blocking only on the parent's, because the
//! worker's end is an ordinary stream.

use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use super::descriptor::above_standard_streams;

/// Makes a pipe. Returns the parent's end and the worker's.
pub fn pipe() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (parent, worker) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&parent, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((above_standard_streams(parent)?, above_standard_streams(worker)?))
}
