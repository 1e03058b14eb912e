//! Measures a task's duration, on a machine that may be busy with other work.
//!
//! Owns the distinction between a slow task and a displaced thread, and the clock that both processes read.
//! Knows nothing of the task itself.

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// The shortest duration, in nanoseconds, that justifies a system call (0.3 µs) to check whether the thread was
/// displaced. Shorter checks more often; longer counts longer displacements as work. A thread is rarely
/// displaced for less.
const SUSPICIOUS: u64 = 500_000;

/// Returns the monotonic clock in nanoseconds: the same in every process of the machine.
pub(crate) fn monotonic_nanos() -> u64 {
    // Every Linux has this clock, and it begins near 0.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC);
    now.map_or(0, |now| now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// Measures the calling thread's tasks, in [`monotonic_nanos`].
#[derive(Debug)]
pub(crate) struct TaskClock {
    /// The start of the current task; `None` while there is none.
    started: Option<u64>,
    /// The thread's usage at the last check.
    used: Option<Used>,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    cpu: u64,
    displaced: i64,
}

impl TaskClock {
    pub(crate) fn new() -> Self {
        Self { started: None, used: used_by_this_thread() }
    }

    /// Begins a task now, unless it began at the end of the previous one. Returns its start.
    pub(crate) fn start(&mut self) -> u64 {
        *self.started.get_or_insert_with(monotonic_nanos)
    }

    /// Ends the task, and begins the next one unless [`pause`](Self::pause) follows. Returns its wall-clock
    /// duration, or its CPU time if the thread was displaced during the task and that is shorter.
    pub(crate) fn lap(&mut self) -> u64 {
        let now = monotonic_nanos();
        let wall = now - self.started.replace(now).unwrap_or(now);
        if wall < SUSPICIOUS {
            return wall;
        }
        let Some(used) = used_by_this_thread() else { return wall };
        match self.used.replace(used) {
            // Includes the shorter tasks since the last check, which are negligible.
            Some(before) if before.displaced != used.displaced => {
                wall.min(used.cpu.saturating_sub(before.cpu))
            }
            _ => wall,
        }
    }

    /// Records that no task runs until the next start.
    pub(crate) fn pause(&mut self) {
        self.started = None;
    }
}

fn used_by_this_thread() -> Option<Used> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
    let cpu = u64::try_from((usage.user_time() + usage.system_time()).num_nanoseconds()).ok()?;
    Some(Used { cpu, displaced: usage.involuntary_context_switches() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sleep_counts_as_time_of_its_task() {
        let mut clock = TaskClock::new();
        clock.start();
        clock.lap();
        std::thread::sleep(Duration::from_nanos(4 * SUSPICIOUS));
        // It may have been displaced in the few instructions around the sleep.
        let took = clock.lap();
        assert!(took >= 4 * SUSPICIOUS || clock.used.is_some_and(|used| used.displaced > 0));
    }

    #[test]
    fn a_pause_belongs_to_no_task() {
        let mut clock = TaskClock::new();
        clock.start();
        clock.pause();
        assert_eq!(clock.lap(), 0);
    }
}
