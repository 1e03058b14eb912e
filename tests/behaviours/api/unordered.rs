//! Maps whose results arrive as they finish.

use std::time::Duration;

use procpool::Error;
use procpool_testkit::crossing::Crossing;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use super::map::wait_for_gate;
use crate::behaviours::pools::pool;

// Behaviours: MAP-20.
#[test]
fn every_item_has_a_result_or_an_error() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let task = |x: u32| if x % 3 == 1 { panic!("{x}") } else { x };
        for chunksize in [None, Some(1), Some(7), Some(1000)] {
            let mut options = executor.map_options().unordered();
            if let Some(chunksize) = chunksize {
                options = options.chunksize(chunksize);
            }
            let results = options.map(task, 0..100);
            assert_eq!(results.size_hint(), (100, Some(100)));
            let mut numbers: Vec<u32> = results
                .map(|result| match result {
                    Ok(number) => number,
                    Err(Error::Panicked(panic)) => panic.message.parse().unwrap(),
                    Err(other) => panic!("{other}"),
                })
                .collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..100), "chunksize {chunksize:?}");
        }
    });
}

// Behaviours: MAP-20.
#[test]
fn a_slow_item_is_yielded_last() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let items = (0..10).map(|item| (item, crossing.places().1));
        let mut results = executor.map_options().chunksize(1).unordered().map(wait_for_gate, items);
        let mut first: Vec<u32> = results.by_ref().take(9).map(Result::unwrap).collect();
        first.sort_unstable();
        assert!(first.into_iter().eq(1..10));
        crossing.let_go(1);
        assert_eq!(results.collect::<Vec<_>>(), [Ok(0)]);
    });
}

// Behaviours: MAP-09, MAP-20.
#[test]
fn a_slow_item_times_out_after_the_others_were_yielded() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let items = (0..10).map(|item| (item, crossing.places().1));
        let options = executor.map_options().chunksize(1).unordered().timeout(Duration::ZERO);
        let results = options.map(wait_for_gate, items);
        // It runs in the worker that ran the others, whose results are read before its own.
        executor.submit(pid, ()).result().unwrap();
        let mut results: Vec<_> = results.collect();
        assert_eq!(results.pop(), Some(Err(Error::TimedOut(Duration::ZERO))));
        let mut others: Vec<u32> = results.into_iter().map(Result::unwrap).collect();
        others.sort_unstable();
        assert!(others.into_iter().eq(1..10));
        crossing.let_go(1);
    });
}

// Behaviours: MAP-20.
#[test]
fn every_result_is_yielded_with_the_index_of_its_item() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let task = |x: usize| if x % 3 == 1 { panic!("{x}") } else { x };
        let number = |result: Result<usize, Error>| match result {
            Ok(number) => number,
            Err(Error::Panicked(panic)) => panic.message.parse().unwrap(),
            Err(other) => panic!("{other}"),
        };
        for unordered in [false, true] {
            for chunksize in [None, Some(1), Some(7), Some(1000)] {
                let mut options = executor.map_options();
                if let Some(chunksize) = chunksize {
                    options = options.chunksize(chunksize);
                }
                if unordered {
                    options = options.unordered();
                }
                let mut indices: Vec<usize> = options
                    .map(task, 0..100)
                    .indexed()
                    .map(|(index, result)| {
                        assert_eq!(number(result), index, "chunksize {chunksize:?}");
                        index
                    })
                    .collect();
                indices.sort_unstable();
                assert!(indices.into_iter().eq(0..100));
            }
        }
        let buffered = executor.map_options().unordered().buffersize(3).map(task, 0..);
        assert!(buffered.indexed().take(100).all(|(index, result)| number(result) == index));
    });
}

// Behaviours: MAP-09, MAP-20, MAP-25.
#[test]
fn an_error_of_no_item_is_indexed_by_the_number_of_earlier_results() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let items = [(1, String::new()), (2, String::new()), (0, crossing.places().1)];
        let options = executor.map_options().chunksize(1).unordered().timeout(Duration::ZERO);
        let results = options.map(wait_for_gate, items);
        let last = results.indexed().last();
        let Some((given, Err(Error::TimedOut(_)))) = last else { panic!("{last:?}") };
        assert!(given <= 2);
        crossing.let_go(1);
        executor.shutdown();
        let refused: Vec<_> = executor.map(|x: u32| x, 5..).indexed().collect();
        assert_eq!(refused, [(0, Err(Error::Shutdown))]);
        let none: Vec<_> =
            executor.map_options().chunksize(0).map(|x: u32| x, 5..).indexed().collect();
        assert!(matches!(none[..], [(0, Err(Error::InvalidArgument(_)))]));
    });
}

#[test]
fn unordered_results_of_one_worker_keep_the_order_in_which_it_ran_them() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        // Every result is read by the thread that feeds the map or by the manager; whichever pauses must
        // not be overtaken.
        for round in 0..20 {
            for chunksize in [1, 2, 7] {
                let options = executor.map_options().chunksize(chunksize).unordered();
                let results = options.map(|x: u32| x, 0..100).map(Result::unwrap);
                assert!(results.eq(0..100), "chunksize {chunksize}, round {round}");
            }
        }
    });
}
