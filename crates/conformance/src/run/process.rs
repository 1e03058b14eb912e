//! The processes of a run: their owner, and their state in /proc.
//!
//! The suite is the subreaper of all of them, so an orphan becomes its child. The environment of an orphan
//! names its run; if it was cleared, its process group does.

use std::collections::BTreeSet;
use std::fs;
use std::iter::successors;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use procpool_contract::FOLDER_VARIABLE;

use super::surroundings::inherit_no_ignored_signal;

/// Processes that a [`Child`] of this program stands for; no other code may reap them.
static OWNED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A process in /proc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) name: String,
    pub(super) state: char,
    pub(super) parent: u32,
    pub(super) group: u32,
}

impl Process {
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

/// Makes this program the subreaper of the orphans of runs.
pub(super) fn become_subreaper() {
    // Supported since Linux 3.4; without it, orphans become children of init and are still found.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// The file in the folder of a run with the pid of its first process, which is also that of its group.
pub(super) const GROUP: &str = "group";

/// Starts a process that only its [`Child`] reaps.
pub(super) fn start(command: &mut Command) -> std::io::Result<Child> {
    become_subreaper();
    inherit_no_ignored_signal();
    // Held during the start: a process that exits at once must not look like an orphan.
    let mut owned = OWNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let child = command.spawn()?;
    owned.insert(child.id());
    Ok(child)
}

/// Returns the state of one process in /proc.
pub(super) fn look_at(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain any character, parentheses too.
    let (head, tail) = stat.rsplit_once(") ")?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = tail.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Process { pid, name, state, parent, group })
}

/// Returns every process.
pub(super) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(look_at).collect()
}

/// Returns the living processes of the run in `scratch`, whose first process was `first`.
pub(super) fn of_run(first: u32, scratch: &Path) -> Vec<Process> {
    let marker = marker(scratch);
    let belongs =
        |process: &Process| process.group == first || has_in_environment(process, &marker);
    all().into_iter().filter(Process::is_alive).filter(belongs).collect()
}

/// The share of the CPUs that the living threads of a run have had, from their beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shares {
    /// The time in which they ran.
    pub(super) ran: Duration,
    /// The time in which they were ready and waited, up to the last time that each of them ran.
    pub(super) waited: Duration,
    /// Whether one of them is ready or runs.
    pub(super) is_ready: bool,
}

/// Returns the shares of the run in `scratch`; zero where the kernel does not count them.
pub(super) fn shares(first: u32, scratch: &Path) -> Shares {
    let threads = |process: Process| fs::read_dir(format!("/proc/{}/task", process.pid));
    let threads = of_run(first, scratch).into_iter().filter_map(|it| threads(it).ok()).flatten();
    let mut shares = Shares::default();
    for thread in threads.flatten() {
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        let mut numbers = text.split(' ').map_while(|it| it.parse().ok());
        shares.ran += Duration::from_nanos(numbers.next().unwrap_or(0));
        shares.waited += Duration::from_nanos(numbers.next().unwrap_or(0));
        let name = thread.file_name().into_string().ok();
        let state = name.and_then(|tid| look_at(tid.parse().ok()?));
        shares.is_ready |= state.is_some_and(|it| it.state == 'R');
    }
    shares
}

/// Returns what the environment of each process of the run in `scratch` has.
fn marker(scratch: &Path) -> String {
    format!("{FOLDER_VARIABLE}={}", scratch.display())
}

fn has_in_environment(process: &Process, marker: &str) -> bool {
    environment(process).split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes())
}

/// Returns the environment of a process.
///
/// A process has no environment during execve: an orphan that has left its group would belong to no run at
/// that moment. So a process whose parent is this one is read again.
fn environment(process: &Process) -> Vec<u8> {
    let read = || fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
    let mut environment = read();
    let is_orphan = process.parent == std::process::id();
    for _ in 0..20 {
        if !environment.is_empty() || !is_orphan {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        environment = read();
    }
    environment
}

/// Returns the descendants of `owner`, zombies included, and the other processes of the run in `scratch` with
/// theirs: a worker that was started in the background of a shell, or by a server of the machine, is not a child of the
/// program.
pub(super) fn descendants(owner: u32, scratch: &Path) -> Vec<Process> {
    let (all, marker) = (all(), marker(scratch));
    let parent = |pid: &u32| Some(all.iter().find(|process| process.pid == *pid)?.parent);
    let above: BTreeSet<u32> = successors(Some(owner), parent).collect();
    let belongs = |process: &&Process| {
        process.is_alive() && !above.contains(&process.pid) && has_in_environment(process, &marker)
    };
    let mut found: Vec<Process> = all.iter().filter(belongs).cloned().collect();
    let mut ancestors: Vec<u32> = found.iter().map(|process| process.pid).chain([owner]).collect();
    while let Some(ancestor) = ancestors.pop() {
        for process in all.iter().filter(|process| process.parent == ancestor) {
            if !found.contains(process) {
                ancestors.push(process.pid);
                found.push(process.clone());
            }
        }
    }
    found
}

/// Returns the process that has the pool: the one that replaced `sh`, or its only child. It is unknown
/// before the shell has started it, and after it has exited and the shell has not.
pub(super) fn owner(first: u32) -> Option<u32> {
    let shell = |process: &Process| matches!(process.name.as_str(), "sh" | "dash" | "bash");
    if !shell(&look_at(first)?) {
        return Some(first);
    }
    let is_child = |child: &Process| child.parent == first && child.is_alive();
    let children: Vec<Process> = all().into_iter().filter(is_child).collect();
    match children.as_slice() {
        [only] => Some(only.pid),
        _ => None,
    }
}

/// Returns the descriptors of a process: number and target.
pub(super) fn descriptors_of(pid: u32) -> Vec<(i32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut found: Vec<(i32, String)> = entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, target.to_string_lossy().into_owned()))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Describes a process.
pub(super) fn tell(process: &Process) -> String {
    let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    let line: Vec<String> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).chars().take(60).collect())
        .collect();
    format!("{} {} ({}): {}", process.pid, process.name, process.state, line.join(" "))
}

/// Records that no [`Child`] of this program stands for a process any more.
pub(super) fn disown(pid: u32) {
    OWNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&pid);
}

/// Reaps the zombies that this process got as the subreaper.
pub(super) fn reap_orphans() {
    let me = std::process::id();
    let owned = OWNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for process in all() {
        if process.parent == me && process.state == 'Z' && !owned.contains(&process.pid) {
            let _ = waitpid(Pid::from_raw(process.pid as i32), Some(WaitPidFlag::WNOHANG));
        }
    }
}
