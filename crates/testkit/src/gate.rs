//! Gates: named pipes that carry permits between a test and its tasks.
//!
//! A test makes a [`Gate`] in a temporary folder and passes its path to tasks. Permits are given with
//! [`Gate::give`] or [`give`], and taken with [`Gate::take`] or [`take`], one byte each, in any process.
//! The test's end stays open for reading and writing, so no open blocks, and permits that are given before
//! they are waited for are kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The test's end of a gate.
#[derive(Debug)]
pub struct Gate {
    path: PathBuf,
    file: File,
}

impl Gate {
    /// Makes a gate named `name` in `folder`.
    ///
    /// # Panics
    ///
    /// When the pipe cannot be made.
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a named pipe can be made");
        let file = OpenOptions::new().read(true).write(true).open(&path).expect("it can be opened");
        Self { path, file }
    }

    /// Returns the path for tasks, as text, because that can be sent.
    pub fn path(&self) -> String {
        self.path.to_str().expect("temporary folders have plain names").to_owned()
    }

    /// Lets `permits` takers pass, now or later. At most 4,096 may be unused at a time.
    ///
    /// # Panics
    ///
    /// When the pipe is broken, which only the deletion of its folder could cause.
    pub fn give(&self, permits: usize) {
        (&self.file).write_all(&vec![1; permits]).expect("a gate takes permits");
    }

    /// Takes `permits`; fails if they do not arrive within `limit`.
    ///
    /// # Errors
    ///
    /// `TimedOut`, with the number that arrived.
    pub fn take(&self, permits: usize, limit: Duration) -> io::Result<()> {
        let deadline = Instant::now() + limit;
        for taken in 0..permits {
            let left = deadline.saturating_duration_since(Instant::now());
            let millis = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            if poll(&mut [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)], millis)? == 0 {
                let text = format!("{taken} of {permits} permits at {}", self.path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            (&self.file).read_exact(&mut [0])?;
        }
        Ok(())
    }
}

/// Waits, in a task, for a permit of the gate at `path`.
///
/// # Panics
///
/// When there is no such gate.
pub fn take(path: &str) {
    // Opened for both, so that it does not reach its end when the test's end closes: the task would then
    // pass without a permit.
    let mut file = OpenOptions::new().read(true).write(true).open(path).expect("the gate exists");
    file.read_exact(&mut [0]).expect("a permit is one byte");
}

/// Gives, in a task, a permit to the gate at `path`.
///
/// # Panics
///
/// When there is no such gate.
pub fn give(path: &str) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).expect("the gate exists");
    file.write_all(&[1]).expect("a gate takes permits");
}
