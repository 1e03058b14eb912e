//! The load of the machine by other programs.
//!
//! Owns one comparison: the CPU time of all processes, against that of this process and its reaped
//! children. Contenders that take turns suffer alike, but a target for two CPUs cannot be met with one; so
//! a row reports the CPUs that it did not get.

use std::fs;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

use crate::Outcome;

/// Counters at one moment, or over a span.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Load {
    /// In seconds, like the others.
    time: f64,
    /// CPU time of all processes.
    everybody: f64,
    /// CPU time of this process and its reaped children.
    own: f64,
}

impl Load {
    /// Reads the counters.
    pub(crate) fn now() -> Outcome<Self> {
        let mut own = 0.0;
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who)?;
            own += seconds(usage.user_time()) + seconds(usage.system_time());
        }
        let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
        let everybody = busy_ticks(&fs::read_to_string("/proc/stat")?)? / per_second;
        let time = seconds(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
        Ok(Self { time, everybody, own })
    }

    /// The span from `earlier` to this moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            time: self.time - earlier.time,
            everybody: self.everybody - earlier.everybody,
            own: self.own - earlier.own,
        }
    }

    /// Both spans together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            everybody: self.everybody + other.everybody,
            own: self.own + other.own,
        }
    }

    /// The average number of CPUs that others kept busy over this span.
    pub(crate) fn of_others(self) -> f64 {
        // The two clocks tick differently.
        ((self.everybody - self.own) / self.time.max(1e-3)).max(0.0)
    }
}

fn seconds(value: impl TimeValLike) -> f64 {
    value.num_microseconds() as f64 / 1e6
}

/// CPU time that is neither idle nor waiting for a disk, including time stolen by other guests.
fn busy_ticks(stat: &str) -> Outcome<f64> {
    let line = stat.lines().next().unwrap_or_default();
    let fields: Vec<f64> =
        line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
    match fields[..] {
        [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] => {
            Ok(user + nice + system + irq + softirq + steal)
        }
        _ => Err("/proc/stat has another form".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_not_busy() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(busy_ticks(stat).unwrap(), 63.0);
        assert!(busy_ticks("cpu 1 2\n").is_err());
        assert!(busy_ticks("").is_err());
    }

    #[test]
    fn time_of_peers_and_own_time_do_not_count_as_load_of_others() {
        let load = |time, everybody, own| Load { time, everybody, own };
        let row = load(110.0, 30.0, 5.0).since(load(100.0, 10.0, 1.0));
        assert_eq!(row, load(10.0, 20.0, 4.0));
        assert_eq!(row.of_others(), 1.6);
        let peers = load(2.0, 8.0, 0.0).and(load(3.0, 8.0, 0.0));
        assert_eq!(row.since(peers).of_others(), 0.0);
        assert_eq!(load(1.0, 1.0, 1.1).of_others(), 0.0, "no less than nothing");
    }
}
