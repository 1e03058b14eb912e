//! One pool, many threads.

use std::sync::Barrier;
use std::thread;

use procpool::{Error, Future, Map, ProcessPoolExecutor};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::pool;

/// Compiles only for types that are `Send` and `Sync`.
fn assert_thread_safe<T: Send + Sync>() {}

#[test]
fn handles_can_be_shared_and_sent_with_any_state() {
    // The state stays in its worker, so its type does not matter.
    assert_thread_safe::<ProcessPoolExecutor<std::rc::Rc<u8>>>();
    assert_thread_safe::<Future<std::rc::Rc<u8>>>();
    assert_thread_safe::<Map<std::rc::Rc<u8>>>();
    assert_thread_safe::<Error>();
}

#[test]
fn ten_threads_submit_and_map_concurrently() {
    watch::within(watch::HANG, || {
        let executor = pool(3);
        let together = Barrier::new(10);
        thread::scope(|scope| {
            for thread in 0..10_u64 {
                let (executor, together) = (&executor, &together);
                scope.spawn(move || {
                    together.wait();
                    for round in 0..20 {
                        let start = thread * 1_000_000 + round * 1000;
                        let single = executor.submit(|x: u64| x + 1, start);
                        let many = executor.map(|x: u64| x * 2, start..start + 30);
                        assert!(many.map(Result::unwrap).eq((start..start + 30).map(|x| x * 2)));
                        assert_eq!(single.result(), Ok(start + 1));
                    }
                });
            }
        });
    });
}

#[test]
fn a_task_submitted_by_one_thread_is_awaited_by_another() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let futures: Vec<_> = (0..50_u32).map(|x| executor.submit(|x| x * 3, x)).collect();
        let waiting = thread::spawn(move || futures.iter().map(Future::result).collect());
        let results: Result<Vec<u32>, Error> = waiting.join().unwrap();
        assert_eq!(results, Ok((0..50).map(|x| x * 3).collect()));
    });
}

#[test]
fn workers_outlive_the_thread_that_caused_them() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let submit = || executor.submit(pid, ()).result();
        let first = thread::scope(|scope| scope.spawn(submit).join().unwrap());
        let second = thread::scope(|scope| scope.spawn(submit).join().unwrap());
        assert_eq!((first.is_ok(), &first), (true, &second));
        assert_eq!(submit(), first);
    });
}

// Behaviours: SUB-26.
#[test]
fn submitting_never_waits_for_a_worker() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        // More than a socket holds: if it were sent to the busy worker, this would block.
        let waiting: Vec<_> =
            (0..100).map(|_| executor.submit(|b: Vec<u8>| b.len(), vec![1; 1 << 20])).collect();
        let longer = executor.submit(|bytes: Vec<u8>| bytes.len(), vec![1; 8 << 20]);
        crossing.let_go(1);
        busy.result().unwrap();
        assert!(waiting.iter().all(|future| future.result() == Ok(1 << 20)));
        assert_eq!(longer.result(), Ok(8 << 20));
    });
}
