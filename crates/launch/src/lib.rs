//! Starts worker processes; watches, kills and reaps them.
//!
//! ```text
//! Launcher::start ─┬─ spawn ──────▶ posix_spawn ──────────────────────▶ init() ─▶ Roles::worker
//!                  ├─ forkserver ─▶ posix_spawn once ─▶ init() ─▶ forkserver ─fork─▶ Roles::worker
//!                  └─ fork ───────▶ fork once ──────────────────▶ forkserver ─fork─▶ Roles::worker
//! ```
//!
//! An internal crate of procpool: its interface follows the pool's needs. It knows no task, no pool and no
//! link. A worker is a process that receives a [`Handover`] and passes it to the caller's
//! [`Roles::worker`]. It inherits two descriptors; the caller's [`Connect`] makes them together with the
//! parent's end of the link.
//!
//! This crate owns the command lines by which a process learns that it is a worker or a forkserver:
//!
//! ```text
//! PROGRAM --procpool-worker SOCKET:MEMORY:LIFELINE:PARENT:SLOT
//! PROGRAM --procpool-server SOCKET:LIFELINE:PARENT:MASK[:OFFSET:TAG]
//! ```
//!
//! with the descriptors that the process inherits, its parent, the worker's slot in its pool, the
//! workers' signal mask, and the function `preload`. An environment variable would not do: programs that a
//! task starts would inherit it.
//!
//! # Guarantees
//!
//! - A process that accepts such an argument calls functions by number for the process at the other end
//!   of the socket. So it accepts it only if it has the same privileges as its caller, and only from a
//!   parent that made the socket itself, belongs to the same user (or root) and runs this executable.
//! - Processes are signalled by process descriptor, so no signal ever reaches a reused pid. A process group
//!   is signalled by number, only while its leader is not reaped.
//! - A worker exits with its parent: by PR_SET_PDEATHSIG, and by a lifeline that also kills a worker that
//!   the parent may not signal.
//! - Each process is reaped once, by its parent: the program, or the forkserver, which reports the exit.

#![deny(unsafe_code)]

mod elsewhere;
mod forkserver;
mod forkserver_main;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod init;
mod oom;
mod process;
mod refusal;
mod spawn;
mod surroundings;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::unistd::Pid;
use procpool_os::code::FunctionRef;
use procpool_os::refused::Refused;

use procpool_control::Lifeline;

pub use crate::elsewhere::{Elsewhere, Service};
pub use crate::forkserver::{Forkserver, NotForkable, Notice, Phase};
pub use crate::init::{init, init_before_main, is_initialized};
pub use crate::oom::{OomKills, resident, set_oom_score};
pub use crate::process::{Killed, PERHAPS, Process};
pub use crate::refusal::Refusal;
pub use crate::surroundings::{OpenOutput, Surroundings};
pub use crate::sys::privileges::differ_from_callers;
pub use crate::sys::process::Stream;
pub use procpool_control::{Ended, HostName, ResourceUsage, WorkerExit};

/// The argument by which a process knows that it is a worker.
const WORKER_ARGUMENT: &str = "--procpool-worker";

/// The argument by which a process knows that it is a forkserver.
const FORKSERVER_ARGUMENT: &str = "--procpool-server";

/// The functions that started processes run.
#[derive(Debug, Clone, Copy)]
pub struct Roles {
    /// Serves as a worker until the process ends.
    pub worker: fn(Handover) -> !,
    /// Runs `preload` in a forkserver. The error is a report of its panic, of at most
    /// [`LONGEST_REPORT`] bytes, which [`NotForkable::Panicked`] carries.
    pub preload: Preload,
}

/// Runs a function and turns its panic into a report.
pub type Preload = fn(fn()) -> Result<(), Vec<u8>>;

/// The longest report of a panic, in bytes: it fits into a packet with the packet's other fields.
pub const LONGEST_REPORT: usize = procpool_control::LONGEST - 1024;

/// The values that a worker process receives at its start.
#[derive(Debug)]
pub struct Handover {
    /// The process that started it.
    pub parent: Pid,
    /// The worker's slot in its pool.
    pub slot: usize,
    /// The socket that [`Connect`] made for it.
    pub socket: OwnedFd,
    /// The memory that [`Connect`] made for it; `None` if the system refuses the takeover.
    pub memory: Option<OwnedFd>,
    /// Exits this process in an orderly way.
    pub exit: fn(i32) -> !,
    /// Whether its process group and its streams are set up as its pool asked.
    pub prepared: Result<(), Refused>,
}

/// Makes the descriptors that a worker inherits, and the parent's end of its link.
pub type Connect<L> = fn() -> Result<(L, Ends), StartError>;

/// The descriptors that a worker inherits.
#[derive(Debug)]
pub struct Ends {
    /// Becomes [`Handover::socket`].
    pub socket: OwnedFd,
    /// Becomes [`Handover::memory`].
    pub memory: OwnedFd,
}

/// A worker process that was started.
#[derive(Debug)]
pub struct Started<L> {
    /// Its process id.
    pub pid: u32,
    /// The process.
    pub process: Process,
    /// The parent's end of its link.
    pub link: L,
    /// The host that it runs on, if that is not this one.
    pub host: Option<HostName>,
}

/// The reason why a worker could not be started. No part of it remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartError {
    /// The resource that could not be made.
    pub what: &'static str,
    /// The system's answer.
    pub errno: Errno,
}

/// The reason why this process could not be forked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkError {
    /// It has this many threads, and a copy would have one of them.
    HasThreads(usize),
    /// The system refuses something.
    Refused(StartError),
}

/// A worker to start.
#[derive(Debug, Clone, Copy)]
pub struct NewWorker<'a> {
    /// Counts all workers that the pool ever starts.
    pub serial: u64,
    /// Its slot in the pool.
    pub slot: usize,
    /// Its variables, streams, process group and signal mask.
    pub surroundings: &'a Surroundings,
    /// Its stderr, if not the one of `surroundings`.
    pub stderr: Option<BorrowedFd<'a>>,
}

impl NewWorker<'_> {
    fn stdout(&self) -> Stream<'_> {
        self.surroundings.stdout.stream(self.slot)
    }

    fn stderr(&self) -> Stream<'_> {
        self.stderr.map_or_else(|| self.surroundings.stderr.stream(self.slot), Stream::Descriptor)
    }
}

/// Starts the workers of one pool.
#[derive(Debug)]
pub struct Launcher<L> {
    connect: Connect<L>,
    /// Locked for the length of a system call or two. `None` if every worker is spawned.
    forkserver: Option<Box<Mutex<Forkserver<L>>>>,
}

impl<L> Launcher<L> {
    /// Makes a launcher that starts this program again for every worker.
    pub fn spawn(connect: Connect<L>) -> Self {
        Self { connect, forkserver: None }
    }

    /// Makes a launcher that starts this program again once, with the first worker, and forks workers from
    /// that process.
    pub fn forkserver(connect: Connect<L>, preload: Option<FunctionRef>) -> Self {
        Self { connect, forkserver: Some(Box::new(Mutex::new(Forkserver::absent(preload)))) }
    }

    /// Makes a launcher that has `server` start at most `slots` workers at once.
    pub fn elsewhere(connect: Connect<L>, server: Box<dyn Elsewhere>, slots: usize) -> Self {
        let server = Forkserver::elsewhere(server, slots);
        Self { connect, forkserver: Some(Box::new(Mutex::new(server))) }
    }

    /// Forks a forkserver from this process now, and workers from that.
    ///
    /// # Errors
    ///
    /// The process has a second thread, or the system refuses something.
    pub fn fork(
        connect: Connect<L>,
        roles: Roles,
        preload: Option<fn()>,
        surroundings: &Surroundings,
    ) -> Result<Self, ForkError> {
        let forkserver = Forkserver::fork(roles, preload, surroundings)?;
        Ok(Self { connect, forkserver: Some(Box::new(Mutex::new(forkserver))) })
    }

    /// Starts a worker. Returns `None` if instead the forkserver was started or asked for the worker: its
    /// answer is a [`Notice`].
    ///
    /// # Errors
    ///
    /// The system refuses something.
    pub fn start(&self, new_worker: NewWorker<'_>) -> Result<Option<Started<L>>, StartError> {
        match self.lock() {
            None => spawn::spawn(new_worker, self.connect).map(Some),
            Some(mut forkserver) => forkserver.start(new_worker, self.connect).map(|()| None),
        }
    }

    /// Locks the forkserver. Returns `None` if every worker is spawned.
    pub fn lock(&self) -> Option<MutexGuard<'_, Forkserver<L>>> {
        let forkserver = self.forkserver.as_ref()?;
        // No user code runs under this lock, so its state is whole even after a panic.
        Some(forkserver.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Checks that processes which this one starts from its own executable may accept their command line.
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
