//! Named shared memory: its owner, and its removal.
//!
//! Other programs and other runs of the suite have theirs in the same folder: an object belongs to a run
//! if one of its processes uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::process::{self, descriptors_of};

/// The folder of the names.
const FOLDER: &str = "/dev/shm/";

/// Returns the names that processes use, and those of `names` that still exist.
pub(super) fn used_by(
    pids: impl IntoIterator<Item = u32>,
    names: BTreeSet<String>,
) -> BTreeSet<String> {
    let mut found = names;
    // A semaphore is created under a temporary name, which the map of its creator continues to show.
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let by_inode: BTreeMap<u64, String> = entries
        .filter_map(|entry| Some((entry.ino(), entry.file_name().into_string().ok()?)))
        .collect();
    for pid in pids {
        let maps = maps_of(pid);
        for map in maps.lines().filter(|map| map.contains(FOLDER)) {
            let inode = map.split_whitespace().nth(4).and_then(|inode| inode.parse().ok());
            found.extend(inode.and_then(|inode: u64| by_inode.get(&inode).cloned()));
            found.extend(name_in(map));
        }
        found.extend(descriptors_of(pid).iter().filter_map(|(_, target)| name_in(target)));
    }
    found.retain(|name| path(name).exists());
    found
}

/// Passes names to the watcher before their users are killed: this process may be ended before it removes
/// them, and then their owner would be unknown.
pub(super) fn note(names: &BTreeSet<String>, runs: &Path) {
    if names.is_empty() {
        return;
    }
    let lines: String = names.iter().map(|name| format!("{FOLDER}{name}\n")).collect();
    // Without a watcher's list only this process removes them.
    if let Ok(mut list) = OpenOptions::new().create(true).append(true).open(runs.join("shared")) {
        let _ = list.write_all(lines.as_bytes());
    }
}

/// Removes the objects that a run has left: those that are newer than it, and used only by the `killed`
/// processes, which may take a moment to exit. A library that removes the names of its semaphores at its
/// program's exit cannot do so if all processes are killed.
pub(super) fn remove(names: &BTreeSet<String>, began: SystemTime, killed: &BTreeSet<u32>) {
    let is_younger = |name: &&String| {
        let changed = fs::metadata(path(name)).and_then(|about| about.modified());
        changed.is_ok_and(|changed| changed >= began)
    };
    let young: Vec<&String> = names.iter().filter(is_younger).collect();
    if young.is_empty() {
        return;
    }
    let others = process::all().into_iter().map(|process| process.pid);
    let used = used_by(others.filter(|pid| !killed.contains(pid)), BTreeSet::new());
    for name in young.into_iter().filter(|name| !used.contains(*name)) {
        // It may have been removed in the meantime.
        let _ = fs::remove_file(path(name));
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn maps_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default()
}

/// Returns the name at the end of `text`, the target of a descriptor or a line of a process's maps.
fn name_in(text: &str) -> Option<String> {
    text.split_once(FOLDER).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::{remove, used_by};

    #[test]
    fn shared_memory_is_attributed_to_its_creator() {
        let me = std::process::id();
        let name = format!("conformance-{me}");
        let path = format!("/dev/shm/{name}");
        let sees = |pids: &[u32], known: &[String]| {
            used_by(pids.iter().copied(), known.iter().cloned().collect()).contains(&name)
        };
        let known = std::slice::from_ref(&name);
        let file = File::create(&path).expect("there is such a folder");
        assert!(!sees(&[], &[]), "it is not the run's");
        assert!(sees(&[me], &[]), "a process of the run has it open");
        drop(file);
        assert!(!sees(&[me], &[]), "nobody has it open");
        assert!(sees(&[], known), "it was the run's, and is there");
        fs::remove_file(&path).expect("it is there");
        assert!(!sees(&[], known), "it is gone");
    }

    #[test]
    #[ignore = "needs python3: it maps what another process has made"]
    fn a_semaphore_is_attributed_to_its_creator() {
        // Like sem_open: mapped under a name that is removed once the final one exists.
        let me = std::process::id();
        let (first, last) = (format!("/dev/shm/{me}-first"), format!("/dev/shm/{me}-last"));
        fs::write(&first, "a semaphore").expect("there is such a folder");
        let mut program = std::process::Command::new("python3");
        let mapped = "import mmap, os, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0); \
                      f.close(); print(flush=True); sys.stdin.read()";
        program.args(["-c", mapped, &first]);
        program.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut maker = program.spawn().expect("there is Python");
        std::io::Read::read(&mut maker.stdout.take().expect("it is piped"), &mut [0])
            .expect("it says so");
        fs::hard_link(&first, &last).expect("the name is free");
        fs::remove_file(&first).expect("it is there");
        let used = used_by([maker.id()], BTreeSet::new());
        drop(maker.stdin.take());
        maker.wait().expect("it ends with its input");
        fs::remove_file(&last).expect("it is there");
        assert_eq!(used, BTreeSet::from([format!("{me}-last")]));
    }

    #[test]
    fn only_unused_objects_of_the_run_are_removed() {
        let name = format!("conformance-left-{}", std::process::id());
        let path = std::path::PathBuf::from(format!("/dev/shm/{name}"));
        let (names, nobody) = (BTreeSet::from([name]), BTreeSet::new());
        let file = File::create(&path).expect("there is such a folder");
        let made = file.metadata().and_then(|about| about.modified()).expect("it has a time");
        remove(&names, SystemTime::UNIX_EPOCH, &nobody);
        assert!(path.exists(), "this process uses it");
        drop(file);
        remove(&names, made + Duration::from_nanos(1), &nobody);
        assert!(path.exists(), "it is older than the run");
        remove(&names, made, &nobody);
        assert!(!path.exists());
    }
}
