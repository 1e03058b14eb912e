//! Many items, results in their order.

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use procpool::{Error, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::gate;
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};

use crate::behaviours::pools::pool;

// Behaviours: MAP-01.
#[test]
fn results_arrive_in_the_order_of_the_items() {
    watch::within(watch::HANG, || {
        let executor = pool(3);
        let results: Result<Vec<u64>, Error> = executor.map(|x: u64| x * x, 0..1000).collect();
        assert_eq!(results, Ok((0..1000).map(|x| x * x).collect()));
    });
}

// Behaviours: MAP-01.
#[test]
fn an_item_that_finishes_first_waits_for_its_turn() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let (arrived, go) = crossing.places();
        // The first item continues only once the second has run, and reports the worker of each.
        let task = |(first, (arrived, go)): (bool, Places)| {
            if first {
                gate::take(&go);
            } else {
                gate::give(&go);
            }
            gate::give(&arrived);
            first
        };
        let items = [(true, (arrived.clone(), go.clone())), (false, (arrived, go))];
        let results = executor.map(task, items);
        crossing.wait_for(2);
        assert_eq!(results.collect::<Result<Vec<_>, _>>(), Ok(vec![true, false]));
    });
}

// Behaviours: MAP-01.
#[test]
fn finished_results_wait_for_the_one_before_them() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let items = (0..10).map(|item| (item, crossing.places().1));
        let results = executor.map_options().chunksize(1).map(wait_for_gate, items);
        // It runs in the worker that ran all others but the first, and their results are read first.
        executor.submit(pid, ()).result().unwrap();
        crossing.let_go(1);
        assert_eq!(results.collect::<Result<Vec<_>, _>>(), Ok((0..10).collect()));
    });
}

#[test]
fn the_call_starts_the_tasks_before_any_result_is_read() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let places = crossing.places();
        let results = executor.map(cross, vec![places; 2]);
        crossing.wait_for(2);
        crossing.let_go(2);
        assert_eq!(results.filter(Result::is_ok).count(), 2);
    });
}

#[test]
fn tasks_start_while_the_input_still_produces_items() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let mut made = 0;
        // Every item but the first is only made when the one before it has been run.
        let items = iter::repeat_with(|| {
            if made > 0 {
                crossing.wait_for(1);
            }
            made += 1;
            crossing.places().0
        });
        let results = executor.map(|arrived: String| gate::give(&arrived), items.take(5));
        crossing.wait_for(1);
        assert_eq!(results.collect::<Vec<_>>(), [const { Ok(()) }; 5]);
    });
}

// Behaviours: MAP-06, MAP-07.
#[test]
fn every_item_has_a_result_of_its_own() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let task = |x: u32| -> u32 { if x % 3 == 1 { panic!("{x} is refused") } else { x } };
        for (x, result) in (0..).zip(executor.map(task, 0..50)) {
            match result {
                Ok(value) => assert_eq!((value, x % 3 == 1), (x, false)),
                Err(Error::Panicked(panic)) => assert_eq!(panic.message, format!("{x} is refused")),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(executor.map(task, [0, 2, 3]).filter(Result::is_ok).count(), 3);
    });
}

// Behaviours: MAP-05.
#[test]
fn no_items_have_no_results() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let mut results = executor.map(|x: u8| x, []);
        assert_eq!((results.size_hint(), results.next()), ((0, Some(0)), None));
    });
}

#[test]
fn the_iterator_is_exact_size_and_fused() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let mut results = executor.map(|x: u8| x, [1, 2, 3]);
        for left in (0..3).rev() {
            results.next().unwrap().unwrap();
            assert_eq!((results.len(), results.size_hint()), (left, (left, Some(left))));
        }
        assert_eq!((results.next(), results.next()), (None, None));
    });
}

// Behaviours: MAP-25.
#[test]
fn the_length_holds_after_the_pool_stops_accepting_items() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let items = (0_u32..).inspect(|item| {
            if *item == 2 {
                executor.shutdown_with(ShutdownOptions::new().wait(false))
            }
        });
        let results = executor.map(|x| x, items);
        assert_eq!(results.len(), 3, "the last is why there are no more");
        assert_eq!(results.collect::<Vec<_>>(), [Ok(0), Ok(1), Err(Error::Shutdown)]);
    });
}

// Behaviours: MAP-25.
#[test]
fn a_map_on_a_closed_pool_pulls_one_item() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        executor.shutdown();
        let results = executor.map(|x: u32| x, 0..);
        assert_eq!(results.collect::<Vec<_>>(), [Err(Error::Shutdown)]);
        assert_eq!(executor.map(|x: u32| x, []).count(), 0, "there was nothing to refuse");
        let executor = pool(1);
        executor.kill_workers();
        let results: Vec<_> = executor.map_options().chunksize(10).map(|x: u32| x, 0..).collect();
        assert!(matches!(results[..], [.., Err(Error::BrokenProcessPool(_))]), "{results:?}");
        assert!(results.len() == 1, "{results:?}");
    });
}

// Behaviours: MAP-04, MAP-24.
#[test]
fn items_zipped_together_end_with_the_shortest() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let items = iter::zip([1, 2, 3], [1, 2]);
        let sums = executor.map(|(a, b): (u32, u32)| a + b, items);
        assert_eq!(sums.collect::<Result<Vec<_>, _>>(), Ok(vec![2, 4]));
        let items = iter::zip(iter::zip(1.., [1, 2, 3]), 1..);
        let sums = executor.map(|((a, b), c): ((u32, u32), u32)| a + b + c, items);
        assert_eq!(sums.collect::<Result<Vec<_>, _>>(), Ok(vec![3, 6, 9]));
    });
}

#[test]
fn two_maps_and_single_tasks_share_a_pool() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let mut squares = executor.map(|x: u32| x * x, 0..100);
        let single = executor.submit(|x: u32| x + 1, 1);
        let mut cubes = executor.map(|x: u32| x * x * x, 0..100);
        for x in 0..100 {
            assert_eq!(cubes.next(), Some(Ok(x * x * x)));
            assert_eq!(squares.next(), Some(Ok(x * x)));
        }
        assert_eq!(single.result(), Ok(2));
    });
}

#[test]
fn results_outlive_their_executor() {
    watch::within(watch::HANG, || {
        let results = pool(2).map(|x: u32| x.to_string(), 0..20);
        let texts: Vec<String> = results.map(Result::unwrap).collect();
        assert_eq!(texts, (0..20).map(|x| x.to_string()).collect::<Vec<_>>());
    });
}

/// Waits for the gate if it is item 0.
pub(crate) fn wait_for_gate((item, go): (u32, String)) -> u32 {
    if item == 0 {
        gate::take(&go);
    }
    item
}

/// A pool with one worker, a crossing, and the file in its folder in which tasks record their numbers.
pub(crate) fn traced_pool() -> (Crossing, String, ProcessPoolExecutor) {
    let crossing = Crossing::new();
    let path = crossing.file("trace");
    (crossing, path, pool(1))
}

/// The numbers that tasks have recorded there.
pub(crate) fn ran(path: &str) -> Vec<u32> {
    trace::read(Path::new(path)).into_iter().map(|record| record.event).collect()
}

/// Records its number, then stops at a crossing.
pub(crate) fn trace_and_cross((number, path, places): (u32, String, Places)) -> u32 {
    trace::append(&path, number);
    cross(places);
    number
}

// Behaviours: MAP-13.
#[test]
fn dropping_the_iterator_cancels_pending_items() {
    watch::within(watch::HANG, || {
        let (crossing, path, executor) = traced_pool();
        let items = (0..100).map(|number| (number, path.clone(), crossing.places()));
        let mut results = executor.map_options().chunksize(1).map(trace_and_cross, items);
        crossing.wait_for(1);
        crossing.let_go(1);
        assert_eq!(results.next(), Some(Ok(0)));
        crossing.wait_for(1);
        drop(results);
        crossing.let_go(100);
        executor.submit(pid, ()).result().unwrap();
        drop(executor);
        assert_eq!(ran(&path), [0, 1], "the second was running, and finished");
    });
}

// Behaviours: MAP-18.
#[test]
fn a_panic_of_the_input_reaches_the_caller_and_cancels_the_rest() {
    watch::within(watch::HANG, || {
        let (crossing, path, executor) = traced_pool();
        let items = (0..10).map(|number| {
            if number == 5 {
                crossing.wait_for(1);
                panic!("there is no item 5");
            }
            (number, path.clone(), crossing.places())
        });
        let call = AssertUnwindSafe(|| {
            executor.map_options().chunksize(1).map(trace_and_cross, items).count()
        });
        let payload = catch_unwind(call).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"there is no item 5"));
        crossing.let_go(1);
        executor.submit(pid, ()).result().unwrap();
        drop(executor);
        assert_eq!(ran(&path).len(), 1, "only what was running ran");
    });
}

#[test]
fn a_map_that_waits_for_its_input_delays_no_other_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let (give, given) = std::sync::mpsc::channel::<u32>();
        let started = std::sync::Barrier::new(2);
        executor.submit(pid, ()).result().unwrap();
        std::thread::scope(|scope| {
            let (executor, started) = (&executor, &started);
            let mapping = scope.spawn(move || {
                let items = given.into_iter().inspect(|item| {
                    if *item == 0 {
                        started.wait();
                    }
                });
                executor.map(|x: u32| x + 1, items).collect::<Result<Vec<_>, _>>().unwrap()
            });
            give.send(0).unwrap();
            started.wait();
            // The map is at the front of the queue, and has no item to give.
            for _ in 0..100 {
                assert_eq!(executor.submit(|x: u32| 2 * x, 21).result(), Ok(42));
            }
            give.send(1).unwrap();
            drop(give);
            assert_eq!(mapping.join().unwrap(), [1, 2]);
        });
    });
}

// Behaviours: MAP-01.
#[test]
fn a_result_never_waits_for_an_item_behind_it() {
    watch::within(watch::HANG, || {
        for count in [3, 10, 100] {
            let crossing = Crossing::new();
            let executor = pool(2);
            let (arrived, go) = crossing.places();
            // Item 0 ends when 2 has begun, and 2 when the test has read the earlier results.
            let task = |(index, arrived, go): (u32, String, String)| {
                match index {
                    0 => gate::take(&arrived),
                    2 => {
                        gate::give(&arrived);
                        gate::take(&go);
                    }
                    _ => {}
                }
                index
            };
            let items = (0..count).map(|index| (index, arrived.clone(), go.clone()));
            let mut results = executor.map(task, items);
            assert_eq!([results.next(), results.next()], [Some(Ok(0)), Some(Ok(1))]);
            crossing.let_go(1);
            assert!(results.map(Result::unwrap).eq(2..count));
        }
    });
}
