//! A server of workers that is no process of this machine's: a thread of the program that reaches other hosts.
//!
//! Owns the interface to it. It receives the requests of a forkserver and answers with the same reports, so
//! the pool needs no rules of its own for it. What stands for a process descriptor, its own and that of each
//! worker, is a pipe whose other end is closed when the process has ended.

use std::ffi::OsString;
use std::fmt::Debug;
use std::os::fd::OwnedFd;

use nix::sys::signal::SigSet;
use procpool_control::PacketSocket;

use crate::StartError;

/// Starts workers where this process cannot.
pub trait Elsewhere: Debug + Send + Sync {
    /// Begins to serve, and returns at once.
    ///
    /// # Errors
    ///
    /// The system refuses something.
    fn serve(&mut self, service: Service) -> Result<(), StartError>;
}

/// Everything that a server elsewhere receives when it is started.
#[derive(Debug)]
pub struct Service {
    /// Where requests arrive and reports are sent.
    pub control: PacketSocket,
    /// Readable as soon as the server is to end.
    pub lifeline: OwnedFd,
    /// Dropped once the server has ended: nothing that it started is left.
    pub alive: OwnedFd,
    /// How many workers the pool may have at once.
    pub slots: usize,
    /// Variables that workers have beside their host's, or instead of them.
    pub variables: Vec<(OsString, OsString)>,
    /// The signal mask that workers run with.
    pub mask: SigSet,
}
