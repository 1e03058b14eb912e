//! The unsafe fence: the environment, and what happens between fork and exec.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getpid, getppid};

/// Removes a variable, so that no program inherits it that this one starts.
///
/// Call it while this process has one thread.
pub(crate) fn forget_variable(name: &str) {
    // SAFETY: a relay has one thread, which is here, so nobody else reads the environment.
    unsafe { std::env::remove_var(name) };
}

/// Has the kernel send SIGTERM to what `command` starts as soon as the calling thread has ended, however it did.
pub(crate) fn end_with_this_thread(command: &mut Command) {
    let parent = getpid();
    let request = move || {
        set_pdeathsig(Signal::SIGTERM)?;
        // If this program exited before the request, nobody sends anything.
        if getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: the closure makes two system calls. It allocates nothing and locks nothing.
    unsafe { command.pre_exec(request) };
}
