//! How this process ends: at once, with a last line, or together with its parent.
//!
//! Owns the promise to the kernel that a worker does not outlive its parent. Knows nothing of workers.

use std::io::Write;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

use crate::refused::Refused;

/// Asks the kernel to kill this process when its parent ends, which must be `parent`.
///
/// Strictly it is the parent's *thread* that counts, the one that started this process: that is the
/// manager thread, which ends only when it has reaped all of its workers. The kernel forgets the
/// request when the process changes its user or group, so it is repeated from time to time.
///
/// Returns whether the parent is there. The look comes after the request: had the parent ended in
/// between, the process would have another one by then.
///
/// # Errors
///
/// A sandbox refuses one of the calls, so nobody knows.
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

/// Forgets what [`end_with`] asked for.
pub fn end_with_nobody() {
    // It can only fail for what is not a signal.
    let _ = prctl::set_pdeathsig(None);
}

/// Ends this process at once: no destructors, no exit handlers, no output.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Writes a line to this process's stderr. One that takes nothing is no reason to panic, which would hide
/// what was to be said behind another failure.
pub fn complain(line: &str) {
    let _ = std::io::stderr().write_all(format!("procpool: {line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_only_with_its_own_parent() {
        assert_eq!(end_with(nix::unistd::getpid()), Ok(false));
        // What it asked for, in this test program.
        prctl::set_pdeathsig(None).unwrap();
    }
}
