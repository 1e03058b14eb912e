//! Signals random workers at random instants, and takes away the resources for new ones for moments.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use procpool_testkit::limits::{Limit, first_free_descriptor};
use procpool_testkit::os::{self, Process, Watched};
use rand::RngExt;
use rand::rngs::StdRng;

use super::plan::{Method, Plan};

/// The most workers that a round kills. More could kill them faster than they start, and a round would end
/// only by luck; fewer leave its end undisturbed.
const MOST: u32 = 200;

pub(crate) struct Saboteur<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) random: StdRng,
    /// Whether the round is over.
    pub(crate) over: &'a AtomicBool,
    /// The number of fatal signals sent so far.
    pub(crate) kills: &'a AtomicU32,
}

impl Saboteur<'_> {
    pub(crate) fn run(mut self) {
        let Some(gap) = self.plan.sabotage else { return };
        // Relaxed: the flag guards no other memory.
        while !self.over.load(Ordering::Relaxed) && self.kills.load(Ordering::Relaxed) < MOST {
            self.pause(gap);
            match self.plan.limit {
                Some(limit) if self.random.random_bool(0.3) => self.leave_no_room(limit),
                _ => self.signal_somebody(),
            }
        }
    }

    /// A random time up to `limit`.
    fn pause(&mut self, limit: Duration) {
        std::thread::sleep(limit.mul_f64(self.random.random_range(0.0..1.0)));
    }

    fn leave_no_room(&mut self, limit: Limit) {
        limit.set(match limit {
            Limit::Descriptors => first_free_descriptor() + self.random.random_range(0..6),
            Limit::Processes => 0,
        });
        self.pause(Duration::from_millis(10));
        limit.open();
    }

    fn signal_somebody(&mut self) {
        let this = std::process::id();
        // The forkserver is one process among many, and all workers die with it. With a relay its worker dies, and
        // the pool has one fewer from then on.
        let hits_server = self.random.random_ratio(1, 100);
        let candidates: fn(u32) -> Vec<Process> = match (self.plan.method, hits_server) {
            (Method::Relays, true) => |this| with_argument(this, "--procpool-relay"),
            (Method::Relays, false) => |this| with_argument(this, "--procpool-worker"),
            (_, true) => os::servers_of,
            (_, false) => os::workers_of,
        };
        let those = candidates(this);
        if those.is_empty() {
            return;
        }
        let pid = those[self.random.random_range(0..those.len())].pid;
        let victim = Watched::new(pid);
        // The pid may have been reused before it was watched, but not after.
        if !candidates(this).iter().any(|process| process.pid == pid) {
            return;
        }
        let moment = Duration::from_millis(3);
        match self.random.random_range(0..6) {
            0 => {
                victim.signal(Signal::SIGSTOP);
                self.pause(moment);
                victim.signal(Signal::SIGCONT);
                return;
            }
            1 => {
                victim.signal(Signal::SIGSTOP);
                self.pause(moment);
                victim.signal(Signal::SIGKILL);
            }
            2 => drop(victim.signal(Signal::SIGTERM)),
            _ => drop(victim.signal(Signal::SIGKILL)),
        }
        self.kills.fetch_add(1, Ordering::Relaxed);
    }
}

/// Descendants with this first argument.
fn with_argument(this: u32, argument: &str) -> Vec<Process> {
    let has_it = |process: &Process| {
        let line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(argument.as_bytes())
    };
    os::descendants_of(this).into_iter().filter(has_it).collect()
}
