//! The place that workers run in: what they find around them when they start.
//!
//! Owns the checks of what the builder was told. Nothing of it changes the parent: it is handed to
//! the system with each start.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::sys::signal::SigSet;

use super::output::{OpenOutput, Output};
use crate::error::Error;
use crate::sys::signal::current_mask;

/// What the builder was told about the place.
#[derive(Debug, Default)]
pub(crate) struct PlaceOptions {
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) process_groups: bool,
    pub(crate) captured_lines: Option<usize>,
}

/// The same, checked, with everything open that can be opened in advance.
#[derive(Debug)]
pub(crate) struct Place {
    /// Variables that workers have beside the parent's, or with other values; each name once.
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) stdout: OpenOutput,
    pub(crate) stderr: OpenOutput,
    /// Whether each worker leads a process group of its own.
    pub(crate) process_groups: bool,
    /// How many lines of each worker's stderr are kept, if that goes through the pool.
    pub(crate) captured_lines: Option<usize>,
    /// The signal mask that workers run with: that of the thread that built the pool.
    pub(crate) mask: SigSet,
}

impl PlaceOptions {
    /// Checks and opens what it takes for `workers` workers.
    pub(crate) fn open(self, workers: usize) -> Result<Place, Error> {
        let mut variables: Vec<(OsString, OsString)> = Vec::new();
        for (name, value) in self.variables {
            check_variable(&name, &value)?;
            variables.retain(|(earlier, _)| *earlier != name);
            variables.push((name, value));
        }
        if self.captured_lines == Some(0) {
            return Err(Error::InvalidArgument(
                "capture_stderr must keep at least one line".into(),
            ));
        }
        Ok(Place {
            variables,
            stdout: self.stdout.open(workers)?,
            stderr: self.stderr.open(workers)?,
            process_groups: self.process_groups,
            captured_lines: self.captured_lines,
            mask: current_mask(),
        })
    }
}

fn check_variable(name: &OsStr, value: &OsStr) -> Result<(), Error> {
    let bad = |text: &'static str| Err(Error::InvalidArgument(text.into()));
    let (name, value) = (name.as_bytes(), value.as_bytes());
    if name.is_empty() || name.iter().any(|byte| matches!(byte, b'=' | 0)) {
        return bad(
            "the name of an environment variable must not be empty, nor contain `=` or NUL",
        );
    }
    if value.contains(&0) {
        return bad("the value of an environment variable must not contain NUL");
    }
    Ok(())
}
