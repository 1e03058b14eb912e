//! Starting, watching, killing and reaping one process.
//!
//! Owns the spawn call and [`PidFd`], the only name by which a worker is signalled or reaped: a
//! pid can be reused, a pidfd cannot. Knows nothing of what a worker does.

use std::ffi::{CStr, CString, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::stat::{Mode, stat};
use nix::unistd::Pid;
use procpool_os::descriptor::above_standard_streams;

use crate::ended::{Ended, ResourceUsage, WorkerExit};

/// What a child's stdout or stderr is.
#[derive(Debug, Clone, Copy)]
pub enum Stream<'a> {
    /// The parent's own.
    Inherited,
    /// `/dev/null`.
    Null,
    /// Another open file.
    Descriptor(BorrowedFd<'a>),
}

/// What a child starts with, beside its arguments.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub stdout: Stream<'a>,
    pub stderr: Stream<'a>,
    /// Descriptors that it has under their own numbers.
    pub inherited: &'a [BorrowedFd<'a>],
    /// Variables that it has beside the parent's, or with other values.
    pub variables: &'a [(OsString, OsString)],
    pub mask: SigSet,
    /// Whether it leads a process group of its own.
    pub leads_group: bool,
}

/// Starts this program again, with `arguments` after its own argv\[0\].
///
/// The child gets `/dev/null` as stdin, its `surroundings`, and the parent's working directory. It
/// is started by `posix_spawn`, which never copies the parent: its cost does not grow with the
/// parent's memory.
///
/// # Errors
///
/// The system's: mostly EAGAIN (process limit) and ENOMEM.
pub(crate) fn spawn_self(
    arguments: &[String],
    surroundings: &Surroundings<'_>,
) -> nix::Result<Pid> {
    let mut actions = PosixSpawnFileActions::init()?;
    actions.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    for (number, stream) in [(1, surroundings.stdout), (2, surroundings.stderr)] {
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
    for inherited in surroundings.inherited {
        actions.add_dup2(inherited.as_raw_fd(), inherited.as_raw_fd())?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&surroundings.mask)?;
    let mut flags = PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
    if surroundings.leads_group {
        // 0: the group has the child's own number.
        attributes.set_pgroup(Pid::from_raw(0))?;
        flags |= PosixSpawnFlags::POSIX_SPAWN_SETPGROUP;
    }
    attributes.set_flags(flags)?;

    let argv0 = std::env::args_os().next().unwrap_or_else(|| OsString::from("procpool"));
    let argv: Vec<CString> = std::iter::once(c_string(argv0.into_vec()))
        .chain(arguments.iter().map(|argument| c_string(argument.clone().into_bytes())))
        .collect();
    let own = surroundings.variables;
    let replaced = |name: &OsString| own.iter().any(|(own, _)| own == name);
    let environment: Vec<CString> = std::env::vars_os()
        .filter(|(name, _)| !replaced(name))
        .chain(own.iter().cloned())
        .map(|(name, value)| c_string([name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect();
    // The link stays valid when the file is replaced or deleted while the program runs.
    posix_spawn(c"/proc/self/exe", &actions, &attributes, &argv, &environment)
}

/// What [`spawn_self`] did not make, with that which it lacked for it.
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

/// A process, by a descriptor that becomes readable when it has ended.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// Opens a child that this process has just started; one that cannot be opened is killed and reaped.
    pub(crate) fn of_child(pid: Pid) -> nix::Result<Self> {
        Self::open(pid).inspect_err(|errno| {
            // ESRCH: another wait of the program has reaped it, or SIGCHLD is ignored, and its number may
            // be anybody's.
            if *errno != Errno::ESRCH {
                // One that may not be killed ends by its lifeline, and is not waited for.
                let killed = nix::sys::signal::kill(pid, Signal::SIGKILL).is_ok();
                while killed && nix::sys::wait::waitpid(pid, None) == Err(Errno::EINTR) {}
            }
        })
    }

    /// Opens `pid`, which must be a child that nobody has reaped.
    pub(crate) fn open(pid: Pid) -> nix::Result<Self> {
        // SAFETY: pidfd_open(2) takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor (close-on-exec, as always for
        // pidfds) that nothing else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        above_standard_streams(fd).map(Self)
    }

    /// Sends `signal`. A process that has ended already is no error.
    ///
    /// # Errors
    ///
    /// `EPERM` when it belongs to another user by now, or this process does; what a filter of system
    /// calls says.
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
    /// A group is named by its leader's number, which is nobody else's until the leader is reaped.
    /// Only we reap it, unless the program ignores SIGCHLD or waits for any child: then it may be
    /// gone, and what is left of its group is left alone.
    pub(crate) fn kill_group(&self, leader: u32) {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let fd = self.0.as_raw_fd() as libc::id_t;
        let look = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `info` is writable memory of the right type; waitid(2) writes at most that, and
        // with WNOWAIT collects nothing.
        let result = unsafe { libc::waitid(libc::P_PIDFD, fd, info.as_mut_ptr(), look) };
        if Errno::result(result).is_ok() {
            // EPERM: none of its processes may be signalled.
            let _ = killpg(Pid::from_raw(leader.cast_signed()), Signal::SIGKILL);
        }
    }

    /// Whether the process has ended, collected or not.
    pub(crate) fn has_ended(&self) -> bool {
        let mut sources = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut sources, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Collects the exit status of an ended child, and what it used; `None` while it runs.
    ///
    /// This is the only place where a process is reaped.
    pub(crate) fn reap(&self) -> Option<Ended> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        let fd = self.0.as_raw_fd();
        // The system call, because the C library's function hides its fifth argument.
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
                Some(Ended { exit, usage: Some(resource_usage(&usage)) })
            }
            Err(Errno::EINTR) => None,
            // ECHILD: somebody else's wait has collected it, or SIGCHLD is ignored.
            Err(_) => Some(Ended::UNKNOWN),
        }
    }
}

fn resource_usage(usage: &libc::rusage) -> ResourceUsage {
    let time = |time: libc::timeval| {
        let (seconds, micros) = (time.tv_sec.unsigned_abs(), time.tv_usec.unsigned_abs());
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    ResourceUsage {
        user_time: time(usage.ru_utime),
        system_time: time(usage.ru_stime),
        // The kernel counts in KiB.
        max_rss: usage.ru_maxrss.unsigned_abs() * 1024,
    }
}

/// A process descriptor that another process has opened and sent.
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

/// Gives this process a name of at most 15 bytes.
pub(crate) fn set_name(name: &CStr) {
    // It can only fail for a name that is not readable memory.
    let _ = prctl::set_name(name);
}

/// Gives this process the name that its command line promises; the kernel named it `exe`.
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
    fn an_ended_child_is_reaped_with_its_status_and_only_once() {
        let (mut child, fd) = shell("exit 3");
        wait_readable(&fd);
        assert_eq!(fd.reap().map(|ended| ended.exit), Some(WorkerExit::Code(3)));
        assert_eq!(fd.reap(), Some(Ended { exit: WorkerExit::Unknown, usage: None }));
        assert!(child.wait().is_err(), "it was reaped already");
    }

    #[test]
    fn a_killed_child_names_its_signal() {
        let (mut child, fd) = shell("read line");
        assert_eq!((fd.reap(), fd.has_ended()), (None, false));
        fd.signal(Signal::SIGKILL).unwrap();
        wait_readable(&fd);
        let ended = fd.reap().expect("it has ended");
        assert_eq!(ended.exit, WorkerExit::Signal(libc::SIGKILL));
        let usage = ended.usage.expect("nobody else has reaped it");
        assert!(usage.max_rss >= 64 << 10, "no shell is that small: {usage:?}");
        fd.signal(Signal::SIGKILL).unwrap();
        assert!(child.wait().is_err(), "it was reaped already");
    }

    /// Starts the leader of a group, which ends at once, and a `cat` in the group.
    fn group() -> (std::process::Child, PidFd) {
        let mut shell = Command::new("/bin/sh");
        let shell = shell.args(["-c", "exec 3<&0; cat <&3 & exit 0"]).process_group(0);
        let child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = child.expect("a shell starts");
        let fd = PidFd::open(Pid::from_raw(child.id() as i32)).expect("a child can be opened");
        wait_readable(&fd);
        (child, fd)
    }

    /// Returns what the `cat` makes of a line: nothing if it was killed.
    fn echo(child: &mut std::process::Child) -> String {
        let mut text = String::new();
        // It fails if there is nobody to read it.
        let _ = child.stdin.take().expect("it is a pipe").write_all(b"line\n");
        child.stdout.take().expect("it is a pipe").read_to_string(&mut text).expect("it is text");
        text
    }

    #[test]
    fn a_group_is_killed_also_when_its_leader_has_ended() {
        let (mut leader, fd) = group();
        fd.kill_group(leader.id());
        assert_eq!(echo(&mut leader), "");
        assert_eq!(fd.reap().map(|ended| ended.exit), Some(WorkerExit::Code(0)));
        assert!(leader.wait().is_err(), "it was reaped already");
    }

    #[test]
    fn a_group_is_left_alone_when_its_leader_was_reaped_and_its_number_may_be_anybodys() {
        let (mut leader, fd) = group();
        assert!(fd.reap().is_some(), "it has ended");
        fd.kill_group(leader.id());
        assert_eq!(echo(&mut leader), "line\n");
        assert!(leader.wait().is_err(), "it was reaped already");
    }

    #[test]
    fn a_reaped_child_leaves_word_of_what_it_used() {
        let (_child, fd) = shell("i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done");
        wait_readable(&fd);
        let usage = fd.reap().and_then(|ended| ended.usage).expect("it is our child");
        assert!(usage.user_time > Duration::ZERO, "{usage:?}");
        // A shell needs some pages; nobody's needs a GiB.
        assert!((4096..1 << 30).contains(&usage.max_rss), "{usage:?}");
    }
}
