//! A started process: a child of this one, or of a forkserver.
//!
//! Owns the difference between the two. A child of this process is reaped here. The forkserver reaps its own
//! children, so their exit status is known when the forkserver has reported it or has itself exited.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use procpool_control::{Ended, Lifeline};
use procpool_os::poller::{wait_readable, wait_readable_for};

use crate::sys::process::PidFd;

/// A process, by a descriptor that becomes readable when it has exited.
#[derive(Debug)]
pub struct Process {
    descriptor: PidFd,
    /// Kills it where signals cannot.
    lifeline: Lifeline,
    reaper: Reaper,
    /// Whether the descriptor is no process descriptor, and signals go through the lifeline.
    is_elsewhere: bool,
}

/// Whether a killed process is certain to exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// The system accepted SIGKILL.
    Surely,
    /// The system refuses to signal it. Its lifeline is cut, but the process may have closed that.
    Perhaps,
}

/// How long to wait for the exit of a process that is [`Killed::Perhaps`]. If it exits, it does so within
/// microseconds. Longer delays the shutdown of a pool that cannot kill; shorter gives up processes on a busy
/// machine.
pub const PERHAPS: Duration = Duration::from_secs(1);

/// The process that collects the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaper {
    /// This process.
    Parent,
    /// The forkserver, which has not reported it yet.
    Forkserver,
    /// The forkserver, which has reported it.
    Reported(Ended),
    /// Unknown: no report will arrive.
    Nobody,
}

impl Process {
    pub(crate) fn child(descriptor: PidFd, lifeline: Lifeline) -> Self {
        Self { descriptor, lifeline, reaper: Reaper::Parent, is_elsewhere: false }
    }

    pub(crate) fn of_forkserver(descriptor: PidFd, lifeline: Lifeline, is_elsewhere: bool) -> Self {
        Self { descriptor, lifeline, reaper: Reaper::Forkserver, is_elsewhere }
    }

    /// A server elsewhere. Nobody reports its exit.
    pub(crate) fn elsewhere(descriptor: OwnedFd, lifeline: Lifeline) -> Self {
        let descriptor = PidFd::from(descriptor);
        Self { descriptor, lifeline, reaper: Reaper::Nobody, is_elsewhere: true }
    }

    fn send(&self, signal: Signal) -> nix::Result<()> {
        if self.is_elsewhere {
            self.lifeline.send(signal);
            return Ok(());
        }
        self.descriptor.signal(signal)
    }

    /// Sends a signal, if the system permits it. A process that has already exited is no error.
    pub fn signal(&self, signal: Signal) {
        // If the system refuses this, it also refuses the later SIGKILL, which falls back to the lifeline.
        let _ = self.send(signal);
    }

    /// Sends SIGKILL, or cuts its lifeline if the system refuses that.
    pub fn kill(&self) -> Killed {
        match self.send(Signal::SIGKILL) {
            // EBADF: the program has closed the descriptor, and perhaps the lifeline's too.
            Ok(()) | Err(Errno::EBADF) => Killed::Surely,
            Err(_) => {
                self.lifeline.send(Signal::SIGKILL);
                Killed::Perhaps
            }
        }
    }

    /// Kills it and waits for its exit. If the kill may have failed, gives it up after [`PERHAPS`].
    pub fn end(&self) {
        match self.kill() {
            Killed::Surely => self.wait(),
            Killed::Perhaps if wait_readable_for(self, PERHAPS) => drop(self.reap()),
            Killed::Perhaps => {}
        }
    }

    /// Sends SIGKILL to the process group that it leads, which has the number `pid`. Does nothing for a
    /// forkserver's child: the forkserver reaps the leader, so it kills the group.
    pub fn kill_group(&self, pid: u32) {
        if self.reaper == Reaper::Parent {
            self.descriptor.kill_group(pid);
        }
    }

    /// Returns whether it has exited, reaped or not.
    pub fn has_ended(&self) -> bool {
        self.descriptor.has_ended()
    }

    /// Returns how the process ended; `None` while it runs, or while its forkserver has not reported it.
    pub fn reap(&self) -> Option<Ended> {
        match self.reaper {
            Reaper::Parent => self.descriptor.reap(),
            Reaper::Forkserver => None,
            Reaper::Reported(ended) => Some(ended),
            Reaper::Nobody => self.descriptor.has_ended().then_some(Ended::UNKNOWN),
        }
    }

    /// Records the forkserver's report of its exit.
    pub fn exit_reported(&mut self, ended: Ended) {
        self.reaper = Reaper::Reported(ended);
    }

    /// Records that its forkserver has exited, and kills it: a worker exits with its forkserver.
    pub fn lost_forkserver(&mut self) {
        if self.reaper == Reaper::Forkserver {
            self.kill();
            let lost = if self.is_elsewhere { Ended::WITH_HOST } else { Ended::WITH_FORKSERVER };
            self.reaper = Reaper::Reported(lost);
        }
    }

    /// Records that the forkserver will not report its exit.
    pub fn expect_no_exit_report(&mut self) {
        if self.reaper == Reaper::Forkserver {
            self.reaper = Reaper::Nobody;
        }
    }

    /// Waits for its exit, and reaps it if it is a child of this process. Only for a process that was killed.
    fn wait(&self) {
        match self.reaper {
            Reaper::Parent => {
                while self.reap().is_none() {
                    wait_readable(self);
                }
            }
            _ => {
                while !self.descriptor.has_ended() {
                    wait_readable(self);
                }
            }
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
