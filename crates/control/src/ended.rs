//! The exit status and the resource usage of a process.

use std::fmt;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

/// The exit status and the resource usage of a reaped process. Reaping yields them once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub exit: WorkerExit,
    /// Its resource usage; `None` if unknown.
    pub usage: Option<ResourceUsage>,
}

impl Ended {
    /// The process has exited, and its status is lost.
    pub const UNKNOWN: Self = Self { exit: WorkerExit::Unknown, usage: None };

    /// The process has exited with the forkserver that would have reported its status.
    pub const WITH_FORKSERVER: Self = Self { exit: WorkerExit::WithForkserver, usage: None };

    /// Nothing is heard of the process's host any more.
    pub const WITH_HOST: Self = Self { exit: WorkerExit::WithHost, usage: None };
}

/// The resources that a process used, together with the children that it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceUsage {
    /// The processor time spent in its own code.
    pub user_time: Duration,
    /// The processor time spent in the kernel on its behalf.
    pub system_time: Duration,
    /// The largest resident memory that it had at any time, in bytes.
    ///
    /// The kernel starts counting before exec: a worker's number is never below its parent's maximum at the
    /// time when the parent started the worker.
    pub max_rss: u64,
}

impl ResourceUsage {
    /// Converts what the kernel reports.
    #[doc(hidden)]
    pub fn of(usage: &libc::rusage) -> Self {
        let time = |time: libc::timeval| {
            let (seconds, micros) = (time.tv_sec.unsigned_abs(), time.tv_usec.unsigned_abs());
            Duration::from_secs(seconds) + Duration::from_micros(micros)
        };
        Self {
            user_time: time(usage.ru_utime),
            system_time: time(usage.ru_stime),
            // The kernel counts in KiB.
            max_rss: usage.ru_maxrss.unsigned_abs() * 1024,
        }
    }
}

/// How a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WorkerExit {
    /// It called `exit`, or returned from `main`.
    Code(i32),
    /// A signal killed it. The number is the platform's.
    Signal(i32),
    /// It exited with the forkserver that it was forked from, which has died.
    WithForkserver,
    /// The connection to its host was closed, or nothing was heard of the host for too long. Cut off, it
    /// exits by itself.
    WithHost,
    /// It has exited, but another `wait` of the program collected its status, or SIGCHLD is ignored.
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
            WorkerExit::WithForkserver => f.write_str("ended with the forkserver that forked it"),
            WorkerExit::WithHost => f.write_str("was lost with its host"),
            WorkerExit::Unknown => f.write_str("ended (its exit status was collected elsewhere)"),
        }
    }
}
