//! How worker processes come to be: `init()` on their side, [`Starter`] on the parent's; and the
//! place that they find themselves in.
//!
//! ```text
//! Starter::start ─┬─ Spawn ──────▶ posix_spawn ──────────────────▶ init() ─▶ worker
//!                 └─ Forkserver ─▶ posix_spawn once ─▶ init() ─▶ server ─fork─▶ worker
//!                    Fork ───────▶ fork once, in build() ──────▶ server ─fork─▶ worker
//! ```
//!
//! Owns the command lines by which a worker and a server are recognised:
//!
//! ```text
//! PROGRAM --procpool-worker LINK:MEMORY:LIFELINE:PARENT:ID
//! PROGRAM --procpool-server SOCKET:LIFELINE:PARENT:MASK[:OFFSET:TAG]
//! ```
//!
//! with the descriptors that they begin with, the process they work for, the worker's number in its
//! pool, the workers' signal mask, and the function `preload`.
//! An argument, not an environment variable: the programs that a task starts would inherit that.
//!
//! Who believes such an argument calls functions by number for the process at the other end of the
//! socket. So it is believed only by a process that has the same privileges as whoever started it, from
//! a parent that made the socket itself, is of the same user and runs this executable.

mod forkserver;
mod init;
mod method;
mod output;
mod place;
mod process;
mod report;
mod server;
mod spawn;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use crate::error::{self, BrokenCause, Error};
use crate::link::{SEGMENT, Segment, WorkerLink};
use crate::sys::image::Image;
use crate::sys::lifeline::Lifeline;
use crate::sys::privileges;
use crate::sys::process::Stream;
use crate::sys::socket;

pub(crate) use forkserver::{Forkserver, News};
pub use init::init;
#[cfg(fuzzing)]
pub(crate) use init::parse_place;
pub(crate) use init::{is_initialized, serve_before_main};
pub(crate) use method::Plan;
pub use method::StartMethod;
pub(crate) use output::OpenOutput;
pub use output::Output;
pub(crate) use place::{Place, PlaceOptions};
pub(crate) use process::{Killed, PERHAPS, Process};

pub(crate) use crate::sys::process::Ended;

/// The argument by which a process knows that it is a worker.
const WORKER_ARGUMENT: &str = "--procpool-worker";

/// The argument by which a process knows that it is a server.
const SERVER_ARGUMENT: &str = "--procpool-server";

/// A worker process that was started and has not said Hello yet.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    pub(crate) process: Process,
    pub(crate) link: WorkerLink,
}

/// Why a worker could not be started. Nothing of it is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StartError {
    pub(crate) what: &'static str,
    pub(crate) errno: Errno,
}

impl From<StartError> for BrokenCause {
    fn from(StartError { what, errno }: StartError) -> Self {
        BrokenCause::StartFailed { what: what.into(), errno: error::Errno::from_raw(errno as i32) }
    }
}

/// Who is to be started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newcomer<'a> {
    /// Its number among all that the pool ever starts.
    pub(crate) serial: u64,
    /// Its number among those that the pool has at a time.
    pub(crate) id: usize,
    pub(crate) place: &'a Place,
    /// Its stderr, if that is not as the place has it.
    pub(crate) stderr: Option<BorrowedFd<'a>>,
}

impl Newcomer<'_> {
    fn stdout(&self) -> Stream<'_> {
        self.place.stdout.stream(self.id)
    }

    fn stderr(&self) -> Stream<'_> {
        self.stderr.map_or_else(|| self.place.stderr.stream(self.id), Stream::Descriptor)
    }
}

/// Starts the workers of one pool.
#[derive(Debug)]
pub(crate) enum Starter {
    Spawn,
    /// Locked for the length of a system call or two; never while the pool's lock is waited for.
    Server(Box<Mutex<Forkserver>>),
}

impl Starter {
    /// Prepares what `plan` needs; for `Fork`, copies this process, for workers in `place`.
    ///
    /// # Errors
    ///
    /// The plan makes no sense, or the process cannot be copied.
    pub(crate) fn new(plan: Plan, place: &Place) -> Result<Self, Error> {
        let preload = plan.locate_preload()?;
        if plan.method != StartMethod::Fork && Image::main().is_run_by_loader() {
            let why = "/proc/self/exe is the dynamic loader; run the program itself, not the \
                       loader with its name";
            return Err(Error::NotRestartable(why.into()));
        }
        let server = match plan.method {
            StartMethod::Spawn => return Ok(Self::Spawn),
            StartMethod::Forkserver => Forkserver::absent(preload),
            StartMethod::Fork => Forkserver::fork(plan, place)?,
        };
        Ok(Self::Server(Box::new(Mutex::new(server))))
    }

    /// Starts a worker. `None`: the server has been started, or asked for the worker, and will tell.
    ///
    /// # Errors
    ///
    /// The system refuses something.
    pub(crate) fn start(&self, newcomer: Newcomer<'_>) -> Result<Option<Started>, StartError> {
        match self.server() {
            None => spawn::spawn(newcomer).map(Some),
            Some(mut server) => server.start(newcomer).map(|()| None),
        }
    }

    /// The server, where workers come from one.
    pub(crate) fn server(&self) -> Option<MutexGuard<'_, Forkserver>> {
        match self {
            Self::Spawn => None,
            // No code of the user runs under it.
            Self::Server(server) => Some(server.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// Checks that what this process starts of itself can believe its command line.
fn check_privileges() -> Result<(), StartError> {
    if !privileges::differ_from_callers() {
        return Ok(());
    }
    let what = "a process by a program whose effective user or group is not its real one";
    Err(StartError { what, errno: Errno::EPERM })
}

/// Decodes what a server and its pool may say to each other, for the fuzzer.
#[cfg(fuzzing)]
pub(crate) fn decode_packet(bytes: &[u8]) {
    drop(report::decode::<report::Report>(bytes));
    let _ = report::decode::<report::Request>(bytes);
}

/// What a worker is to be given: its ends of the link and of the lifeline.
#[derive(Debug)]
struct Ends {
    socket: OwnedFd,
    memory: OwnedFd,
    lifeline: OwnedFd,
}

/// Makes a link and a lifeline, and what its worker is to be given of them.
fn make_link() -> Result<(WorkerLink, Lifeline, Ends), StartError> {
    let failed = |what| move |errno| StartError { what, errno };
    let (ours, socket) = socket::pair().map_err(failed("a socket pair"))?;
    let (segment, memory) = Segment::create(SEGMENT).map_err(failed("shared memory"))?;
    let (cut, lifeline) = make_lifeline()?;
    Ok((WorkerLink::new(ours, segment), cut, Ends { socket, memory, lifeline }))
}

fn make_lifeline() -> Result<(Lifeline, OwnedFd), StartError> {
    Lifeline::new().map_err(|errno| StartError { what: "a pipe", errno })
}
