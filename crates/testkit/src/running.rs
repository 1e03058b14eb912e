//! A program that runs while a test looks at it and talks to it.
//!
//! The program prints lines of JSON; the test reads them one by one, waiting for each.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;

use crate::{os, start};

/// A running program. Dropping it kills it, and reaps it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
}

impl Running {
    /// Starts `command` with its output in pipes. If it makes pools, they use `start_method`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command, start_method: &str) -> Self {
        let command = command.env(start::VARIABLE, start_method);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let stderr = child.stderr.take().expect("it is a pipe");
        Self { child, stdout, stderr }
    }

    /// Returns its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line and decodes it; panics with the program's stderr if there is none.
    ///
    /// # Panics
    ///
    /// When there is no line, or it is not the expected value.
    pub fn line<T: DeserializeOwned>(&mut self) -> T {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("stdout is readable");
        if line.is_empty() {
            let mut complaint = String::new();
            // Best effort: a panic follows.
            let _ = self.stderr.read_to_string(&mut complaint);
            panic!("the program printed no more lines; on stderr: {complaint}");
        }
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) {
        os::signal(self.pid(), signal);
    }

    /// Waits for its exit and for that of every process with its stderr; returns the text written to that.
    ///
    /// # Panics
    ///
    /// When the text is not UTF-8.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it is our child");
        let mut complaint = String::new();
        self.stderr.read_to_string(&mut complaint).expect("stderr is text");
        (status, complaint)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both only fail if it has exited and was reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
