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
    Sample {
        name: name.to_owned(),
        at: now(),
        descriptors: count("fd"),
        threads: count("task"),
        zombies: zombies.map(|process| process.pid).collect(),
        opened: alive.iter().map(|pid| (*pid, descriptors_of(*pid))).collect(),
        alive,
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

/// Nanoseconds of CLOCK_MONOTONIC.
pub(super) fn now() -> u64 {
    // The clock exists on every Linux.
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}
