//! Spawns, watches, kills and reaps one process.
//!
//! Owns the spawn call and [`PidFd`]. Workers are signalled and reaped only by it: a pid can be reused, a
//! pidfd cannot. Knows nothing of what a worker does.

use std::ffi::{CStr, CString, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::stat::{Mode, stat};
use nix::unistd::Pid;
use procpool_control::{Ended, ResourceUsage, WorkerExit};
use procpool_os::descriptor::above_standard_streams;

/// A child's stdout or stderr.
#[derive(Debug, Clone, Copy)]
pub enum Stream<'a> {
    /// The parent's own.
    Inherited,
    /// `/dev/null`.
    Null,
    /// Another open file.
    Descriptor(BorrowedFd<'a>),
}

/// The options of [`spawn_self`], beside the arguments.
#[derive(Debug)]
pub(crate) struct SpawnOptions<'a> {
    pub stdout: Stream<'a>,
    pub stderr: Stream<'a>,
    /// Descriptors that the child inherits under the same numbers.
    pub inherited: &'a [BorrowedFd<'a>],
    /// Variables of the child beside the parent's, or instead of them.
    pub variables: &'a [(OsString, OsString)],
    pub mask: SigSet,
    /// Whether the child leads its own process group.
    pub leads_group: bool,
}

/// Starts this program again, with `arguments` after its own argv\[0\].
///
/// The child has `/dev/null` as stdin, and the parent's working directory. `posix_spawn` never copies the
/// parent, so its cost does not grow with the parent's memory.
///
/// # Errors
///
/// The system's: mostly EAGAIN (process limit) and ENOMEM.
pub(crate) fn spawn_self(arguments: &[String], options: &SpawnOptions<'_>) -> nix::Result<Pid> {
    let mut actions = PosixSpawnFileActions::init()?;
    actions.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    for (number, stream) in [(1, options.stdout), (2, options.stderr)] {
        match stream {
            Stream::Inherited => {}
            Stream::Null => {
                actions.add_open(number, "/dev/null", OFlag::O_WRONLY, Mode::empty())?;
            }
            Stream::Descriptor(fd) => actions.add_dup2(fd.as_raw_fd(), number)?,
        }
    }
    // dup2 onto itself clears close-on-exec, in the child alone: no other child that the program
    // starts at this moment can inherit the descriptor (glibc 2.29, POSIX.1-2024).
    for inherited in options.inherited {
        actions.add_dup2(inherited.as_raw_fd(), inherited.as_raw_fd())?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&options.mask)?;
    let mut flags = PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
    if options.leads_group {
        // 0: the group's number is the child's pid.
        attributes.set_pgroup(Pid::from_raw(0))?;
        flags |= PosixSpawnFlags::POSIX_SPAWN_SETPGROUP;
    }
    attributes.set_flags(flags)?;

    let argv0 = std::env::args_os().next().unwrap_or_else(|| OsString::from("procpool"));
    let argv: Vec<CString> = std::iter::once(c_string(argv0.into_vec()))
        .chain(arguments.iter().map(|argument| c_string(argument.clone().into_bytes())))
        .collect();
    let own = options.variables;
    let replaced = |name: &OsString| own.iter().any(|(own, _)| own == name);
    let environment: Vec<CString> = std::env::vars_os()
        .filter(|(name, _)| !replaced(name))
        .chain(own.iter().cloned())
        .map(|(name, value)| c_string([name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect();
    // The link stays valid when the file is replaced or deleted while the program runs.
    posix_spawn(c"/proc/self/exe", &actions, &attributes, &argv, &environment)
}

/// Names what [`spawn_self`] could not make, and the file that it lacked, if that was the cause.
pub(crate) fn name_refused(errno: Errno) -> &'static str {
    let lacks = |path| errno == Errno::ENOENT && stat(path).is_err();
    if lacks("/proc/self/exe") {
        "a process from /proc/self/exe"
    } else if lacks("/dev/null") {
        "a process that reads /dev/null"
    } else {
        "a process"
    }
}

/// Arguments and environment come from C strings and cannot hold a NUL; ours hold none either.
fn c_string(bytes: Vec<u8>) -> CString {
    CString::new(bytes).unwrap_or_default()
}

/// A process, by a descriptor that becomes readable when it has exited.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// Opens a child that this process has started. Kills and reaps it if it cannot be opened.
    pub(crate) fn of_child(pid: Pid) -> nix::Result<Self> {
        Self::open(pid).inspect_err(|errno| {
            // ESRCH: another wait of the program has reaped it, or SIGCHLD is ignored. Its pid may be
            // reused.
            if *errno != Errno::ESRCH {
                // A child that may not be killed dies by its lifeline, and is not waited for.
                let killed = nix::sys::signal::kill(pid, Signal::SIGKILL).is_ok();
                while killed && nix::sys::wait::waitpid(pid, None) == Err(Errno::EINTR) {}
            }
        })
    }

    /// Opens `pid`, which must be a child that is not reaped.
    pub(crate) fn open(pid: Pid) -> nix::Result<Self> {
        // SAFETY: pidfd_open(2) takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor (close-on-exec, as always for
        // pidfds) that nothing else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        above_standard_streams(fd).map(Self)
    }

    /// Sends `signal`. A process that has already exited is no error.
    ///
    /// # Errors
    ///
    /// `EPERM` if it or this process has changed its user; the answer of a filter of system calls.
    pub(crate) fn signal(&self, signal: Signal) -> nix::Result<()> {
        let fd = self.0.as_raw_fd();
        // SAFETY: pidfd_send_signal(2) with a null siginfo reads no memory; `fd` is open.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                fd,
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match Errno::result(result) {
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Sends SIGKILL to the process group that `leader`, this process, leads.
    ///
    /// A group has its leader's pid as its number, which is not reused before the leader is reaped. Only we
    /// reap the leader, unless the program ignores SIGCHLD or waits for any child. Then the leader may be
    /// reaped already, and the rest of its group is left alone.
    pub(crate) fn kill_group(&self, leader: u32) {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let fd = self.0.as_raw_fd() as libc::id_t;
        let look = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `info` is writable memory of the right type; waitid(2) writes at most that, and
        // with WNOWAIT collects nothing.
        let result = unsafe { libc::waitid(libc::P_PIDFD, fd, info.as_mut_ptr(), look) };
        if Errno::result(result).is_ok() {
            // EPERM: we may signal none of its processes.
            let _ = killpg(Pid::from_raw(leader.cast_signed()), Signal::SIGKILL);
        }
    }

    /// Returns whether the process has exited, reaped or not.
    pub(crate) fn has_ended(&self) -> bool {
        let mut sources = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut sources, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Reaps a child that has exited: returns its status and its resource usage. Returns `None` while it runs.
    ///
    /// This is the only function that reaps a process that has a descriptor.
    pub(crate) fn reap(&self) -> Option<Ended> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        let fd = self.0.as_raw_fd();
        // The bare system call: the C library's function lacks the fifth argument.
        // SAFETY: `info` and `usage` are writable memory of the right types; waitid(2) writes at
        // most those.
        let result = unsafe {
            libc::syscall(
                libc::SYS_waitid,
                libc::P_PIDFD,
                fd,
                info.as_mut_ptr(),
                libc::WEXITED | libc::WNOHANG,
                usage.as_mut_ptr(),
            )
        };
        // SAFETY: all-zero bytes are a valid siginfo_t, and waitid leaves it valid.
        let info = unsafe { info.assume_init() };
        // SAFETY: as above, for an rusage.
        let usage = unsafe { usage.assume_init() };
        match Errno::result(result) {
            // SAFETY: after a successful waitid the SIGCHLD fields are set, or all are zero.
            Ok(_) if unsafe { info.si_pid() } == 0 => None,
            Ok(_) => {
                // SAFETY: as above.
                let status = unsafe { info.si_status() };
                let exit = match info.si_code {
                    libc::CLD_EXITED => WorkerExit::Code(status),
                    _ => WorkerExit::Signal(status),
                };
                Some(Ended { exit, usage: Some(ResourceUsage::of(&usage)) })
            }
            Err(Errno::EINTR) => None,
            // ECHILD: another wait of the program has reaped it, or SIGCHLD is ignored.
            Err(_) => Some(Ended::UNKNOWN),
        }
    }
}

/// Takes a process descriptor that another process has opened and sent.
impl From<OwnedFd> for PidFd {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Names this process, with at most 15 bytes.
pub(crate) fn set_name(name: &CStr) {
    // It fails only for a name that is not readable memory.
    let _ = prctl::set_name(name);
}

/// Names this process after its argv\[0\]; the kernel named it `exe`.
pub(crate) fn restore_name() {
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&argv0).file_name().unwrap_or(&argv0);
    set_name(&c_string(name.as_bytes().to_vec()));
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::*;
    use procpool_os::poller::wait_readable;

    /// Starts a shell that runs `script` with an open stdin.
    fn shell(script: &str) -> (std::process::Child, PidFd) {
        let child = Command::new("/bin/sh").args(["-c", script]).stdin(Stdio::piped()).spawn();
        let child = child.expect("a shell starts");
        let fd = PidFd::open(Pid::from_raw(child.id() as i32)).expect("a child can be opened");
        (child, fd)
    }

    #[test]
    fn an_exited_child_yields_its_status_once() {
        let (mut child, fd) = shell("exit 3");
        wait_readable(&fd);
        assert_eq!(fd.reap().map(|ended| ended.exit), Some(WorkerExit::Code(3)));
        assert_eq!(fd.reap(), Some(Ended { exit: WorkerExit::Unknown, usage: None }));
        assert!(child.wait().is_err(), "it was reaped already");
    }

    #[test]
    fn a_killed_child_yields_its_signal() {
        let (mut child, fd) = shell("read line");
        assert_eq!((fd.reap(), fd.has_ended()), (None, false));
        fd.signal(Signal::SIGKILL).unwrap();
        wait_readable(&fd);
        let ended = fd.reap().expect("it has exited");
        assert_eq!(ended.exit, WorkerExit::Signal(libc::SIGKILL));
        let usage = ended.usage.expect("only this test reaps it");
        assert!(usage.max_rss >= 64 << 10, "no shell is that small: {usage:?}");
        fd.signal(Signal::SIGKILL).unwrap();
        assert!(child.wait().is_err(), "it was reaped already");
    }

    /// Starts the leader of a group, which exits at once, and a `cat` in the group.
    fn group() -> (std::process::Child, PidFd) {
        let mut shell = Command::new("/bin/sh");
        let shell = shell.args(["-c", "exec 3<&0; cat <&3 & exit 0"]).process_group(0);
        let child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = child.expect("a shell starts");
        let fd = PidFd::open(Pid::from_raw(child.id() as i32)).expect("a child can be opened");
        wait_readable(&fd);
        (child, fd)
    }

    /// Returns the `cat`'s output for a line: nothing if it was killed.
    fn echo(child: &mut std::process::Child) -> String {
        let mut text = String::new();
        // It fails if the `cat` is dead.
        let _ = child.stdin.take().expect("it is a pipe").write_all(b"line\n");
        child.stdout.take().expect("it is a pipe").read_to_string(&mut text).expect("it is text");
        text
    }

    #[test]
    fn a_group_is_killed_even_if_its_leader_has_exited() {
        let (mut leader, fd) = group();
        fd.kill_group(leader.id());
        assert_eq!(echo(&mut leader), "");
        assert_eq!(fd.reap().map(|ended| ended.exit), Some(WorkerExit::Code(0)));
        assert!(leader.wait().is_err(), "it was reaped already");
    }

    #[test]
    fn a_group_is_left_alone_once_its_leader_is_reaped() {
        let (mut leader, fd) = group();
        assert!(fd.reap().is_some(), "it has exited");
        fd.kill_group(leader.id());
        assert_eq!(echo(&mut leader), "line\n");
        assert!(leader.wait().is_err(), "it was reaped already");
    }

    #[test]
    fn a_reaped_child_yields_its_resource_usage() {
        let (_child, fd) = shell("i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done");
        wait_readable(&fd);
        let usage = fd.reap().and_then(|ended| ended.usage).expect("it is our child");
        assert!(usage.user_time > std::time::Duration::ZERO, "{usage:?}");
        // A shell needs some pages, but never a GiB.
        assert!((4096..1 << 30).contains(&usage.max_rss), "{usage:?}");
    }
}
