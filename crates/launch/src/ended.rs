//! How a process ended, and what it had used.

use std::fmt;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

/// The exit status and the resource usage of a reaped process. Reaping yields them once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub exit: WorkerExit,
    /// What it had used; `None` when nobody knows.
    pub usage: Option<ResourceUsage>,
}

impl Ended {
    /// The process is gone, and its status with it.
    pub const UNKNOWN: Self = Self { exit: WorkerExit::Unknown, usage: None };

    /// The process is gone with the server that would have reported its status.
    pub const WITH_SERVER: Self = Self { exit: WorkerExit::WithServer, usage: None };
}

/// What a process had used when it ended, together with the children that it had waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceUsage {
    /// The processor time that it spent in code of its own.
    pub user_time: Duration,
    /// The processor time that the kernel spent for it.
    pub system_time: Duration,
    /// The most memory that it had resident at any time, in bytes.
    ///
    /// The kernel counts from before the process became the program that it is: a worker's number
    /// is never below what its parent had at most when it started the worker.
    pub max_rss: u64,
}

/// How a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WorkerExit {
    /// It called `exit`, or returned from `main`.
    Code(i32),
    /// A signal ended it. The number is the platform's.
    Signal(i32),
    /// It ended with the server that it was forked from, which has died.
    WithServer,
    /// It is gone, but its status went to another `wait` of the program, or SIGCHLD is ignored.
    Unknown,
}

impl fmt::Display for WorkerExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerExit::Code(code) => write!(f, "exited with code {code}"),
            WorkerExit::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "was killed by {}", signal.as_str()),
                Err(_) => write!(f, "was killed by signal {number}"),
            },
            WorkerExit::WithServer => f.write_str("ended with the server that it was forked from"),
            WorkerExit::Unknown => f.write_str("ended (its exit status was collected elsewhere)"),
        }
    }
}
