//! A pipe from a worker to the parent, for a stream of the worker's.
//!
//! Owns the descriptors' flags: close-on-exec on both, non-blocking on the parent's end alone, since
//! what the worker writes to is an ordinary stream.

use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use super::descriptor::above_standard_streams;

/// Makes a pipe: the parent's end, and the worker's.
pub fn pipe() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (parent, worker) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&parent, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((above_standard_streams(parent)?, above_standard_streams(worker)?))
}
