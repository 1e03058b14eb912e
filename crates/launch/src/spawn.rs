//! Spawn: the program starts itself again for each worker.

use std::os::fd::{AsFd, AsRawFd};

use nix::unistd::getpid;
use procpool_os::signal::with_sigint;

use crate::sys::process::{PidFd, SpawnOptions, name_refused, spawn_self};
use crate::{
    Connect, NewWorker, Process, StartError, Started, WORKER_ARGUMENT, check_privileges,
    make_lifeline,
};

/// Starts a worker.
pub(crate) fn spawn<L>(
    new_worker: NewWorker<'_>,
    connect: Connect<L>,
) -> Result<Started<L>, StartError> {
    check_privileges()?;
    let (link, ends) = connect()?;
    let (lifeline, held) = make_lifeline()?;
    let NewWorker { slot, surroundings, .. } = new_worker;
    let inherited = [ends.socket.as_fd(), ends.memory.as_fd(), held.as_fd()];
    let [socket, memory, held] = inherited.map(|end| end.as_raw_fd());
    let argument = format!("{socket}:{memory}:{held}:{}:{slot}", getpid());
    let options = SpawnOptions {
        stdout: new_worker.stdout(),
        stderr: new_worker.stderr(),
        inherited: &inherited,
        variables: &surroundings.variables,
        mask: with_sigint(surroundings.mask),
        leads_group: surroundings.process_groups,
    };
    let arguments = [WORKER_ARGUMENT.to_owned(), argument];
    let pid = spawn_self(&arguments, &options)
        .map_err(|errno| StartError { what: name_refused(errno), errno })?;
    let process =
        PidFd::of_child(pid).map_err(|errno| StartError { what: "a process descriptor", errno })?;
    let process = Process::child(process, lifeline);
    Ok(Started { pid: pid.as_raw() as u32, process, link, host: None })
}
