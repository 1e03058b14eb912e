//! A running peer: a process of its own that answers requests.
//!
//! Owns the process and all its children: it leads a process group, which is killed with it. Must not know
//! the meaning of requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::protocol::{Identity, PeerError, Request, answer};
use super::roster::Entry;

/// The time limit of a request. A shorter one gives up on slow pools, whose blocks are as long as the
/// others' but whose closing is not; a longer one lets a hanging peer hold up the run.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a peer may take to exit after its last request before its group is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running peer. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) identity: Identity,
    child: Child,
    stdin: Option<ChildStdin>,
    /// Closed when its stdout is.
    lines: Receiver<String>,
    /// Receives the last line of its stderr, once that is closed.
    stderr: Option<JoinHandle<String>>,
    timeout: Duration,
}

/// An answer that only confirms.
#[derive(Debug, Deserialize)]
struct Done {
    #[expect(dead_code, reason = "that the field is there is all it says")]
    ok: bool,
}

impl Peer {
    /// Starts the peer and asks for its identity.
    pub(crate) fn start(entry: &Entry, timeout: Duration) -> Result<Self, PeerError> {
        let mut child = entry
            .command()
            .ok_or_else(|| PeerError::NotStarted("its command is empty".to_owned()))?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Other pools may leave processes behind when they are killed.
            .process_group(0)
            .spawn()
            .map_err(|error| PeerError::NotStarted(format!("{error}{}", entry.advice())))?;
        let (sender, lines) = channel();
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        thread::spawn(move || {
            let lines = stdout.map(|stdout| BufReader::new(stdout).lines());
            for line in lines.into_iter().flatten().map_while(Result::ok) {
                // If the receiver is gone, the peer was given up.
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = thread::spawn(move || stderr.map(last_line).unwrap_or_default());
        let stderr = Some(stderr);
        let identity = Identity::default();
        let mut peer = Self { identity, child, stdin, lines, stderr, timeout };
        peer.identity = peer.ask(Request::Hello)?;
        Ok(peer)
    }

    /// Sends a request, and waits for the answer. A peer that does not answer is killed.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, request: Request) -> Result<T, PeerError> {
        let mut line = serde_json::to_string(&request)
            .map_err(|error| PeerError::Failed(error.to_string()))?;
        line.push('\n');
        let written = self.stdin.as_mut().map(|stdin| stdin.write_all(line.as_bytes()));
        if !matches!(written, Some(Ok(()))) {
            return Err(self.gone());
        }
        match self.lines.recv_timeout(self.timeout) {
            Ok(line) => answer(&line),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                Err(PeerError::NoAnswer(self.timeout))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.gone()),
        }
    }

    /// Sends a request whose answer is only a confirmation.
    pub(crate) fn tell(&mut self, request: Request) -> Result<(), PeerError> {
        self.ask::<Done>(request).map(|_| ())
    }

    fn gone(&mut self) -> PeerError {
        // Its workers may hold its stderr open.
        self.kill();
        let last = self.stderr.take().and_then(|thread| thread.join().ok());
        PeerError::Gone(last.unwrap_or_default())
    }

    fn kill(&mut self) {
        self.stdin = None;
        if let Ok(group) = i32::try_from(self.child.id()) {
            // The group may be gone already.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        // It is dead or dying, so this waits for the kernel only.
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    /// Closes its stdin, which asks it to exit, and kills it and its group after a while.
    fn drop(&mut self) {
        self.stdin = None;
        // It sends nothing more: the channel is closed when it exits.
        while self.lines.recv_timeout(EXIT_TIMEOUT).is_ok() {}
        self.kill();
    }
}

/// Reads to the end and returns the last line that is not empty.
fn last_line(output: impl Read) -> String {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.filter(|line| !line.trim().is_empty()).last().unwrap_or_default()
}
