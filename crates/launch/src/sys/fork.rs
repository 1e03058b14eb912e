//! Copies of this process, and what a copy must not have of the original.
//!
//! Owns the rule that only a process with one thread is copied: a copy has only the thread that
//! made it, and a lock that another one held at that moment stays locked in it for ever. Knows
//! nothing of servers or workers.
//!
//! What a copy inherits without wanting it: descriptors, signal handlers, unwritten output, and
//! what the original does when it exits. A copy ends by [`exit_copy`] and never returns to whom the
//! original would return to.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::unistd::{self, ForkResult, Pid};
use procpool_os::descriptor::{open_closed_streams, open_null, replace_stream};
use procpool_os::exit::exit_now;
use procpool_os::poller::spin;
use procpool_os::refused::Refused;

/// How long a thread that has ended may still be counted: whoever joins it is woken an instant
/// before the kernel forgets it. Longer delays the refusal of those that stay; shorter could refuse
/// a process whose last other thread has just been joined.
const FORGETTING: Duration = Duration::from_millis(100);

/// Returns how many threads this process has.
///
/// # Errors
///
/// The system's when /proc cannot be read; `EIO` when it does not say.
pub(crate) fn count_threads() -> nix::Result<usize> {
    let count = || match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => {
            let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
            line.and_then(|count| count.trim().parse().ok()).ok_or(Errno::EIO)
        }
        Err(error) => Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))),
    };
    match spin(FORGETTING, || (count() == Ok(1)).then_some(1)) {
        Some(one) => Ok(one),
        None => count(),
    }
}

/// Copies this process. Returns the copy's pid in the original, and `None` in the copy.
///
/// # Errors
///
/// `EBUSY` when the process has other threads; the system's, mostly EAGAIN and ENOMEM.
pub(crate) fn fork() -> nix::Result<Option<Pid>> {
    if count_threads()? != 1 {
        return Err(Errno::EBUSY);
    }
    // What is in the buffers now would be written by the copy as well.
    flush_streams();
    // SAFETY: this is the only thread, as was counted above, and only this one could start another;
    // so the copy is complete, and no lock in it is held by a thread that it does not have.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Closes every descriptor but the standard streams and `kept`, and makes `/dev/null` the standard
/// input and what is closed of the others. For a copy only, which must not use anything that it
/// inherited by a descriptor.
///
/// # Errors
///
/// When /proc cannot be read, or `/dev/null` not be opened.
pub(crate) fn keep_only(kept: &[BorrowedFd<'_>]) -> nix::Result<()> {
    let kept: BTreeSet<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).collect();
    let listed = std::fs::read_dir("/proc/self/fd").map_err(|_| Errno::EIO)?;
    // Listed before anything is closed. The descriptor of the list itself is gone by then.
    let numbers: Vec<RawFd> =
        listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in numbers {
        if number > 2 && !kept.contains(&number) {
            // SAFETY: what owns the descriptor is the copy of an object of the original, in frames
            // that the copy never returns to or in a static. Code that reaches it there gets an
            // error, or another file of this process, but no memory depends on it.
            unsafe { libc::close(number) };
        }
    }
    replace_stream(0, open_null(OFlag::O_RDONLY)?)?;
    open_closed_streams()
}

/// Makes a standard stream of this process lead to `target`, or to `/dev/null`.
///
/// # Errors
///
/// A sandbox refuses it; `EBADF` when there is no such stream.
pub(crate) fn redirect(number: i32, target: Option<OwnedFd>) -> Result<(), Refused> {
    let target = match target {
        Some(target) => target,
        None => open_null(OFlag::O_WRONLY).map_err(Refused::new("open"))?,
    };
    replace_stream(number, target).map_err(Refused::new("dup2"))
}

/// Makes this process the leader of a new process group.
///
/// # Errors
///
/// A sandbox refuses it.
pub(crate) fn lead_group() -> Result<(), Refused> {
    unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(Refused::new("setpgid"))
}

/// Gives this process variables, or other values for those that it has. For a copy only.
pub(crate) fn set_variables(variables: &[(OsString, OsString)]) {
    for (name, value) in variables {
        // SAFETY: a copy has one thread, this one, so nobody reads the environment meanwhile.
        unsafe { std::env::set_var(name, value) };
    }
}

/// Ends a copy: what was printed is written out, but nothing runs that the original wanted run at
/// its own end, such as exit handlers and the destructors of its thread's variables.
pub(crate) fn exit_copy(code: i32) -> ! {
    flush_streams();
    exit_now(code)
}

fn flush_streams() {
    // A stream that cannot be written to is nobody's concern here.
    let _ = std::io::stdout().flush();
    // SAFETY: a null pointer stands for all of C's streams, each of which it locks.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_two_threads_is_not_copied() {
        // A test has a thread of its own beside the main one.
        assert!(count_threads().unwrap() > 1);
        assert_eq!(fork(), Err(Errno::EBUSY));
    }
}
