//! How this process exits: at once, after a last line on stderr, or together with its parent.
//!
//! Owns the request to the kernel to kill this process with its parent. Knows nothing of workers.

use std::io::Write;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

use crate::refused::Refused;

/// Asks the kernel to kill this process when its parent, which must be `parent`, exits.
///
/// Strictly, the kernel watches the parent's *thread* that started this process: the manager thread, which
/// returns only when it has reaped all of its workers. The kernel forgets the request when the process
/// changes its user or group, so callers repeat it from time to time.
///
/// Returns whether `parent` still is the parent. The check follows the request: if the parent exits before
/// the request, the check finds another parent.
///
/// # Errors
///
/// A sandbox refuses one of the calls.
pub fn end_with(parent: Pid) -> Result<bool, Refused> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(Refused::new("prctl"))?;
    let found = getppid();
    // Only a refused call returns such a number.
    if found.as_raw() < 0 {
        Err(Refused::new("getppid")(Errno::last()))
    } else {
        Ok(found == parent)
    }
}

/// Cancels the request of [`end_with`].
pub fn end_with_nobody() {
    // It fails only for a number that is not a signal.
    let _ = prctl::set_pdeathsig(None);
}

/// Exits this process at once: no destructors, no exit handlers, no flush of output.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Writes a line to this process's stderr. Ignores a write error: a panic would hide the line behind another
/// failure.
pub fn complain(line: &str) {
    let _ = std::io::stderr().write_all(format!("procpool: {line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_the_parent_is_reported() {
        assert_eq!(end_with(nix::unistd::getpid()), Ok(false));
        // Cancels the request in this test program.
        prctl::set_pdeathsig(None).unwrap();
    }
}
