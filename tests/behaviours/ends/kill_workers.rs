//! `kill_workers`: the end for workers that do not exit.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{BrokenCause, Error, Future};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::causes::{assert_broken, cause_after, cause_for};
use crate::behaviours::pools::{pool, pool_beside_another};

// Behaviours: SUB-05, SHUT-17, SHUT-19, SHUT-21.
#[test]
fn killing_fails_unfinished_tasks_and_keeps_results() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let done = executor.submit(pid, ());
        let worker = done.result().unwrap();
        let running = executor.submit(cross, crossing.places());
        let pending: Vec<_> = (0..100).map(|_| executor.submit(pid, ())).collect();
        let cancelled = executor.submit(pid, ());
        assert!(cancelled.cancel());
        let mapped = executor.map(pid, [(), ()]);
        crossing.wait_for(1);
        let watched = Watched::new(worker);
        let cause = cause_after(&running, || executor.kill_workers());
        assert_eq!(cause, BrokenCause::Killed);
        assert!(pending.iter().all(|future| cause_for(future) == cause));
        assert!(mapped.map(Result::unwrap_err).all(|error| cause_of(&error) == &cause));
        assert_eq!(cancelled.result(), Err(Error::Cancelled));
        assert_eq!(done.result(), Ok(worker));
        assert_broken(&executor, &cause);
        assert!(watched.ended_within(watch::HANG));
        let text = running.error().unwrap().to_string();
        let expected = "the process pool is broken: its workers were killed by kill_workers()";
        assert_eq!(text, expected);
    });
}

// Behaviours: SHUT-18.
#[test]
fn killing_an_idle_pool_breaks_it() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let watched = Watched::new(executor.submit(pid, ()).result().unwrap());
        executor.kill_workers();
        executor.kill_workers();
        assert_broken(&executor, &BrokenCause::Killed);
        drop(executor);
        assert!(procpool_testkit::os::process(watched.pid).is_none(), "it is reaped, too");
    });
}

// Behaviours: SHUT-18.
#[test]
fn killing_a_pool_without_workers_breaks_it() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        executor.kill_workers();
        assert_broken(&executor, &BrokenCause::Killed);
    });
}

// Behaviours: SHUT-23.
#[test]
fn killing_interrupts_the_sending_of_a_long_argument() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let worker = executor.submit(pid, ()).result().unwrap();
        // It reads nothing any more: the parent is in the middle of sending.
        kill(Pid::from_raw(worker as i32), Signal::SIGSTOP).expect("the worker is alive");
        let stuck = executor.submit(|bytes: Vec<u8>| bytes.len(), vec![0; 110 << 20]);
        assert!(!stuck.running() && !stuck.done());
        assert_eq!(cause_after(&stuck, || executor.kill_workers()), BrokenCause::Killed);
        drop(executor);
        assert!(procpool_testkit::os::process(worker).is_none());
    });
}

// Behaviours: SHUT-24.
#[test]
fn killing_ends_a_pool_full_of_cancelled_long_arguments() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let arguments = (0..10).map(|_| vec![1; 16 << 20]);
        let futures: Vec<_> =
            arguments.map(|bytes| executor.submit(|bytes: Vec<u8>| bytes.len(), bytes)).collect();
        assert_eq!(futures[0].result(), Ok(16 << 20));
        let cancelled = futures.iter().filter(|future| future.cancel()).count();
        executor.kill_workers();
        drop(executor);
        assert!(futures.iter().all(Future::done));
        let told = futures.iter().filter(|future| future.error() == Some(Error::Cancelled)).count();
        assert_eq!(told, cancelled);
    });
}

#[test]
fn killing_ends_a_shutdown_that_would_wait_forever() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        std::thread::scope(|scope| {
            let ending = scope.spawn(|| executor.shutdown());
            while !executor.submit(pid, ()).done() {
                std::thread::yield_now();
            }
            executor.kill_workers();
            ending.join().unwrap();
        });
        assert_eq!(cause_for(&running), BrokenCause::Killed);
    });
}

#[test]
fn killing_one_pool_spares_another() {
    watch::within(watch::HANG, || {
        let (one, another) = (pool(1), pool_beside_another(1));
        let worker = another.submit(pid, ()).result();
        one.submit(pid, ()).result().unwrap();
        one.kill_workers();
        drop(one);
        assert_eq!(another.submit(pid, ()).result(), worker);
    });
}
