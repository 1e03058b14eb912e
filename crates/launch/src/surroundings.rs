//! The surroundings of a worker process: variables, streams, process group, signal mask.
//!
//! Owns the open files of the workers' streams. The parent's own surroundings never change: the system
//! receives these with each start.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::SigSet;

use crate::sys::process::Stream;

/// See the module's header.
#[derive(Debug)]
pub struct Surroundings {
    /// Variables that workers have beside the parent's, or instead of them; each name once.
    pub variables: Vec<(OsString, OsString)>,
    /// The stdout of workers.
    pub stdout: OpenOutput,
    /// The stderr of workers.
    pub stderr: OpenOutput,
    /// Whether each worker leads its own process group.
    pub process_groups: bool,
    /// The signal mask that workers run with.
    pub mask: SigSet,
}

/// A stream of the workers, with its files open.
#[derive(Debug, Default)]
pub enum OpenOutput {
    /// The parent's own.
    #[default]
    Inherit,
    /// `/dev/null`.
    Null,
    /// One for each worker, or one for all.
    Files(Vec<OwnedFd>),
}

impl OpenOutput {
    /// Returns the stream of the worker in `slot`.
    pub fn stream(&self, slot: usize) -> Stream<'_> {
        match self {
            OpenOutput::Inherit => Stream::Inherited,
            OpenOutput::Null => Stream::Null,
            OpenOutput::Files(files) => match files.get(slot).or(files.first()) {
                Some(file) => Stream::Descriptor(file.as_fd()),
                None => Stream::Null,
            },
        }
    }
}
