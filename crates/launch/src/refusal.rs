//! Why the system refuses to start a process, and the remedy.
//!
//! Owns the sentences.

use std::fmt;

use nix::errno::Errno;

/// Why the system refused this, and the remedy.
#[derive(Debug)]
pub struct Refusal<'a>(
    /// What could not be made.
    pub &'a str,
    /// The system's answer.
    pub Errno,
);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what, errno) = self;
        f.write_str(match *errno {
            Errno::EAGAIN => {
                "a limit on processes and threads is reached: look at `ulimit -u`, at pids.max of \
                 the control group and at kernel.threads-max; a thread also needs memory for its \
                 stack (`ulimit -v`)"
            }
            Errno::EMFILE => {
                "this process has as many descriptors open as it may: raise `ulimit -n`, or close \
                 some"
            }
            Errno::ENFILE => "the machine has as many files open as it may: raise fs.file-max",
            Errno::ENOMEM => {
                "there is no memory for it: look at `ulimit -v`, at memory.max of the control \
                 group and at vm.overcommit_memory"
            }
            Errno::EFBIG => {
                "a worker shares 2 MiB with the program, and no file may be that long: raise \
                 RLIMIT_FSIZE (`ulimit -f`)"
            }
            Errno::ENOENT if what.contains("/dev/null") => "there is no /dev/null: create it",
            Errno::ENOENT if what.contains("/proc") || what.contains("copy") => {
                "there is no /proc: mount it"
            }
            Errno::ENOENT if what.contains("process") => {
                "the program's dynamic loader is not there, as after a chroot: copy it to its place"
            }
            Errno::EACCES if what.contains("oom_score_adj") => {
                "it is below the lowest that this process may set without CAP_SYS_RESOURCE"
            }
            Errno::E2BIG => "the environment is too long: pass less of it on, or raise `ulimit -s`",
            Errno::EINVAL if what.contains("thread") => {
                "a process that leaves its PID or time namespace has no more threads: give its child \
                 the new one (`unshare --pid --fork`)"
            }
            Errno::EPERM | Errno::EACCES | Errno::ENOSYS => {
                let calls = calls_for(what);
                return write!(
                    f,
                    "{}: allow {calls} in the seccomp filter or the policy of the container; the \
                     kernel must be Linux 5.4 or later, and an emulator must know the call",
                    errno.desc()
                );
            }
            _ => errno.desc(),
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
