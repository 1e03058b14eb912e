//! Maps with a timeout.

use std::iter;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use procpool::Error;
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};

use super::map::trace_and_cross;
use crate::behaviours::pools::pool;

// Behaviours: MAP-09.
#[test]
fn a_late_map_yields_finished_results_then_one_error_and_cancels() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = pool(1);
        crossing.let_go(2);
        let items = (0..6).map(|number| {
            if number == 2 {
                // The results before it have been read when this one's has.
                executor.submit(pid, ()).result().unwrap();
            }
            (number, path.clone(), crossing.places())
        });
        let options = executor.map_options().chunksize(1).timeout(Duration::ZERO);
        let mut results = options.map(trace_and_cross, items);
        assert_eq!(results.size_hint(), (1, Some(6)));
        assert_eq!([results.next(), results.next()], [Some(Ok(0)), Some(Ok(1))]);
        assert_eq!(results.next(), Some(Err(Error::TimedOut(Duration::ZERO))));
        assert_eq!((results.next(), results.size_hint()), (None, (0, Some(0))));
        crossing.let_go(4);
        drop(executor);
        let mut ran: Vec<u32> =
            trace::read(Path::new(&path)).into_iter().map(|record| record.event).collect();
        // Whether the third had started by then is unknown.
        ran.retain(|number| *number != 2);
        assert_eq!(ran, [0, 1]);
    });
}

// Behaviours: MAP-10.
#[test]
fn the_timeout_is_counted_from_the_call() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let limit = Duration::from_millis(400);
        let items = iter::repeat_n(crossing.places(), 8);
        let options = executor.map_options().chunksize(1).timeout(limit);
        thread::scope(|scope| {
            // Each result arrives soon enough after the one before it, the last ones too late after the
            // call: the pauses alone are twice the timeout.
            let mut results = options.map(cross, items);
            let crossing = &crossing;
            scope.spawn(move || {
                for _ in 0..8 {
                    thread::sleep(limit / 4);
                    crossing.let_go(1);
                }
            });
            assert_eq!(results.find(Result::is_err), Some(Err(Error::TimedOut(limit))));
            assert_eq!(results.next(), None);
        });
    });
}

// Behaviours: MAP-11.
#[test]
fn a_timeout_error_returned_by_a_task_is_an_ordinary_result() {
    watch::within(watch::HANG, || {
        fn task(item: u32) -> Result<u32, String> {
            match item {
                1 => Err(Error::TimedOut(Duration::ZERO).to_string()),
                2 => panic!("{}", Error::TimedOut(Duration::ZERO)),
                item => Ok(item),
            }
        }
        let executor = pool(1);
        let results: Vec<_> = executor.map_options().timeout(watch::HANG).map(task, 0..4).collect();
        assert_eq!((results.len(), &results[0], &results[3]), (4, &Ok(Ok(0)), &Ok(Ok(3))));
        assert!(matches!(&results[1], Ok(Err(text)) if text.starts_with("no result within 0ns")));
        assert!(matches!(&results[2], Err(Error::Panicked(_))), "{results:?}");
    });
}

// Behaviours: MAP-12.
#[test]
fn a_timeout_that_is_not_reached_changes_nothing() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        for limit in [watch::HANG, Duration::MAX] {
            let results = executor.map_options().timeout(limit).map(|x: u32| x, 0..100);
            assert!(results.map(Result::unwrap).eq(0..100));
            let options = executor.map_options().timeout(limit).buffersize(10);
            assert!(options.map(|x: u32| x, 0..100).map(Result::unwrap).eq(0..100));
        }
    });
}

// Behaviours: MAP-09.
#[test]
fn a_late_map_drops_the_items_it_has_not_pulled() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let alive = Arc::new(());
        let items = iter::repeat_with({
            let (places, alive) = (crossing.places(), Arc::clone(&alive));
            move || {
                let _ = &alive;
                places.clone()
            }
        });
        let options = executor.map_options().timeout(Duration::ZERO).buffersize(3);
        let mut results = options.map(cross, items);
        assert_eq!(results.next(), Some(Err(Error::TimedOut(Duration::ZERO))));
        assert_eq!((Arc::strong_count(&alive), results.size_hint()), (1, (0, Some(0))));
        assert_eq!((results.next(), results.next()), (None, None));
        crossing.let_go(4);
    });
}
