//! Ends that are requested more than once: each call has its own effect.

use std::thread;

use nix::sys::signal::Signal;
use procpool::{ExitReason, Future, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::{is_gone, signal};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{SHORT, builder, exits, until};

/// A pool whose one worker runs a task, with others behind that.
fn busy(crossing: &Crossing) -> (ProcessPoolExecutor, Future<u32>, Vec<Future<u32>>) {
    let executor = builder(1).build().unwrap();
    let running = executor.submit(cross, crossing.places());
    crossing.wait_for(1);
    let waiting = (0..5).map(|_| executor.submit(pid, ())).collect();
    (executor, running, waiting)
}

// Behaviours: SHUT-06.
#[test]
fn a_later_shutdown_that_waits_and_cancels_does_both() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running, waiting) = busy(&crossing);
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        thread::scope(|scope| {
            let ending =
                scope.spawn(|| executor.shutdown_with(ShutdownOptions::new().cancel_futures(true)));
            until(|| waiting.iter().all(Future::cancelled));
            assert!(running.running() && !ending.is_finished());
            crossing.let_go(1);
            ending.join().unwrap();
        });
        assert!(running.done());
        assert!(is_gone(running.result().unwrap()), "it waited for the worker");
    });
}

// Behaviours: SHUT-06.
#[test]
fn a_later_shutdown_that_only_waits_lets_every_task_run() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running, waiting) = busy(&crossing);
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        crossing.let_go(1);
        executor.shutdown();
        let worker = running.result().unwrap();
        assert!(waiting.iter().all(|future| future.done() && future.result() == Ok(worker)));
        assert!(is_gone(worker));
    });
}

// Behaviours: SHUT-06.
#[test]
fn a_shutdown_that_does_not_wait_may_follow_one_that_does() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running, waiting) = busy(&crossing);
        thread::scope(|scope| {
            let ending = scope.spawn(|| executor.shutdown());
            until(|| executor.submit(pid, ()).done());
            executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
            assert!(waiting.iter().all(Future::cancelled));
            assert!(!ending.is_finished());
            crossing.let_go(1);
            ending.join().unwrap();
        });
        assert!(is_gone(running.result().unwrap()));
    });
}

#[test]
fn drop_after_a_shutdown_that_does_not_wait_does_not_wait() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running, waiting) = busy(&crossing);
        let events = executor.events();
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        drop(executor);
        assert!(running.running());
        crossing.let_go(1);
        assert!(waiting.iter().all(|future| future.result() == running.result()));
        assert_eq!(exits(events), [ExitReason::Finished]);
    });
}

// Behaviours: SHUT-06.
#[test]
fn every_one_of_many_concurrent_shutdowns_has_its_effect() {
    watch::within(watch::HANG, || {
        for _ in 0..10 {
            let crossing = Crossing::new();
            let (executor, running, waiting) = busy(&crossing);
            thread::scope(|scope| {
                for (wait, cancel_futures) in
                    [(false, false), (true, false), (true, true), (false, true)]
                {
                    let (executor, running, waiting) = (&executor, &running, &waiting);
                    scope.spawn(move || {
                        executor.shutdown_with(
                            ShutdownOptions::new().wait(wait).cancel_futures(cancel_futures),
                        );
                        if cancel_futures {
                            assert!(waiting.iter().all(Future::done));
                        }
                        if wait {
                            assert!(running.done() && waiting.iter().all(Future::done));
                        }
                    });
                }
                until(|| waiting.iter().all(Future::cancelled));
                crossing.let_go(1);
            });
            assert!(is_gone(running.result().unwrap()));
        }
    });
}

#[test]
fn a_worker_stopped_as_it_is_asked_to_exit_is_killed_in_time() {
    watch::within(watch::HANG, || {
        let executor = builder(1).finalizer_time_limit(SHORT).build().unwrap();
        let events = executor.events();
        assert_works(&executor);
        let worker = executor.submit(pid, ()).result().unwrap();
        signal(worker, Signal::SIGSTOP);
        executor.shutdown();
        drop(executor);
        assert_eq!(exits(events), [ExitReason::TimeLimitExceeded]);
    });
}
