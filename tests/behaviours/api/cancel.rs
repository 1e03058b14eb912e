//! The effects of cancelling, and their limits.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use procpool::{Error, Future};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};

use crate::behaviours::pools::{busy_pool, pool};

/// Leaves a trace, so that a task that ran is known to have run.
fn leave_trace(path: String) {
    trace::append(&path, "ran");
}

// Behaviours: CAN-01, CAN-02, FUT-01, FUT-04.
#[test]
fn a_pending_task_is_cancelled_and_never_runs() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let path = crossing.file("trace");
        let pending = executor.submit(leave_trace, path.clone());
        assert!(pending.cancel() && pending.cancel(), "again is no error");
        assert_eq!((pending.cancelled(), pending.done(), pending.running()), (true, true, false));
        assert_eq!(pending.result(), Err(Error::Cancelled));
        assert_eq!(pending.error(), Some(Error::Cancelled));
        crossing.let_go(1);
        busy.result().unwrap();
        drop(executor);
        assert_eq!(trace::read::<String>(Path::new(&path)), []);
    });
}

#[test]
fn tasks_behind_a_cancelled_one_run() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let futures: Vec<_> = (0..100).map(|_| executor.submit(pid, ())).collect();
        assert!(futures.iter().step_by(2).all(|future| future.cancel()));
        crossing.let_go(1);
        let worker = busy.result();
        for pair in futures.chunks(2) {
            assert_eq!(pair[0].result(), Err(Error::Cancelled));
            assert_eq!(pair[1].result(), worker);
        }
    });
}

// Behaviours: CAN-01, CAN-05.
#[test]
fn a_running_task_is_not_cancelled() {
    watch::within(watch::HANG, || {
        let (crossing, _executor, running) = busy_pool();
        assert!(!running.cancel());
        assert!(running.running() && !running.cancelled());
        crossing.let_go(1);
        assert!(running.result().is_ok());
    });
}

// Behaviours: CAN-01.
#[test]
fn a_finished_task_is_not_cancelled() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let finished = executor.submit(pid, ());
        let worker = finished.result();
        assert!(!finished.cancel() && !finished.cancelled());
        assert_eq!(finished.result(), worker);
    });
}

// Behaviours: FUT-03, CAN-06.
#[test]
fn cancelling_wakes_a_thread_that_waits() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let pending = executor.submit(pid, ());
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                sender.send(()).expect("the receiver waits");
                pending.result()
            });
            receiver.recv().expect("the thread has started");
            assert!(pending.cancel());
            assert_eq!(waiting.join().unwrap(), Err(Error::Cancelled));
        });
        crossing.let_go(1);
        busy.result().unwrap();
    });
}

#[test]
fn a_cancelled_task_in_the_queue_does_not_delay_the_shutdown() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let cancelled = executor.submit(pid, ());
        assert!(cancelled.cancel());
        crossing.let_go(1);
        // The queue holds only the cancelled task: the pool must treat it as empty.
        drop(executor);
        assert!(busy.done() && cancelled.cancelled());
    });
}

/// The number of repetitions of a race. More finds rarer orders of events and takes longer.
const ROUNDS: usize = 200;

// Behaviours: SHUT-11.
#[test]
fn a_pool_ends_after_its_only_task_is_cancelled_before_any_start() {
    watch::within(watch::HANG, || {
        for _ in 0..ROUNDS {
            let executor = pool(2);
            let future = executor.submit(pid, ());
            // True nearly always: a worker's start takes longer.
            let cancelled = future.cancel();
            drop(executor);
            assert_eq!((future.done(), future.cancelled()), (true, cancelled));
        }
    });
}

#[test]
fn a_pool_ends_after_its_only_map_is_dropped_before_any_start() {
    watch::within(watch::HANG, || {
        for _ in 0..ROUNDS {
            let executor = pool(2);
            drop(executor.map(|x: u32| x, 0..10));
            drop(executor);
        }
    });
}

// Behaviours: SHUT-11.
#[test]
fn a_pool_ends_if_its_task_is_cancelled_during_the_shutdown() {
    watch::within(watch::HANG, || {
        for _ in 0..ROUNDS {
            let executor = pool(1);
            let future = executor.submit(pid, ());
            thread::scope(|scope| {
                scope.spawn(|| future.cancel());
                executor.shutdown();
            });
            assert!(future.done());
        }
    });
}

// Behaviours: CAN-03, CAN-04.
#[test]
fn a_task_can_be_cancelled_until_a_worker_starts_it() {
    watch::within(watch::HANG, || {
        for workers in [1, 2] {
            let crossing = Crossing::new();
            let executor = pool(workers);
            // While these are short, the tasks behind them are sent ahead.
            let short: Vec<_> = (0..2000_u32).map(|x| executor.submit(|x| x, x)).collect();
            let futures: Vec<_> =
                (0..100 * workers).map(|_| executor.submit(cross, crossing.places())).collect();
            crossing.wait_for(workers);
            let (last, others) = futures.split_last().expect("there are some");
            assert!(last.cancel());
            assert_eq!(others.iter().filter(|future| !future.cancel()).count(), workers);
            crossing.let_go(workers);
            let ran = futures.iter().filter(|future| future.result().is_ok()).count();
            assert_eq!(ran, workers);
            assert!(short.iter().map(|future| future.result().unwrap()).eq(0..2000));
        }
    });
}

// Behaviours: CAN-07.
#[test]
fn a_cancellation_that_races_the_start_either_wins_or_has_no_effect() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        for _ in 0..ROUNDS {
            let futures: Vec<_> = (0..40_u32).map(|x| executor.submit(|x| x, x)).collect();
            let (results, cancelled) = thread::scope(|scope| {
                // From the last to the first: tasks that run, wait in a worker or in the queue.
                let cancel = || futures.iter().rev().map(Future::cancel).collect();
                let cancelling = scope.spawn(cancel);
                let results: Vec<_> = futures.iter().map(Future::result).collect();
                let cancelled: Vec<bool> = cancelling.join().unwrap();
                (results, cancelled)
            });
            for (x, (result, cancelled)) in
                results.into_iter().zip(cancelled.into_iter().rev()).enumerate()
            {
                let expected = if cancelled { Err(Error::Cancelled) } else { Ok(x as u32) };
                assert_eq!((result, futures[x].cancelled()), (expected, cancelled));
            }
        }
    });
}
