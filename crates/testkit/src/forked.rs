//! Copies of a running process by fork(2), in whatever state its other threads were.
//!
//! Owns the copying, the report of a copy and the end of one that hangs. A copy has only the thread that
//! made it, and every lock that another thread held stays locked in it. Unlike the copies of
//! [`copies`](crate::copies) these are the subject of tests, not the place where tests run.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, pipe2};

use crate::watch::HANG;

/// Copies the calling process. Returns the copy's pid, and in the copy 0: both continue from here.
///
/// # Panics
///
/// When the system refuses.
pub fn split() -> u32 {
    // SAFETY: the tests are about the restrictions of a copy; memory is complete in it, and the C library
    // makes its own locks usable.
    match unsafe { fork() }.expect("a process can be copied") {
        ForkResult::Parent { child } => child.as_raw() as u32,
        ForkResult::Child => 0,
    }
}

/// Runs `case` in a copy of this process, and returns its report. The copy exits after its case, without
/// the process's exit handlers.
///
/// # Panics
///
/// When the case panics, or does not end in time: then the copy is killed.
pub fn report_of(case: impl FnOnce() -> String) -> String {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC).expect("a pipe can be made");
    let pid = split();
    if pid == 0 {
        drop(ours);
        let report = catch_unwind(AssertUnwindSafe(case));
        let report = report.unwrap_or_else(|_| "it panicked".to_owned());
        // If the write fails, the parent misses the report.
        let _ = File::from(theirs).write_all(report.as_bytes());
        // SAFETY: it does not return, and touches no memory.
        unsafe { libc::_exit(0) }
    }
    drop(theirs);
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    let millis = PollTimeout::try_from(HANG).unwrap_or(PollTimeout::MAX);
    let ready = poll(&mut [PollFd::new(ours.as_fd(), PollFlags::POLLIN)], millis);
    if ready == Ok(0) {
        let _ = kill(pid, Signal::SIGKILL);
    }
    let mut report = String::new();
    File::from(ours).read_to_string(&mut report).expect("a report is text");
    waitpid(pid, None).expect("only this waits for it");
    assert_ne!(ready, Ok(0), "the copy hangs");
    report
}
