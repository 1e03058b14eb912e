//! A process that somebody started, whoever that was.
//!
//! Owns the difference between a child of this process, which is reaped here, and one of a server's,
//! which the server reaps: how that one ended is known when the server has said so, or is not there
//! to say it any more.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use procpool_os::poller::{wait_readable, wait_readable_for};

use crate::ended::Ended;
use crate::sys::lifeline::Lifeline;
use crate::sys::process::PidFd;

/// A process, by a descriptor that becomes readable when it has ended.
#[derive(Debug)]
pub struct Process {
    descriptor: PidFd,
    /// What ends it where signals cannot.
    lifeline: Lifeline,
    reaper: Reaper,
}

/// Whether a process that was killed is sure to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// The system has taken SIGKILL.
    Surely,
    /// The system refuses signals to it. Its lifeline is cut; it may have closed that.
    Perhaps,
}

/// How long to wait for a process that may be killed or not. It ends within microseconds, if it does.
/// Longer delays the end of a pool that cannot kill; shorter gives up processes on a busy machine.
pub const PERHAPS: Duration = Duration::from_secs(1);

/// Who collects the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaper {
    /// This process.
    Parent,
    /// The server, which has not told it yet.
    Server,
    /// The server, which has told it.
    Told(Ended),
    /// Nobody that this process will ever hear of.
    Nobody,
}

impl Process {
    pub(crate) fn child(descriptor: PidFd, lifeline: Lifeline) -> Self {
        Self { descriptor, lifeline, reaper: Reaper::Parent }
    }

    pub(crate) fn of_server(descriptor: PidFd, lifeline: Lifeline) -> Self {
        Self { descriptor, lifeline, reaper: Reaper::Server }
    }

    /// Sends a signal, if the system lets this process. One that has ended already is no error.
    pub fn signal(&self, signal: Signal) {
        // What is refused here is refused to SIGKILL, which comes later and has another way.
        let _ = self.descriptor.signal(signal);
    }

    /// Kills it.
    pub fn kill(&self) -> Killed {
        match self.descriptor.signal(Signal::SIGKILL) {
            // EBADF: the program has closed the descriptor, and maybe that of the lifeline.
            Ok(()) | Err(Errno::EBADF) => Killed::Surely,
            Err(_) => {
                self.lifeline.cut();
                Killed::Perhaps
            }
        }
    }

    /// Kills it, and waits for its end unless it cannot be killed; then it is left behind.
    pub fn end(&self) {
        match self.kill() {
            Killed::Surely => self.wait(),
            Killed::Perhaps if wait_readable_for(self, PERHAPS) => drop(self.reap()),
            Killed::Perhaps => {}
        }
    }

    /// Sends SIGKILL to the process group that it leads under the number `pid`. That of a server's is
    /// the server's to kill, who reaps the leader.
    pub fn kill_group(&self, pid: u32) {
        if self.reaper == Reaper::Parent {
            self.descriptor.kill_group(pid);
        }
    }

    /// Whether it has ended, reaped or not.
    pub(crate) fn has_ended(&self) -> bool {
        self.descriptor.has_ended()
    }

    /// Says how the process ended; `None` while it runs, or while its server has not told.
    pub fn reap(&self) -> Option<Ended> {
        match self.reaper {
            Reaper::Parent => self.descriptor.reap(),
            Reaper::Server => None,
            Reaper::Told(ended) => Some(ended),
            Reaper::Nobody => self.descriptor.has_ended().then_some(Ended::UNKNOWN),
        }
    }

    /// Notes what the server said about its end.
    pub fn told(&mut self, ended: Ended) {
        self.reaper = Reaper::Told(ended);
    }

    /// Notes that its server has ended, with which it ends too.
    pub fn lost_server(&mut self) {
        if self.reaper == Reaper::Server {
            self.kill();
            self.reaper = Reaper::Told(Ended::WITH_SERVER);
        }
    }

    /// Expects no word of the server's about it any more.
    pub fn expect_no_word(&mut self) {
        if self.reaper == Reaper::Server {
            self.reaper = Reaper::Nobody;
        }
    }

    /// Waits for its end, and reaps it if that is this process's part. Only for one that was killed.
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
