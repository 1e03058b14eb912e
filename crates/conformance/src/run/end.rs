//! The end of a run: its processes are killed and reaped, and its shared memory is removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::{process, shared_memory};

/// Kills the processes of the run, including its first one, and reaps it. Removes the shared memory that
/// it has left, including the objects `seen` by earlier looks.
pub(super) fn kill_all(first: &mut Child, scratch: &Path, seen: BTreeSet<String>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let (mut shared, mut killed) = (seen, BTreeSet::from([first.id()]));
    loop {
        let pid = Pid::from_raw(first.id() as i32);
        let there = process::of_run(first.id(), scratch);
        shared = shared_memory::used_by(there.iter().map(|process| process.pid), shared);
        if let Some(runs) = scratch.parent() {
            shared_memory::note(&shared, runs);
        }
        let ended = !matches!(first.try_wait(), Ok(None));
        if ended && there.is_empty() {
            break;
        }
        if !ended {
            // Its pid stays reserved until it is reaped here.
            let _ = killpg(pid, Signal::SIGKILL);
        }
        for process in there {
            killed.insert(process.pid);
            let _ = kill(Pid::from_raw(process.pid as i32), Signal::SIGKILL);
        }
        if Instant::now() > deadline {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
        process::reap_orphans();
    }
    process::disown(first.id());
    process::reap_orphans();
    let began = fs::metadata(scratch.join(process::GROUP)).and_then(|about| about.modified());
    shared_memory::remove(&shared, began.unwrap_or_else(|_| SystemTime::now()), &killed);
}
