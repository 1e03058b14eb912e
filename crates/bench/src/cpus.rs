//! The CPUs on which threads may run.
//!
//! Rows that pin do it through [`Pinning`], which gives every thread of this process its CPUs back at the
//! end of the row, even after a panic.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::Outcome;

/// The CPUs that a row uses: the asking side's and the answering side's. The same if there is one.
#[derive(Debug)]
pub(crate) struct Pinning {
    before: CpuSet,
    asking: usize,
    answering: usize,
}

impl Pinning {
    /// Remembers the CPUs of this process. Nothing is pinned yet.
    pub(crate) fn new() -> Outcome<Self> {
        let before = sched_getaffinity(Pid::from_raw(0))?;
        let allowed = allowed(&before);
        let asking = *allowed.first().ok_or("this process may run nowhere")?;
        Ok(Self { before, asking, answering: *allowed.get(1).unwrap_or(&asking) })
    }

    /// Keeps every thread of this process, and its future children, on the answering side.
    pub(crate) fn answering_side(&self) -> Outcome {
        pin(self.answering)
    }

    /// Keeps every thread of this process, and its future children, on the asking side. The pool's own
    /// threads belong to the asking side.
    pub(crate) fn asking_side(&self) -> Outcome {
        pin(self.asking)
    }
}

impl Drop for Pinning {
    fn drop(&mut self) {
        for thread in threads() {
            // A thread that has ended in the meantime needs no CPU.
            let _ = sched_setaffinity(thread, &self.before);
        }
    }
}

/// The number of CPUs that this process may use.
pub(crate) fn count() -> Outcome<usize> {
    Ok(allowed(&sched_getaffinity(Pid::from_raw(0))?).len())
}

fn allowed(cpus: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|cpu| cpus.is_set(*cpu).unwrap_or(false)).collect()
}

fn pin(cpu: usize) -> Outcome {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    for thread in threads() {
        match sched_setaffinity(thread, &cpus) {
            // It has ended in the meantime.
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The threads of this process.
fn threads() -> Vec<Pid> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.map(Pid::from_raw).collect()
}
