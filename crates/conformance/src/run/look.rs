//! Looks at the system from outside the pool.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use procpool_contract::{TRACE_FILE, now};

use super::adapter::TEMPORARY;
use super::{process, shared_memory, surroundings};
use crate::history::Sample;

/// Looks at the processes of `owner` and at its temporary files, after the looks `before`.
pub(super) fn look(name: &str, owner: u32, scratch: &Path, before: &[Sample]) -> Sample {
    let descendants = process::descendants(owner, scratch);
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
    let ours = descendants.iter().map(|process| process.pid).chain([owner]);
    let trace = fs::canonicalize(scratch.join(TRACE_FILE)).unwrap_or_default();
    // The runtime has the trace open for the moment of a line.
    let opened = |pid: u32| {
        let opened = process::descriptors_of(pid).into_iter();
        opened.filter(|(_, target)| Path::new(target) != trace).collect()
    };
    let known = before.iter().flat_map(|sample| sample.shared_memory.iter().cloned()).collect();
    Sample {
        name: name.to_owned(),
        at: now(),
        descriptors: count("fd"),
        threads: count("task"),
        zombies: zombies.map(|process| process.pid).collect(),
        opened: alive.iter().map(|pid| (*pid, opened(*pid))).collect(),
        memory: alive.iter().filter_map(|pid| Some((*pid, memory_of(*pid)?))).collect(),
        surroundings: surroundings::of_all(owner, &alive),
        alive,
        shared_memory: shared_memory::used_by(ours, known),
        temporary: names_in(&scratch.join(TEMPORARY)),
    }
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The part of its memory that is in use and not backed by a file, in KiB.
fn memory_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}
