//! Many failures at once: every worker kills another one, every task its own worker, and tasks are
//! cancelled while their pool breaks.

use std::thread;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{BrokenCause, Error, Future, ProcessPoolExecutor, WorkerExit};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::pools::pool;

/// The number of repetitions of a race. More finds rarer orders of events and takes longer.
const ROUNDS: usize = 30;

/// Asserts that one of these workers was killed, and that this broke the pool.
fn assert_killed(error: &Error, workers: &[u32]) {
    let BrokenCause::WorkerDied(death) = cause_of(error) else { panic!("{error}") };
    assert_eq!(death.exit, WorkerExit::Signal(libc::SIGKILL), "{error}");
    assert!(workers.contains(&death.pid), "{error}: it was not among {workers:?}");
}

/// Starts all workers of a pool and returns their pids.
fn workers_of(executor: &ProcessPoolExecutor, workers: usize) -> Vec<u32> {
    let crossing = Crossing::new();
    let futures: Vec<_> = (0..workers).map(|_| executor.submit(cross, crossing.places())).collect();
    crossing.wait_for(workers);
    crossing.let_go(workers);
    futures.iter().map(|future| future.result().unwrap()).collect()
}

/// Kills the next one in the round; the only one kills itself.
fn kill_neighbour(workers: Vec<u32>) {
    let own = workers.iter().position(|pid| *pid == std::process::id()).expect("it is one");
    let neighbour = workers[(own + 1) % workers.len()];
    // It may have been killed, and be a zombie, but is not reaped while the pool breaks.
    let _ = kill(Pid::from_raw(neighbour as i32), Signal::SIGKILL);
}

// Behaviours: BRK-14.
#[test]
fn workers_that_kill_each_other_break_the_pool() {
    watch::within(watch::HANG, || {
        for workers in [1, 2, 5, 13] {
            let executor = pool(workers);
            let pids = workers_of(&executor, workers);
            let watched: Vec<_> = pids.iter().copied().map(Watched::new).collect();
            let futures: Vec<_> =
                (0..workers).map(|_| executor.submit(kill_neighbour, pids.clone())).collect();
            // A task that was done before its worker was killed has its result.
            for error in futures.iter().filter_map(Future::error) {
                assert_killed(&error, &pids);
            }
            while executor.submit(pid, ()).result().is_ok() {}
            assert_killed(&executor.submit(pid, ()).error().unwrap(), &pids);
            drop(executor);
            assert!(watched.iter().all(|worker| worker.ended_within(watch::HANG)));
        }
    });
}

// Behaviours: BRK-13.
#[test]
fn crashes_with_long_arguments_in_the_queue_fail_every_task() {
    watch::within(watch::HANG, || {
        let crash = |bytes: Vec<u8>| {
            kill_self();
            bytes.len()
        };
        let executor = pool(2);
        let pids = workers_of(&executor, 2);
        let results = executor.map(crash, vec![vec![1; (4 << 20) + 1]; 10]);
        let errors: Vec<_> = results.map(Result::unwrap_err).collect();
        // Tasks submitted after the first death are refused.
        assert!((1..=10).contains(&errors.len()));
        errors.iter().for_each(|error| assert_killed(error, &pids));
    });
}

// Behaviours: BRK-24.
#[test]
fn tasks_can_be_cancelled_while_their_pool_breaks() {
    watch::within(watch::HANG, || {
        for _ in 0..ROUNDS {
            let (crossing, never) = (Crossing::new(), Crossing::new());
            let executor = pool(2);
            let pids = workers_of(&executor, 2);
            let cross_and_die = |places| {
                cross(places);
                kill_self();
            };
            let doomed = executor.submit(cross_and_die, crossing.places());
            crossing.wait_for(1);
            let futures: Vec<_> =
                (0..100).map(|_| executor.submit(cross, never.places())).collect();
            // Some are cancelled before, some while the pool breaks, and some never.
            let (cancelled_before, others) = futures.split_at(10);
            let (cancelled_meanwhile, never_cancelled) = others.split_at(80);
            let before: Vec<bool> = cancelled_before.iter().map(Future::cancel).collect();
            let unhurried = |future: &Future<u32>| {
                (0..2_000).for_each(|_| std::hint::spin_loop());
                future.cancel()
            };
            let meanwhile: Vec<bool> = thread::scope(|scope| {
                let cancelling =
                    scope.spawn(|| cancelled_meanwhile.iter().map(unhurried).collect());
                crossing.let_go(1);
                cancelling.join().unwrap()
            });
            assert_killed(&doomed.error().unwrap(), &pids);
            let cancelled = before.into_iter().chain(meanwhile);
            for (future, cancelled) in
                cancelled_before.iter().chain(cancelled_meanwhile).zip(cancelled)
            {
                match future.error() {
                    Some(Error::Cancelled) => assert!(cancelled),
                    Some(error) => {
                        assert_killed(&error, &pids);
                        assert!(!cancelled, "a cancelled task stays so");
                    }
                    None => panic!("nobody lets it go on"),
                }
            }
            for future in never_cancelled {
                assert_killed(&future.error().unwrap(), &pids);
            }
        }
    });
}
