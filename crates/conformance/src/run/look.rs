//! Looks at the system from outside the pool.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::process;
use crate::contract::now;
use crate::history::Sample;

/// Looks at the processes of `owner`, after the looks `before`.
pub(super) fn look(name: &str, owner: u32, before: &[Sample]) -> Sample {
    let descendants = process::descendants(owner);
    let alive: BTreeSet<u32> = descendants
        .iter()
        .filter(|process| process.is_alive())
        .map(|process| process.pid)
        .collect();
    let zombies =
        descendants.iter().filter(|process| process.state == 'Z' && process.parent == owner);
    let count = |what: &str| {
        fs::read_dir(format!("/proc/{owner}/{what}")).map_or(0, |entries| entries.flatten().count())
    };
    let ours: BTreeSet<u32> =
        descendants.iter().map(|process| process.pid).chain([owner]).collect();
    let known = before.iter().flat_map(|sample| sample.shared_memory.iter().cloned()).collect();
    Sample {
        name: name.to_owned(),
        at: now(),
        descriptors: count("fd"),
        threads: count("task"),
        zombies: zombies.map(|process| process.pid).collect(),
        opened: alive.iter().map(|pid| (*pid, descriptors_of(*pid))).collect(),
        memory: alive.iter().filter_map(|pid| Some((*pid, memory_of(*pid)?))).collect(),
        alive,
        shared_memory: shared_memory(&ours, known),
    }
}

fn descriptors_of(pid: u32) -> Vec<(i32, String)> {
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

/// The part of its memory that is in use and no file's, in KiB.
fn memory_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Where shared memory has its names.
const SHARED_MEMORY: &str = "/dev/shm/";

/// Returns which of `names` are there, with the names that one of `pids` uses. Other programs of the
/// machine, and other runs of the suite, have theirs in the same place: that a process of the run uses one
/// is how it is known whose it is.
fn shared_memory(pids: &BTreeSet<u32>, names: BTreeSet<String>) -> BTreeSet<String> {
    let mut found = names;
    for pid in pids {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        found.extend(maps.lines().filter_map(name_in));
        found.extend(descriptors_of(*pid).iter().filter_map(|(_, target)| name_in(target)));
    }
    found.retain(|name| Path::new(SHARED_MEMORY).join(name).exists());
    found
}

/// Returns the name that `text`, the target of a descriptor or a line of a process's maps, ends with.
fn name_in(text: &str) -> Option<String> {
    text.split_once(SHARED_MEMORY).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::{self, File};

    use super::shared_memory;

    #[test]
    fn shared_memory_is_whose_it_was() {
        let (nobody, me) = (BTreeSet::new(), BTreeSet::from([std::process::id()]));
        let name = format!("conformance-{}", std::process::id());
        let path = format!("/dev/shm/{name}");
        let sees = |pids, known: &[String]| {
            shared_memory(pids, known.iter().cloned().collect()).contains(&name)
        };
        let known = std::slice::from_ref(&name);
        let file = File::create(&path).expect("there is such a folder");
        assert!(!sees(&nobody, &[]), "it is not the run's");
        assert!(sees(&me, &[]), "a process of the run has it open");
        drop(file);
        assert!(!sees(&me, &[]), "nobody has it open");
        assert!(sees(&nobody, known), "it was the run's, and is there");
        fs::remove_file(&path).expect("it is there");
        assert!(!sees(&nobody, known), "it is gone");
    }
}
