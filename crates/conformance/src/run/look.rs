//! Looks at the system from outside the pool.

use std::collections::BTreeSet;
use std::fs;

use nix::time::{ClockId, clock_gettime};

use super::process;
use crate::history::Sample;

/// Looks at the processes of `owner`.
pub(super) fn look(name: &str, owner: u32) -> Sample {
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
    Sample {
        name: name.to_owned(),
        at: now(),
        descriptors: count("fd"),
        threads: count("task"),
        zombies: zombies.map(|process| process.pid).collect(),
        opened: alive.iter().map(|pid| (*pid, descriptors_of(*pid))).collect(),
        memory: alive.iter().filter_map(|pid| Some((*pid, memory_of(*pid)?))).collect(),
        alive,
        shared_memory: shared_memory(&ours),
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

/// Returns the names of shared memory that no process but `ours` uses: other programs of the machine, and
/// other runs of the suite, come and go at the same time.
fn shared_memory(ours: &BTreeSet<u32>) -> BTreeSet<String> {
    let entries = fs::read_dir(SHARED_MEMORY).into_iter().flatten().flatten();
    let mut names: BTreeSet<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    for process in process::all() {
        if names.is_empty() {
            break;
        }
        if ours.contains(&process.pid) {
            continue;
        }
        for (_, target) in descriptors_of(process.pid) {
            forget(&mut names, &target);
        }
        for line in fs::read_to_string(format!("/proc/{}/maps", process.pid))
            .iter()
            .flat_map(|it| it.lines())
        {
            forget(&mut names, line);
        }
    }
    names
}

/// Takes the name out that `text`, the target of a descriptor or a line of a process's maps, ends with.
fn forget(names: &mut BTreeSet<String>, text: &str) {
    if let Some((_, name)) = text.split_once(SHARED_MEMORY) {
        names.remove(name.split('/').next().unwrap_or(name));
    }
}

/// Nanoseconds of CLOCK_MONOTONIC.
pub(super) fn now() -> u64 {
    // The clock exists on every Linux.
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}
