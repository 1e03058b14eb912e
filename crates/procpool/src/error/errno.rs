//! The system's answer to a refused request, and its remedy.

use std::fmt;
use std::io;

use nix::errno::Errno as Known;
use serde::{Deserialize, Serialize};

/// An error number of the system; see `errno(3)`.
///
/// Its text is its name and number. Errors that contain one explain its meaning there.
///
/// # Examples
///
/// ```
/// let refused = |error: &procpool::Error| match error {
///     procpool::Error::Setup { errno, .. } => Some(std::io::Error::from(*errno).kind()),
///     _ => None,
/// };
/// assert_eq!(refused(&procpool::Error::Shutdown), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Errno(i32);

impl Errno {
    /// Returns the number.
    ///
    /// # Examples
    ///
    /// ```
    /// fn has_no_room(errno: procpool::Errno) -> bool {
    ///     errno.raw() == nix::libc::EMFILE
    /// }
    /// # let _ = has_no_room;
    /// ```
    pub fn raw(self) -> i32 {
        self.0
    }

    /// Creates the error with this number, for programs that construct errors of their own.
    ///
    /// # Examples
    ///
    /// ```
    /// let no_entry = procpool::Errno::from_raw(2);
    /// assert_eq!(no_entry.to_string(), "ENOENT (os error 2)");
    /// ```
    pub fn from_raw(number: i32) -> Self {
        Self(number)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Known::from_raw(self.0).fmt(f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} (os error {})", self.0)
    }
}

impl std::error::Error for Errno {}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        io::Error::from_raw_os_error(errno.0)
    }
}

/// Why the system refused this, and the remedy.
pub(super) struct Refusal<'a>(pub(super) &'a str, pub(super) Errno);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what, errno) = self;
        let known = Known::from_raw(errno.0);
        f.write_str(match known {
            Known::EAGAIN => {
                "a limit on processes and threads is reached: look at `ulimit -u`, at pids.max of \
                 the control group and at kernel.threads-max; a thread also needs memory for its \
                 stack (`ulimit -v`)"
            }
            Known::EMFILE => {
                "this process has as many descriptors open as it may: raise `ulimit -n`, or close \
                 some"
            }
            Known::ENFILE => "the machine has as many files open as it may: raise fs.file-max",
            Known::ENOMEM => {
                "there is no memory for it: look at `ulimit -v`, at memory.max of the control \
                 group and at vm.overcommit_memory"
            }
            Known::EFBIG => {
                "a worker shares 2 MiB with the program, and no file may be that long: raise \
                 RLIMIT_FSIZE (`ulimit -f`)"
            }
            Known::ENOENT if what.contains("/dev/null") => "there is no /dev/null: create it",
            Known::ENOENT if what.contains("/proc") || what.contains("copy") => {
                "there is no /proc: mount it"
            }
            Known::ENOENT if what.contains("process") => {
                "the program's dynamic loader is not there, as after a chroot: copy it to its place"
            }
            Known::EACCES if what.contains("oom_score_adj") => {
                "it is below the lowest that this process may set without CAP_SYS_RESOURCE"
            }
            Known::E2BIG => "the environment is too long: pass less of it on, or raise `ulimit -s`",
            Known::EINVAL if what.contains("thread") => {
                "a process that leaves its PID or time namespace has no more threads: give its child \
                 the new one (`unshare --pid --fork`)"
            }
            Known::EPERM | Known::EACCES | Known::ENOSYS => {
                let calls = calls_for(what);
                return write!(
                    f,
                    "{}: allow {calls} in the seccomp filter or the policy of the container; the \
                     kernel must be Linux 5.4 or later, and an emulator must know the call",
                    known.desc()
                );
            }
            _ => known.desc(),
        })
    }
}

/// The system calls that provide this.
fn calls_for(what: &str) -> &'static str {
    /// Keyed by a word of the description.
    const CALLS: [(&str, &str); 9] = [
        ("socket pair", "socketpair"),
        ("shared memory", "memfd_create, ftruncate, fcntl and mmap"),
        ("process descriptor", "pidfd_open"),
        ("epoll", "epoll_create1, epoll_ctl and eventfd2"),
        ("pipe", "pipe2"),
        ("thread", "clone and clone3"),
        ("request", "sendmsg"),
        ("copy", "clone"),
        ("process", "clone, vfork and execve (of /proc/self/exe), and open (of /dev/null)"),
    ];
    let theirs = CALLS.iter().find(|(word, _)| what.contains(word));
    theirs.map_or("it", |(_, calls)| calls)
}
