//! The ends of a pool, in all combinations.

use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use procpool::{Error, Future, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::os::is_gone;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::{builder, pool};

/// Whether to wait and to cancel, in the four ways to shut a pool down.
const WAYS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

fn options((wait, cancel_futures): (bool, bool)) -> ShutdownOptions {
    ShutdownOptions::new().wait(wait).cancel_futures(cancel_futures)
}

/// A pool of one worker with a running task, and two pending ones.
struct Busy {
    crossing: Crossing,
    executor: ProcessPoolExecutor,
    running: Future<u32>,
    pending: [Future<u32>; 2],
}

impl Busy {
    fn new() -> Self {
        let crossing = Crossing::new();
        let executor = pool(1);
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let pending = [executor.submit(pid, ()), executor.submit(pid, ())];
        Self { crossing, executor, running, pending }
    }
}

// Behaviours: SUB-03.
#[test]
fn a_task_submitted_after_the_shutdown_never_runs() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        busy.executor.shutdown_with(ShutdownOptions::new().wait(false));
        let path = busy.crossing.file("ran");
        let write = |path: String| std::fs::write(path, "ran").expect("the folder is there");
        let late = busy.executor.submit(write, path.clone());
        assert_eq!(late.result_timeout(Duration::ZERO), Err(Error::Shutdown), "it is refused");
        busy.crossing.let_go(1);
        let worker = Watched::new(busy.running.result().unwrap());
        assert!(worker.ended_within(watch::HANG));
        assert!(!std::fs::exists(path).unwrap());
    });
}

// Behaviours: SUB-03.
#[test]
fn a_pool_that_was_shut_down_accepts_no_tasks() {
    watch::within(watch::HANG, || {
        for way in WAYS {
            let executor = pool(1);
            executor.submit(pid, ()).result().unwrap();
            executor.shutdown_with(options(way));
            assert_eq!(executor.submit(pid, ()).result(), Err(Error::Shutdown));
            assert_eq!(executor.submit_with(|(), ()| 1, ()).result(), Err(Error::Shutdown));
            let results: Vec<_> = executor.map(pid, [(), ()]).collect();
            assert_eq!(results, [Err(Error::Shutdown)], "the second was not asked for");
        }
        let text = Error::Shutdown.to_string();
        assert_eq!(text, "the pool was shut down and takes no new tasks");
    });
}

// Behaviours: CFG-09, SHUT-07.
#[test]
fn a_pool_that_was_never_used_can_be_shut_down() {
    watch::within(watch::HANG, || {
        for way in WAYS {
            pool(1).shutdown_with(options(way));
        }
        drop(pool(1));
    });
}

// Behaviours: SHUT-01, SHUT-02.
#[test]
fn waiting_returns_when_every_task_is_done_and_every_worker_has_exited() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        let returned = thread::scope(|scope| {
            let ending = scope.spawn(|| busy.executor.shutdown());
            // A task is refused at once, or else waits behind the one that runs.
            while !busy.executor.submit(pid, ()).done() {
                thread::yield_now();
            }
            assert!(!ending.is_finished(), "a task still runs");
            busy.crossing.let_go(1);
            ending.join()
        });
        returned.unwrap();
        assert!(busy.running.done() && busy.pending.iter().all(Future::done));
        let worker = busy.running.result().unwrap();
        assert_eq!(busy.pending.map(|future| future.result()), [Ok(worker), Ok(worker)]);
        assert!(is_gone(worker));
    });
}

// Behaviours: SHUT-04.
#[test]
fn not_waiting_returns_at_once_and_tasks_still_finish() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        busy.executor.shutdown_with(ShutdownOptions::new().wait(false));
        assert!(busy.running.running() && !busy.pending[0].done());
        drop(busy.executor);
        assert!(busy.running.running(), "drop does not wait either then");
        busy.crossing.let_go(1);
        let worker = busy.running.result().unwrap();
        assert_eq!(busy.pending.map(|future| future.result()), [Ok(worker), Ok(worker)]);
        assert!(Watched::new(worker).ended_within(watch::HANG));
    });
}

#[test]
fn cancelling_spares_running_tasks() {
    watch::within(watch::HANG, || {
        for wait in [true, false] {
            let busy = Busy::new();
            thread::scope(|scope| {
                let ending = scope.spawn(|| {
                    busy.executor
                        .shutdown_with(ShutdownOptions::new().wait(wait).cancel_futures(true))
                });
                let pending = busy.pending.each_ref().map(Future::result);
                assert_eq!(pending, [Err(Error::Cancelled), Err(Error::Cancelled)]);
                assert!(busy.pending.iter().all(Future::cancelled));
                assert!(busy.running.running());
                busy.crossing.let_go(1);
                ending.join().unwrap();
            });
            let worker = busy.running.result().unwrap();
            assert!(Watched::new(worker).ended_within(watch::HANG));
        }
    });
}

#[test]
fn cancelling_cancels_the_tail_of_a_map() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let results = executor.map_options().chunksize(1).map(cross, vec![crossing.places(); 20]);
        crossing.wait_for(1);
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
        crossing.let_go(1);
        let results: Vec<_> = results.collect();
        assert!(results[0].is_ok());
        assert_eq!(results[1..], vec![Err(Error::Cancelled); 19]);
    });
}

#[test]
fn a_map_is_completed_by_a_shutdown_that_does_not_cancel() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let results = executor.map(|x: u32| x + 1, 0..500);
        executor.shutdown();
        assert!(results.map(Result::unwrap).eq(1..501));
    });
}

// Behaviours: SHUT-06.
#[test]
fn a_second_shutdown_that_waits_does_so_after_one_that_did_not() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        busy.executor.shutdown_with(ShutdownOptions::new().wait(false));
        thread::scope(|scope| {
            let waits = scope.spawn(|| busy.executor.shutdown());
            assert!(busy.running.running(), "its task cannot have ended");
            busy.crossing.let_go(1);
            waits.join().unwrap();
        });
        assert!(busy.pending.iter().all(|future| future.done()), "it has waited");
        assert!(busy.pending.iter().all(|future| future.result().is_ok()));
    });
}

// Behaviours: SHUT-05.
#[test]
fn cancelling_settles_every_task_of_a_large_pool() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(5);
        let futures: Vec<_> = (0..50).map(|_| executor.submit(cross, crossing.places())).collect();
        crossing.wait_for(5);
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
        let (cancelled, others): (Vec<_>, Vec<_>) =
            futures.iter().partition(|future| future.cancelled());
        assert_eq!((cancelled.len(), others.len()), (45, 5));
        crossing.let_go(5);
        assert!(others.iter().all(|future| future.result().is_ok()));
        assert!(cancelled.iter().all(|future| future.result() == Err(Error::Cancelled)));
    });
}

// Behaviours: SHUT-10.
#[test]
fn a_shutdown_right_after_more_tasks_than_workers_finishes_them() {
    watch::within(watch::HANG, || {
        for _ in 0..100 {
            let executor = pool(2);
            let futures = [0, 1, 2].map(|x| executor.submit(|x: u32| x + 1, x));
            executor.shutdown();
            assert!(futures.iter().all(Future::done), "it has waited");
            assert_eq!(futures.map(|future| future.result()), [Ok(1), Ok(2), Ok(3)]);
        }
    });
}

// Behaviours: SHUT-07.
#[test]
fn every_sequence_of_shutdowns_ends() {
    watch::within(watch::HANG, || {
        for first in WAYS {
            for second in WAYS {
                let executor = pool(1);
                let future = executor.submit(pid, ());
                executor.shutdown_with(options(first));
                executor.shutdown_with(options(second));
                executor.shutdown_with(options(first));
                drop(executor);
                assert!(matches!(future.result(), Ok(_) | Err(Error::Cancelled)));
            }
        }
    });
}

// Behaviours: SHUT-07.
#[test]
fn concurrent_shutdowns_all_wait() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        let together = Barrier::new(9);
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            for _ in 0..8 {
                let (sender, busy, together) = (sender.clone(), &busy, &together);
                scope.spawn(move || {
                    together.wait();
                    busy.executor.shutdown();
                    let worker = busy.running.result_timeout(Duration::ZERO);
                    sender.send(worker.is_ok_and(is_gone)).expect("the receiver waits");
                });
            }
            together.wait();
            busy.crossing.let_go(1);
            assert_eq!(receiver.iter().take(8).collect::<Vec<_>>(), [true; 8]);
        });
    });
}

// Behaviours: SHUT-03, SHUT-08.
#[test]
fn dropping_waits_like_shutdown() {
    watch::within(watch::HANG, || {
        let Busy { crossing, executor, running, pending } = Busy::new();
        let dropping = thread::spawn(move || drop(executor));
        crossing.let_go(1);
        dropping.join().unwrap();
        assert!(running.done() && pending.iter().all(Future::done));
        assert!(is_gone(running.result().unwrap()));
    });
}

#[test]
fn a_thread_that_waits_gets_its_result_during_the_shutdown() {
    watch::within(watch::HANG, || {
        let busy = Busy::new();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| busy.pending[1].result());
            busy.executor.shutdown_with(ShutdownOptions::new().wait(false));
            busy.crossing.let_go(1);
            assert_eq!(waiting.join().unwrap(), busy.running.result());
        });
    });
}

#[test]
fn a_new_pool_may_follow_a_shutdown() {
    watch::within(watch::HANG, || {
        let pids: Vec<u32> = (0..10).map(|_| pool(2).submit(pid, ()).result().unwrap()).collect();
        assert!(pids.into_iter().all(is_gone));
    });
}

#[test]
fn a_pool_that_cancels_on_drop_waits_for_running_tasks_alone() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder().max_workers(1).cancel_on_drop().build().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let pending = executor.submit(pid, ());
        let dropping = thread::spawn(move || drop(executor));
        assert_eq!(pending.result(), Err(Error::Cancelled), "while another task runs");
        assert!(!running.done());
        crossing.let_go(1);
        dropping.join().unwrap();
        assert!(running.result().is_ok());
    });
}
