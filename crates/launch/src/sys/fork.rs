//! Copies of this process by fork(2), and what a copy must not keep of the original.
//!
//! Owns the rule that only a process with one thread is copied: a copy has only the thread that
//! made it, and a lock that another thread held at that moment stays locked in it forever. Knows
//! nothing of forkservers or workers.
//!
//! A copy inherits what it must not use: descriptors, signal handlers, unwritten output and exit handlers.
//! It exits by [`exit_copy`] and never returns to the original's callers.

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

/// How long the kernel may still count a thread that has exited: a join returns an instant before the
/// kernel forgets the thread. Longer delays the refusal of a process that keeps its threads; shorter could
/// refuse a process whose last other thread was joined a moment ago.
const FORGETTING: Duration = Duration::from_millis(100);

/// Returns the number of threads of this process.
///
/// # Errors
///
/// The system's if /proc cannot be read; `EIO` if /proc does not give the number.
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
/// `EBUSY` if the process has other threads; the system's, mostly EAGAIN and ENOMEM.
pub(crate) fn fork() -> nix::Result<Option<Pid>> {
    if count_threads()? != 1 {
        return Err(Errno::EBUSY);
    }
    // Otherwise the copy would write the buffered output as well.
    flush_streams();
    // SAFETY: this is the only thread, as was counted above, and only this one could start another;
    // so the copy is complete, and no lock in it is held by a thread that it does not have.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Closes every descriptor except the standard streams and `kept`. Opens `/dev/null` as stdin, and as
/// stdout and stderr if they are closed. For a copy only, which must not use inherited objects that own a
/// descriptor.
///
/// # Errors
///
/// /proc cannot be read, or `/dev/null` cannot be opened.
pub(crate) fn keep_only(kept: &[BorrowedFd<'_>]) -> nix::Result<()> {
    let kept: BTreeSet<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).collect();
    let listed = std::fs::read_dir("/proc/self/fd").map_err(|_| Errno::EIO)?;
    // Collected before anything is closed; that closes the descriptor of the directory itself.
    let numbers: Vec<RawFd> =
        listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in numbers {
        if number > 2 && !kept.contains(&number) {
            // SAFETY: the owner of the descriptor is the copy of an object of the original, in a frame
            // that the copy never returns to or in a static. Code that reaches it there gets an
            // error, or another file of this process, but no memory depends on it.
            unsafe { libc::close(number) };
        }
    }
    replace_stream(0, open_null(OFlag::O_RDONLY)?)?;
    open_closed_streams()
}

/// Redirects a standard stream of this process to `target`, or to `/dev/null`.
///
/// # Errors
///
/// A sandbox refuses it; `EBADF` if there is no such stream.
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

/// Sets environment variables of this process. For a copy only.
pub(crate) fn set_variables(variables: &[(OsString, OsString)]) {
    for (name, value) in variables {
        // SAFETY: a copy has one thread, this one, so no other thread reads the environment.
        unsafe { std::env::set_var(name, value) };
    }
}

/// Exits a copy. Flushes its output, but runs nothing that the original registered for its own exit, such as
/// exit handlers and destructors of thread-locals.
pub(crate) fn exit_copy(code: i32) -> ! {
    flush_streams();
    exit_now(code)
}

fn flush_streams() {
    // Nobody can handle a write error here.
    let _ = std::io::stdout().flush();
    // SAFETY: a null pointer stands for all of C's streams, each of which it locks.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_two_threads_is_not_forked() {
        // A test runs in its own thread, beside the main one.
        assert!(count_threads().unwrap() > 1);
        assert_eq!(fork(), Err(Errno::EBUSY));
    }
}
