//! How a process becomes a worker, and how its parent watches, kills and reaps it.
//!
//! ```text
//! Launcher::start ─┬─ spawn ──────▶ posix_spawn ──────────────────▶ init() ─▶ Roles::worker
//!                  └─ forkserver ─▶ posix_spawn once ─▶ init() ─▶ server ─fork─▶ Roles::worker
//!                     fork ───────▶ fork once ──────────────────▶ server ─fork─▶ Roles::worker
//! ```
//!
//! One crate of procpool's. Its interface follows the pool's needs and is not for anybody else. It knows
//! no task and no pool: a worker is a process that is given a [`Seat`], and what serves it there is the
//! caller's ([`Roles`]). It knows no link either: a worker inherits two descriptors, which the caller's
//! [`Connect`] makes together with the parent's end of whatever they are.
//!
//! This crate owns the command lines by which a worker and a forkserver recognise themselves:
//!
//! ```text
//! PROGRAM --procpool-worker SOCKET:MEMORY:LIFELINE:PARENT:SLOT
//! PROGRAM --procpool-server SOCKET:LIFELINE:PARENT:MASK[:OFFSET:TAG]
//! ```
//!
//! with the descriptors that the process begins with, its parent, the worker's slot in its pool, the
//! workers' signal mask, and the function `preload`. It is an argument, not an environment variable:
//! the programs that a task starts would inherit a variable.
//!
//! # Guarantees
//!
//! - A process that believes such an argument calls functions by number for the process at the other end
//!   of the socket. So it believes it only if it has the same privileges as its caller, and only from a
//!   parent that made the socket itself, belongs to the same user and runs this executable.
//! - A process is named by its process descriptor alone, so no signal ever reaches a reused pid.
//! - A worker ends with its parent: by PR_SET_PDEATHSIG, and by a lifeline that also ends a worker that
//!   the parent may not signal.
//! - Each process is reaped once, by its parent: the program, or the forkserver, which reports the exit.

#![deny(unsafe_code)]

mod ended;
mod forkserver;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod init;
mod place;
mod process;
mod report;
mod server;
mod spawn;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::unistd::Pid;
use procpool_os::code::FunctionRef;
use procpool_os::refused::Refused;

use crate::sys::lifeline::Lifeline;

pub use crate::ended::{Ended, ResourceUsage, WorkerExit};
pub use crate::forkserver::{Forkserver, News, NotForkable, Phase};
pub use crate::init::{init, init_before_main, is_initialized};
pub use crate::place::{OpenOutput, Place};
pub use crate::process::{Killed, PERHAPS, Process};
pub use crate::sys::privileges::differ_from_callers;
pub use crate::sys::process::Stream;

/// The argument by which a process knows that it is a worker.
const WORKER_ARGUMENT: &str = "--procpool-worker";

/// The argument by which a process knows that it is a forkserver.
const SERVER_ARGUMENT: &str = "--procpool-server";

/// What the processes that are started do, which is the caller's to say.
#[derive(Debug, Clone, Copy)]
pub struct Roles {
    /// Serves as a worker until the process ends.
    pub worker: fn(Seat) -> !,
    /// Runs `preload` in a forkserver. The error is a report of its panic, of at most
    /// [`LONGEST_REPORT`] bytes, which [`NotForkable::Panicked`] hands on.
    pub preload: Preload,
}

/// Runs a function; its panic becomes a report.
pub type Preload = fn(fn()) -> Result<(), Vec<u8>>;

/// The longest report of a panic, in bytes: what fits into a packet beside the rest.
pub const LONGEST_REPORT: usize = sys::packet::LONGEST - 1024;

/// What a worker begins with.
#[derive(Debug)]
pub struct Seat {
    /// The process that started it.
    pub parent: Pid,
    /// Its number among the workers that its pool has at a time.
    pub slot: usize,
    /// The socket that [`Connect`] made for it.
    pub socket: OwnedFd,
    /// The memory that [`Connect`] made for it; `None` when the system refuses to hand it over.
    pub memory: Option<OwnedFd>,
    /// Ends this process in an orderly way.
    pub exit: fn(i32) -> !,
    /// Whether its process group and its streams are as its pool asked.
    pub prepared: Result<(), Refused>,
}

/// Makes what a worker inherits, and the parent's end of it.
pub type Connect<L> = fn() -> Result<(L, Ends), StartError>;

/// The descriptors that a worker inherits.
#[derive(Debug)]
pub struct Ends {
    /// Becomes [`Seat::socket`].
    pub socket: OwnedFd,
    /// Becomes [`Seat::memory`].
    pub memory: OwnedFd,
}

/// A worker process that was started.
#[derive(Debug)]
pub struct Started<L> {
    /// Its number for the system.
    pub pid: u32,
    /// The process.
    pub process: Process,
    /// The parent's end of what it inherited.
    pub link: L,
}

/// The reason why a worker could not be started. Nothing of it is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartError {
    /// What could not be made.
    pub what: &'static str,
    /// The system's answer.
    pub errno: Errno,
}

/// The reason why this process could not be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkError {
    /// It has so many threads, and a copy would have one of them.
    HasThreads(usize),
    /// The system refuses something.
    Refused(StartError),
}

/// The worker that is to be started.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// Its number among all that the pool ever starts.
    pub serial: u64,
    /// Its number among those that the pool has at a time.
    pub slot: usize,
    /// What it finds around it.
    pub place: &'a Place,
    /// Its stderr, if that is not as the place has it.
    pub stderr: Option<BorrowedFd<'a>>,
}

impl Newcomer<'_> {
    fn stdout(&self) -> Stream<'_> {
        self.place.stdout.stream(self.slot)
    }

    fn stderr(&self) -> Stream<'_> {
        self.stderr.map_or_else(|| self.place.stderr.stream(self.slot), Stream::Descriptor)
    }
}

/// Starts the workers of one pool.
#[derive(Debug)]
pub struct Launcher<L> {
    connect: Connect<L>,
    /// Locked for the length of a system call or two. `None`: every worker is spawned.
    server: Option<Box<Mutex<Forkserver<L>>>>,
}

impl<L> Launcher<L> {
    /// Starts this program again for every worker.
    pub fn spawn(connect: Connect<L>) -> Self {
        Self { connect, server: None }
    }

    /// Starts this program again once, with the first worker, and forks workers from that.
    pub fn forkserver(connect: Connect<L>, preload: Option<FunctionRef>) -> Self {
        Self { connect, server: Some(Box::new(Mutex::new(Forkserver::absent(preload)))) }
    }

    /// Forks a server from this process now, and workers from that.
    ///
    /// # Errors
    ///
    /// The process has a second thread, or the system refuses something.
    pub fn fork(
        connect: Connect<L>,
        roles: Roles,
        preload: Option<fn()>,
        place: &Place,
    ) -> Result<Self, ForkError> {
        let server = Forkserver::fork(roles, preload, place)?;
        Ok(Self { connect, server: Some(Box::new(Mutex::new(server))) })
    }

    /// Starts a worker. `None`: the server was started, or was asked for the worker; its
    /// [`news`](Forkserver::news) will tell.
    ///
    /// # Errors
    ///
    /// The system refuses something.
    pub fn start(&self, newcomer: Newcomer<'_>) -> Result<Option<Started<L>>, StartError> {
        match self.server() {
            None => spawn::spawn(newcomer, self.connect).map(Some),
            Some(mut server) => server.start(newcomer, self.connect).map(|()| None),
        }
    }

    /// Returns the server, where workers are forked.
    pub fn server(&self) -> Option<MutexGuard<'_, Forkserver<L>>> {
        let server = self.server.as_ref()?;
        // No code of the user runs under it.
        Some(server.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Checks that what this process starts of itself can believe its command line.
fn check_privileges() -> Result<(), StartError> {
    if !differ_from_callers() {
        return Ok(());
    }
    let what = "a process by a program whose effective user or group is not its real one";
    Err(StartError { what, errno: Errno::EPERM })
}

fn make_lifeline() -> Result<(Lifeline, OwnedFd), StartError> {
    Lifeline::new().map_err(|errno| StartError { what: "a pipe", errno })
}
