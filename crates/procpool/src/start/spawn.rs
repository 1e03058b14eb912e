//! `StartMethod::Spawn`: the program runs itself again.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::getpid;

use super::{Place, WORKER_ARGUMENT};
use crate::link::{SEGMENT, Segment, WorkerLink};
use crate::sys::process::{PidFd, Stream, Surroundings, discard, spawn_self};
use crate::sys::signal::with_sigint;
use crate::sys::socket;

/// A worker process that was started and has not said Hello yet.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    pub(crate) process: PidFd,
    pub(crate) link: WorkerLink,
}

/// Why a worker could not be started. Nothing of it is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StartError {
    pub(crate) what: &'static str,
    pub(crate) errno: Errno,
}

/// Starts worker `id` of its pool. Its stderr is `stderr` if given, or else as
/// `place` has it.
pub(crate) fn spawn(
    place: &Place,
    id: usize,
    stderr: Option<BorrowedFd<'_>>,
) -> Result<Started, StartError> {
    let failed = |what| move |errno| StartError { what, errno };
    let (ours, theirs) = socket::pair().map_err(failed("a socket pair"))?;
    let (segment, memory) = Segment::create(SEGMENT).map_err(failed("shared memory"))?;
    let link = format!("{}:{}:{}:{id}", theirs.as_raw_fd(), memory.as_raw_fd(), getpid());
    let surroundings = Surroundings {
        stdout: place.stdout.stream(id),
        stderr: stderr.map_or_else(|| place.stderr.stream(id), Stream::Descriptor),
        inherited: &[theirs.as_fd(), memory.as_fd()],
        variables: &place.variables,
        mask: with_sigint(place.mask),
        leads_group: place.process_groups,
    };
    let arguments = [WORKER_ARGUMENT.to_owned(), link];
    let pid = spawn_self(&arguments, &surroundings).map_err(failed("a process"))?;
    let process = PidFd::open(pid).map_err(|errno| {
        // ESRCH: another wait of the program has reaped it, and its number may be anybody's.
        if errno != Errno::ESRCH {
            discard(pid);
        }
        StartError { what: "a process descriptor", errno }
    })?;
    Ok(Started { pid: pid.as_raw() as u32, process, link: WorkerLink::new(ours, segment) })
}
