//! Workers that are killed while their pool ends: it still ends, and reports the death.

use std::thread;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{BrokenCause, Future, ProcessPoolExecutor, ShutdownOptions, WorkerExit};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::causes::{cause_after, cause_for};
use crate::behaviours::pools::{pool, pool_beside_another};

/// Two workers, both with a task that stops at the crossing, and a pending task.
struct Busy {
    /// Never opened: the tasks end with their workers.
    _crossing: Crossing,
    executor: ProcessPoolExecutor,
    workers: Vec<Watched>,
    futures: Vec<Future<u32>>,
}

impl Busy {
    fn new() -> Self {
        let crossing = Crossing::new();
        let executor = pool(2);
        let cross_both = || [0, 1].map(|_| executor.submit(cross, crossing.places()));
        let first = cross_both();
        crossing.wait_for(2);
        crossing.let_go(2);
        let workers = first.iter().map(|future| Watched::new(future.result().unwrap())).collect();
        let mut futures = Vec::from(cross_both());
        crossing.wait_for(2);
        futures.push(executor.submit(pid, ()));
        Self { _crossing: crossing, executor, workers, futures }
    }

    fn kill_one(&self) {
        let pid = Pid::from_raw(self.workers[0].pid as i32);
        kill(pid, Signal::SIGKILL).expect("the worker is alive");
    }

    /// Kills one worker; asserts that all tasks fail with that cause, in time, and all workers exit.
    fn assert_breaks_when_one_is_killed(&self) {
        let cause = cause_after(&self.futures[0], || self.kill_one());
        let BrokenCause::WorkerDied(death) = &cause else { panic!("{cause}") };
        let killed = (self.workers[0].pid, WorkerExit::Signal(libc::SIGKILL));
        assert_eq!((death.pid, death.exit), killed);
        assert!(self.futures.iter().all(|future| cause_for(future) == cause));
        assert!(self.workers.iter().all(|worker| worker.ended_within(watch::HANG)));
    }
}

// Behaviours: SHUT-09.
#[test]
fn a_worker_killed_after_the_drop_fails_the_remaining_tasks() {
    watch::within(watch::HANG, || {
        let mut busy = Busy::new();
        busy.executor.shutdown_with(ShutdownOptions::new().wait(false));
        // Dropped, as at the end of its scope.
        drop(std::mem::replace(&mut busy.executor, pool_beside_another(1)));
        busy.assert_breaks_when_one_is_killed();
    });
}

// Behaviours: SHUT-12.
#[test]
fn a_worker_killed_during_a_shutdown_that_waits_ends_the_wait() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        thread::scope(|scope| {
            let ending = scope.spawn(|| busy.executor.shutdown());
            // A task is refused at once, or else waits behind those that run.
            while !busy.executor.submit(pid, ()).done() {
                thread::yield_now();
            }
            assert!(!ending.is_finished(), "two tasks still run");
            busy.assert_breaks_when_one_is_killed();
            ending.join().unwrap();
        });
    });
}

// Behaviours: SHUT-12.
#[test]
fn a_worker_killed_at_the_moment_of_the_shutdown_ends_the_wait() {
    watch::within(watch::HANG, || {
        for _ in 0..20 {
            let busy = Busy::new();
            thread::scope(|scope| {
                scope.spawn(|| busy.kill_one());
                busy.executor.shutdown();
            });
            assert!(busy.futures.iter().all(|future| future.done() && future.error().is_some()));
        }
    });
}
