//! The worker's second thread: it ends the process when the parent is gone, whatever runs.
//!
//! It waits for the link's hang-up *and* for the end of the parent process. The hang-up alone can
//! come late or never: a child that the parent forked without exec holds the same socket.
//! PR_SET_PDEATHSIG is not used, because it follows the thread that started the worker, not the
//! process. The parent keeps the link open until the worker has ended, so a hang-up always means
//! that the worker was abandoned, and an orderly exit is never cut short.

use std::io;
use std::thread;

use nix::unistd::Pid;

use super::ABANDONED;
use crate::link::ParentLink;
use crate::sys::poller::wait_ended;
use crate::sys::process::{PidFd, exit_now};
use crate::sys::signal;

/// It polls and exits; this is what two calls need. std rounds it up to the platform's minimum.
const STACK: usize = 32 * 1024;

/// Starts the watchdog.
///
/// # Errors
///
/// Those of thread creation. A parent that is gone already ends the process instead.
pub(super) fn start(link: &ParentLink, parent: Pid) -> io::Result<()> {
    let link = link.socket();
    let Ok(parent) = PidFd::open_parent(parent) else { exit_now(ABANDONED) };
    let watch = move || {
        // Signals belong to the thread that runs tasks.
        signal::block_all();
        wait_ended(link, &parent);
        exit_now(ABANDONED);
    };
    thread::Builder::new().name("procpool-watch".into()).stack_size(STACK).spawn(watch).map(drop)
}
