//! Pending tasks: their order, and their cancellation.

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use procpool::{Error, Future, ProcessPoolExecutor};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::{trace, watch};

use crate::behaviours::pools::{busy_pool, pool};

/// Records its number.
fn note((path, number): (String, u32)) {
    trace::append(&path, number);
}

/// The recorded numbers, in the order of time.
fn noted(path: &str) -> Vec<u32> {
    trace::read(Path::new(path)).into_iter().map(|record| record.event).collect()
}

// Behaviours: SUB-17.
#[test]
fn one_worker_starts_tasks_in_the_order_of_their_submission() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let path = crossing.file("trace");
        let mut numbers = 0..;
        let mut next = || (path.clone(), numbers.next().expect("they do not end"));
        // Before the worker can take one, and while it takes them.
        let mut futures: Vec<_> = (0..200).map(|_| executor.submit(note, next())).collect();
        let many = executor
            .map_options()
            .chunksize(3)
            .map(note, (0..50).map(|_| next()).collect::<Vec<_>>());
        crossing.let_go(1);
        futures.extend((0..200).map(|_| executor.submit(note, next())));
        assert!(futures.iter().all(|future| future.result().is_ok()));
        assert_eq!(many.filter(Result::is_ok).count(), 50);
        busy.result().unwrap();
        assert_eq!(noted(&path), (0..450).collect::<Vec<_>>());
    });
}

// Behaviours: SUB-24.
#[test]
fn tasks_run_once_each_if_their_futures_are_dropped() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = pool(2);
        for number in 0..50 {
            drop(executor.submit(note, (path.clone(), number)));
        }
        let places = crossing.places();
        let both = [places.clone(), places].map(|places| executor.submit(cross, places));
        crossing.wait_for(2);
        crossing.let_go(2);
        let workers = both.map(|future| future.result().unwrap());
        assert_ne!(workers[0], workers[1], "both workers are there");
        drop(executor);
        let mut ran = noted(&path);
        ran.sort_unstable();
        assert_eq!(ran, (0..50).collect::<Vec<_>>(), "each has run, and once");
    });
}

// Behaviours: CAN-03, CAN-04.
#[test]
fn every_task_that_is_not_running_can_be_cancelled() {
    watch::within(watch::HANG, || {
        for workers in [1, 2, 4] {
            let crossing = Crossing::new();
            let executor = pool(workers);
            // Short tasks, so that the first ones behind them are sent ahead with them.
            assert_eq!(executor.map(|x: u32| x, 0..1_000).filter(Result::is_ok).count(), 1_000);
            let short: Vec<_> = (0..2_000_u32).map(|x| executor.submit(|x| x, x)).collect();
            let tasks = 100 * workers;
            let futures: Vec<_> =
                (0..tasks).map(|_| executor.submit(cross, crossing.places())).collect();
            crossing.wait_for(workers);
            // The last one first: it is the furthest from a worker.
            let cancelled = futures.iter().rev().filter(|future| future.cancel()).count();
            assert_eq!(cancelled, tasks - workers, "{workers} workers run one task each");
            crossing.let_go(workers);
            assert_eq!(futures.iter().filter(|future| future.result().is_ok()).count(), workers);
            assert!(short.iter().all(|future| future.result().is_ok()));
        }
    });
}

/// Submits tasks and maps, cancels every other task when the one before it has a result, at which time it
/// may just start, and checks the outcome of each.
fn submit_map_and_cancel(executor: &ProcessPoolExecutor, start: u64) {
    let double = |x: u64| 2 * x;
    let before = executor.map(double, start..start + 40);
    let singles: Vec<Future<u64>> =
        (start..start + 20).map(|x| executor.submit(double, x)).collect();
    let after = executor.map(double, start..start + 40);
    for (x, pair) in (start..).step_by(2).zip(singles.chunks(2)) {
        assert_eq!(pair[0].result(), Ok(2 * x));
        let cancelled = pair[1].cancel();
        let expected = if cancelled { Err(Error::Cancelled) } else { Ok(2 * (x + 1)) };
        assert_eq!((pair[1].result(), pair[1].cancelled()), (expected, cancelled));
    }
    for results in [before, after] {
        assert!(results.map(Result::unwrap).eq((start..start + 40).map(double)));
    }
}

// Behaviours: SUB-15, CAN-07.
#[test]
fn ten_threads_submit_map_and_cancel_concurrently() {
    watch::within(watch::HANG, || {
        let executor = pool(3);
        let together = Barrier::new(10);
        thread::scope(|scope| {
            for thread in 0..10 {
                let (executor, together) = (&executor, &together);
                scope.spawn(move || {
                    together.wait();
                    for round in 0..10 {
                        submit_map_and_cancel(executor, thread * 1_000_000 + round * 1_000);
                    }
                });
            }
        });
    });
}
