//! Looks at the system from outside the pool: /proc, and process descriptors.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The process name of a forkserver.
const SERVER: &str = "procpool-server";

/// A process as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: u32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// `R`, `S`, `D`, `T`, `Z` (zombie) …
    pub state: char,
    /// Its parent.
    pub parent: u32,
}

/// Returns the processes whose parent is `pid`, zombies included.
pub fn children_of(pid: u32) -> Vec<Process> {
    processes().into_iter().filter(|process| process.parent == pid).collect()
}

/// Returns every process whose ancestor is `pid`.
pub fn descendants_of(pid: u32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<Process> = Vec::new();
    let mut ancestors = vec![pid];
    while let Some(ancestor) = ancestors.pop() {
        for process in all.iter().filter(|process| process.parent == ancestor) {
            ancestors.push(process.pid);
            found.push(process.clone());
        }
    }
    found
}

/// Returns the workers of the pools of `pid`, including those that its forkservers have forked and those
/// of nested pools.
pub fn workers_of(pid: u32) -> Vec<Process> {
    descendants_of(pid).into_iter().filter(|process| process.name != SERVER).collect()
}

/// Returns the forkservers from which workers of `pid` are forked.
pub fn servers_of(pid: u32) -> Vec<Process> {
    children_of(pid).into_iter().filter(|process| process.name == SERVER).collect()
}

/// Returns the processes of a process group that have not exited, including orphans: they stay in the
/// group in which they were started, whatever their new parent is.
pub fn alive_in_group(group: u32) -> Vec<Process> {
    let is_member = |process: &Process| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        fields.split(' ').nth(2) == Some(&group.to_string())
    };
    let alive = |process: &Process| !matches!(process.state, 'Z' | 'X');
    processes().into_iter().filter(alive).filter(is_member).collect()
}

/// Returns the entry of `pid` in /proc, or `None` when there is no such process.
pub fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain any character, parentheses too.
    let (head, tail) = stat.rsplit_once(") ")?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = tail.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    Some(Process { pid, name, state, parent })
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect()
}

/// Whether there is no such process, not even a zombie.
pub fn is_gone(pid: u32) -> bool {
    process(pid).is_none()
}

/// Sends a signal to a process that is not reaped yet: its pid is still its own.
///
/// # Panics
///
/// When it has exited, or the system refuses.
pub fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).expect("it is alive, or not reaped");
}

/// Returns the descriptors of `pid` and their targets, in order.
///
/// # Panics
///
/// When there is no such process.
pub fn descriptors_of(pid: u32) -> Vec<(i32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process exists");
    let mut descriptors: Vec<(i32, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            // Except the one that lists them.
            let listing = target.to_str()?.starts_with("/proc/") && target.ends_with("fd");
            let number = entry.file_name().to_str()?.parse().ok()?;
            (!listing).then(|| (number, target.to_string_lossy().into_owned()))
        })
        .collect();
    descriptors.sort_unstable();
    descriptors
}

/// Returns the shared memory of `pid`: its mapped files without a name (`memfd`) and of /dev/shm, and the
/// files there under this crate's name, of any creator.
///
/// # Panics
///
/// When there is no such process.
pub fn shared_memory_of(pid: u32) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process exists");
    let is_shared = |line: &&str| line.contains("/memfd:") || line.contains("/dev/shm/");
    let mapped = maps.lines().filter(is_shared).map(str::to_owned);
    let named = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let named = named.filter_map(|entry| entry.file_name().into_string().ok());
    mapped.chain(named.filter(|name| name.contains("procpool"))).collect()
}

/// Returns the names of the threads of `pid`, in the order of their ids.
pub fn threads_of(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut names: Vec<(u32, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = fs::read_to_string(entry.path().join("comm")).ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, name.trim_end().to_owned()))
        })
        .collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name).collect()
}

/// A process that can be watched and killed, child or not, without mistaking a reused pid.
#[derive(Debug)]
pub struct Watched {
    /// Its pid.
    pub pid: u32,
    descriptor: Option<OwnedFd>,
}

impl Watched {
    /// Starts to watch `pid`; one that is gone already counts as exited.
    ///
    /// # Panics
    ///
    /// When the system refuses for another reason.
    pub fn new(pid: u32) -> Self {
        // SAFETY: pidfd_open(2) takes two integers and touches no memory.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        let descriptor = match Errno::result(result) {
            // SAFETY: the call succeeded, so this is a new descriptor that no other object owns.
            Ok(fd) => Some(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
            Err(Errno::ESRCH) => None,
            Err(errno) => panic!("process {pid} cannot be watched: {errno}"),
        };
        Self { pid, descriptor }
    }

    /// Waits until it has exited (a zombie has); false if it has not within `limit`.
    pub fn ended_within(&self, limit: Duration) -> bool {
        let Some(descriptor) = &self.descriptor else { return true };
        let millis = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        loop {
            match poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], millis) {
                Ok(ready) => return ready > 0,
                Err(Errno::EINTR) => {}
                Err(errno) => panic!("polling a process descriptor failed: {errno}"),
            }
        }
    }

    /// Sends it `signal`; false when it has exited.
    ///
    /// # Panics
    ///
    /// When the system refuses for another reason.
    pub fn signal(&self, signal: Signal) -> bool {
        let Some(descriptor) = &self.descriptor else { return false };
        // SAFETY: pidfd_send_signal(2) with a null siginfo reads no memory; the descriptor is open.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                descriptor.as_raw_fd(),
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match Errno::result(result) {
            Ok(_) => true,
            Err(Errno::ESRCH) => false,
            Err(errno) => panic!("process {} cannot be sent {signal}: {errno}", self.pid),
        }
    }
}
