//! What workers find around them when they start: variables, streams, a signal mask.
//!
//! Owns the files that are open for their streams. Nothing of it changes the parent: it is handed to
//! the system with each start.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::SigSet;

use crate::sys::process::Stream;

/// See the module's header.
#[derive(Debug)]
pub struct Place {
    /// Variables that workers have beside the parent's, or with other values; each name once.
    pub variables: Vec<(OsString, OsString)>,
    /// The stdout of workers.
    pub stdout: OpenOutput,
    /// The stderr of workers.
    pub stderr: OpenOutput,
    /// Whether each worker leads a process group of its own.
    pub process_groups: bool,
    /// The signal mask that workers run with.
    pub mask: SigSet,
}

/// A stream of the workers, whose files are open.
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
