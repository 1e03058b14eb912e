//! The state and results of a future, which are the same for all readers.

use std::thread;
use std::time::Duration;

use procpool::Error;
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::watch;

use crate::behaviours::pools::pool;

// Behaviours: FUT-10.
#[test]
fn a_future_shows_its_type_and_state() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let first = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let [second, third] = [0, 1].map(|_| executor.submit(|(): ()| -> u32 { panic!("no") }, ()));
        assert!(third.cancel());
        assert_eq!(format!("{first:?}"), "Future<u32>(sent to a worker)");
        assert_eq!(format!("{second:?}"), "Future<u32>(pending)");
        assert_eq!(format!("{third:?}"), "Future<u32>(cancelled)");
        crossing.let_go(1);
        assert!(first.error().is_none() && second.error().is_some());
        assert_eq!(format!("{first:?}"), "Future<u32>(finished with a result)");
        assert_eq!(format!("{second:?}"), "Future<u32>(finished with an error)");
    });
}

// Behaviours: SUB-25.
#[test]
fn results_of_one_worker_can_be_read_backwards() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let futures: Vec<_> = (0..10_u32).map(|x| executor.submit(|x| x + 1, x)).collect();
        for (x, future) in (0..10).zip(&futures).rev() {
            assert_eq!(future.result(), Ok(x + 1));
        }
    });
}

// Behaviours: FUT-11.
#[test]
fn every_thread_reads_the_same_result_of_a_settled_future() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let settled = executor.submit(|x: u32| vec![x; 3], 7);
        settled.result().unwrap();
        let failed = executor.submit(|(): ()| -> u32 { panic!("no") }, ());
        let error = failed.error().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        assert!(settled.done() && !settled.running() && !settled.cancelled());
                        assert_eq!(settled.result_timeout(Duration::ZERO), Ok(vec![7; 3]));
                        assert!(!settled.cancel(), "it is too late for that");
                        assert_eq!(failed.result().as_ref().err(), Some(&error));
                    }
                });
            }
        });
        assert!(matches!(error, Error::Panicked(_)), "{error}");
    });
}
