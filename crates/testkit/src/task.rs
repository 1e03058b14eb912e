//! Tasks that many tests run.

use nix::sys::signal::{Signal, raise};

/// Returns the pid of the worker that runs it.
pub fn pid(_: ()) -> u32 {
    std::process::id()
}

/// Returns twice its argument.
pub fn double(x: u32) -> u32 {
    2 * x
}

/// Kills the process that runs it.
///
/// # Panics
///
/// When the system refuses.
pub fn kill_self() {
    raise(Signal::SIGKILL).expect("a process can be signalled");
}
