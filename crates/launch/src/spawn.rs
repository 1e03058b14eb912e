//! Spawn: the program starts itself again for every worker.

use std::os::fd::{AsFd, AsRawFd};

use nix::unistd::getpid;
use procpool_os::signal::with_sigint;

use crate::sys::process::{PidFd, Surroundings, name_refused, spawn_self};
use crate::{
    Connect, Newcomer, Process, StartError, Started, WORKER_ARGUMENT, check_privileges,
    make_lifeline,
};

/// Starts a worker.
pub(crate) fn spawn<L>(
    newcomer: Newcomer<'_>,
    connect: Connect<L>,
) -> Result<Started<L>, StartError> {
    check_privileges()?;
    let (link, ends) = connect()?;
    let (lifeline, held) = make_lifeline()?;
    let Newcomer { slot, place, .. } = newcomer;
    let inherited = [ends.socket.as_fd(), ends.memory.as_fd(), held.as_fd()];
    let [socket, memory, held] = inherited.map(|end| end.as_raw_fd());
    let argument = format!("{socket}:{memory}:{held}:{}:{slot}", getpid());
    let surroundings = Surroundings {
        stdout: newcomer.stdout(),
        stderr: newcomer.stderr(),
        inherited: &inherited,
        variables: &place.variables,
        mask: with_sigint(place.mask),
        leads_group: place.process_groups,
    };
    let arguments = [WORKER_ARGUMENT.to_owned(), argument];
    let pid = spawn_self(&arguments, &surroundings)
        .map_err(|errno| StartError { what: name_refused(errno), errno })?;
    let process =
        PidFd::of_child(pid).map_err(|errno| StartError { what: "a process descriptor", errno })?;
    Ok(Started { pid: pid.as_raw() as u32, process: Process::child(process, lifeline), link })
}
