//! How long a task took, on a machine that may have had other things to do.
//!
//! Owns the distinction between a task that took its time and a thread that was not let run, and the
//! clock that both processes read. Knows no tasks.

use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// From here on it is worth a system call (0.3 µs) to ask whether the thread was displaced. Shorter
/// asks more often; a thread is rarely displaced for less.
const SUSPICIOUS: Duration = Duration::from_micros(500);

/// What the monotonic clock says, in nanoseconds: the same in every process of the machine.
pub(crate) fn monotonic_nanos() -> u64 {
    // Every Linux has this clock; without it nothing here would know any time.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// Measures what the calling thread does from one instant to the next.
#[derive(Debug)]
pub(crate) struct TaskClock {
    /// When the current task began; `None` while there is none.
    started: Option<Instant>,
    /// What the thread had used when it was last asked.
    used: Option<Used>,
    /// The same instant by both clocks, so that a task's start needs to be asked for only once.
    origin: (Instant, u64),
}

#[derive(Debug, Clone, Copy)]
struct Used {
    cpu: Duration,
    displaced: i64,
}

impl TaskClock {
    pub(crate) fn new() -> Self {
        let origin = (Instant::now(), monotonic_nanos());
        Self { started: None, used: used_by_this_thread(), origin }
    }

    /// Begins a task now, unless it began when the one before it ended. Returns when, as
    /// [`monotonic_nanos`].
    pub(crate) fn start(&mut self) -> u64 {
        let started = *self.started.get_or_insert_with(Instant::now);
        let (instant, nanos) = self.origin;
        nanos + u64::try_from((started - instant).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Ends the task, and begins the next one unless [`pause`](Self::pause) is called before. Returns
    /// how long it took: by the wall, or, when the thread was displaced meanwhile, on a CPU.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let wall = self.started.replace(now).map_or(Duration::ZERO, |started| now - started);
        if wall < SUSPICIOUS {
            return wall;
        }
        let Some(used) = used_by_this_thread() else { return wall };
        match self.used.replace(used) {
            // Includes the shorter tasks since the last question, which do not matter beside this.
            Some(before) if before.displaced != used.displaced => wall.min(used.cpu - before.cpu),
            _ => wall,
        }
    }

    /// Says that nothing goes on until the next start.
    pub(crate) fn pause(&mut self) {
        self.started = None;
    }
}

fn used_by_this_thread() -> Option<Used> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    let cpu = Duration::from_micros(u64::try_from(micros).ok()?);
    Some(Used { cpu, displaced: usage.involuntary_context_switches() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_sleeps_takes_its_time() {
        let mut clock = TaskClock::new();
        clock.start();
        clock.lap();
        std::thread::sleep(4 * SUSPICIOUS);
        // Unless it was displaced in the few instructions around the sleep.
        let took = clock.lap();
        assert!(took >= 4 * SUSPICIOUS || clock.used.is_some_and(|used| used.displaced > 0));
    }

    #[test]
    fn what_lies_in_a_pause_belongs_to_no_task() {
        let mut clock = TaskClock::new();
        clock.start();
        clock.pause();
        assert_eq!(clock.lap(), Duration::ZERO);
    }
}
