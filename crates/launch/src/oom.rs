//! The memory of processes: how much they occupy, which ones the kernel's out-of-memory killer takes first,
//! and whether it has taken one.
//!
//! Owns the count of its kills in the control group of this process, which workers inherit. The kernel
//! counts a kill before the process ends, so a worker's death is explained by a kill that no earlier
//! death was.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use procpool_control::WorkerExit;

use crate::{Process, StartError};

/// The file with the count, and how many kills are accounted for; `None` if there is no such file.
#[derive(Debug)]
pub struct OomKills(Option<(PathBuf, u64)>);

impl Default for OomKills {
    fn default() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::of(&groups, Path::new("/sys/fs/cgroup"))
    }
}

impl OomKills {
    /// Counts from now on, in one of the control groups `groups`, as /proc lists them: that of
    /// version 1's memory controller, or else that of version 2.
    fn of(groups: &str, root: &Path) -> Self {
        let groups = || groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(":/"));
        let has_memory = |names: &str| names.split(',').any(|name| name == "memory");
        let first = groups().find(|(names, _)| has_memory(names));
        let second = groups().find(|(names, _)| names.is_empty());
        let first =
            first.map(|(_, path)| root.join("memory").join(path).join("memory.oom_control"));
        let file = first.or_else(|| Some(root.join(second?.1).join("memory.events")));
        Self(file.and_then(|file| count(&file).map(|seen| (file, seen))))
    }

    /// Whether a kill that is not accounted for yet explains this end of a worker. It does from now on.
    pub fn explain(&mut self, exit: WorkerExit) -> bool {
        let Some((file, seen)) = &mut self.0 else { return false };
        let is_new = exit == WorkerExit::Signal(libc::SIGKILL)
            && count(file).is_some_and(|count| count > *seen);
        *seen += u64::from(is_new);
        is_new
    }
}

/// The number of kills that a file of a control group reports.
fn count(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// Sets how soon the killer takes `process`, which has or had the number `pid`. One that has ended is
/// no error.
///
/// # Errors
///
/// The system's.
pub fn set_oom_score(pid: u32, process: &Process, score: i16) -> Result<(), StartError> {
    let file = File::options().write(true).open(format!("/proc/{pid}/oom_score_adj"));
    let written = file.and_then(|mut file| {
        // If it still runs now that the file is open, the number was not reused before.
        if process.has_ended() { Ok(()) } else { file.write_all(score.to_string().as_bytes()) }
    });
    match written {
        Err(error) if !process.has_ended() => {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
            Err(StartError { what: "the oom_score_adj of a worker", errno })
        }
        _ => Ok(()),
    }
}

/// Returns how many bytes of memory a process occupies; `None` if that cannot be read.
pub fn resident(pid: u32) -> Option<u64> {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages.saturating_mul(size as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: WorkerExit = WorkerExit::Signal(libc::SIGKILL);

    /// Writes the files of a control group with `kills`.
    fn write(root: &Path, kills: u64) {
        let first = format!("oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n");
        let second = format!("low 0\nhigh 7\nmax 8\noom 9\noom_kill {kills}\noom_group_kill 9\n");
        for (group, file, text) in [
            ("memory/a/b", "memory.oom_control", first),
            ("", "memory.events", second.clone()),
            ("c", "memory.events", second),
        ] {
            fs::create_dir_all(root.join(group)).unwrap();
            fs::write(root.join(group).join(file), text).unwrap();
        }
    }

    #[test]
    fn each_kill_explains_one_death_by_sigkill() {
        for groups in ["0::/c\n", "0::/\n", "9:cpu,memory:/a/b\n1:cpu:/\n0::/missing\n"] {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), 4);
            let mut kills = OomKills::of(groups, root.path());
            assert!(!kills.explain(KILLED), "{groups}: they are older");
            write(root.path(), 6);
            for other in [WorkerExit::Signal(libc::SIGTERM), WorkerExit::Code(9)] {
                assert!(!kills.explain(other), "{groups}: {other}");
            }
            assert_eq!([(); 3].map(|()| kills.explain(KILLED)), [true, true, false], "{groups}");
        }
    }

    #[test]
    fn without_a_count_nothing_is_known() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 0);
        let lists = ["", "0::\n", "0::/d\n", "9:memory:/c\n", "1:cpu:/c\n", "nonsense", "1:memory"];
        let mut all = lists.map(|groups| OomKills::of(groups, root.path()));
        write(root.path(), 1);
        assert!(all.iter_mut().all(|kills| !kills.explain(KILLED)), "{all:?}");
        fs::write(root.path().join("memory.events"), "oom_kill many\n").unwrap();
        let mut kills = OomKills::of("0::/\n", root.path());
        write(root.path(), 2);
        assert!(!kills.explain(KILLED));
    }

    #[test]
    fn a_count_that_disappears_explains_nothing() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 0);
        let mut kills = OomKills::of("0::/c\n", root.path());
        fs::remove_dir_all(root.path().join("c")).unwrap();
        assert!(!kills.explain(KILLED));
    }
}
