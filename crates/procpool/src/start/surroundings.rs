//! The surroundings of workers when they start: environment, streams and process group.
//!
//! Owns the checks of the builder's settings for them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::sys::signal::Signal;
use procpool_launch::Surroundings;
use procpool_os::signal::current_mask;

use super::output::Output;
use crate::error::Error;

/// The builder's settings for the surroundings.
#[derive(Debug, Default)]
pub(crate) struct SurroundingsOptions {
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) process_groups: bool,
    /// Whether workers ignore the signals by which a group of processes is asked to end.
    pub(crate) ignores_group_signals: bool,
    /// How many lines of each worker's stderr are kept, if it is captured.
    pub(crate) captured_lines: Option<usize>,
}

impl SurroundingsOptions {
    /// Checks the settings and opens the output for `workers` workers, which run with the signal
    /// mask of the calling thread.
    pub(crate) fn open(self, workers: usize) -> Result<Surroundings, Error> {
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
        let mut mask = current_mask();
        if self.ignores_group_signals {
            // Blocked: an ignored signal would be ignored in the programs that tasks start, too. A
            // worker handles SIGINT in any case.
            mask.extend([Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTERM]);
        }
        Ok(Surroundings {
            variables,
            stdout: self.stdout.open(workers)?,
            stderr: self.stderr.open(workers)?,
            process_groups: self.process_groups,
            mask,
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
