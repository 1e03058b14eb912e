//! Maps that pull their items as their results are read.

use std::cell::Cell;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use procpool::{BufferedMap, Error, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{gate, program, trace, watch};

use super::map::{ran, trace_and_cross, traced_pool};
use crate::behaviours::pools::pool;

// Behaviours: MAP-14.
#[test]
fn a_buffersize_of_zero_yields_one_error_and_pulls_no_item() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let never = || iter::from_fn(|| -> Option<()> { panic!("no item is taken") });
        let mut results = executor.map_options().buffersize(0).map(pid, never());
        let error = Error::InvalidArgument("buffersize must be greater than 0".into());
        assert_eq!((results.next(), results.next()), (Some(Err(error)), None));
        let mut results = executor.map_options().chunksize(0).buffersize(1).map(pid, never());
        let error = Error::InvalidArgument("chunksize must be greater than 0".into());
        assert_eq!((results.next(), results.next()), (Some(Err(error)), None));
        assert!(executor.submit(pid, ()).result().is_ok(), "the pool is as before");
    });
}

// Behaviours: MAP-15.
#[test]
fn the_buffer_is_filled_and_each_result_pulls_one_more_item() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        for (buffersize, count) in [(1, 5), (4, 5), (5, 5), (10, 5), (usize::MAX, 5)] {
            for chunksize in [None, Some(1), Some(3), Some(100)] {
                for unordered in [false, true] {
                    let pulled = Cell::new(0);
                    let items = (0..count).inspect(|_| pulled.set(pulled.get() + 1));
                    let mut options = executor.map_options();
                    if let Some(chunksize) = chunksize {
                        options = options.chunksize(chunksize);
                    }
                    if unordered {
                        options = options.unordered();
                    }
                    let mut results = options.buffersize(buffersize).map(|x: usize| x, items);
                    assert_eq!(pulled.get(), count.min(buffersize));
                    for read in 1..=count {
                        assert!(results.next().is_some_and(|result| result.is_ok()));
                        assert_eq!(pulled.get(), count.min(buffersize.saturating_add(read)));
                    }
                    assert_eq!((results.next(), results.next()), (None, None));
                }
            }
        }
    });
}

// Behaviours: MAP-15.
#[test]
fn pulled_items_run_before_any_result_is_read() {
    watch::within(watch::HANG, || {
        for (buffersize, count) in [(1, 5), (4, 5), (5, 5), (10, 5)] {
            let crossing = Crossing::new();
            let executor = pool(2);
            let items = iter::repeat_n(crossing.places().0, count);
            let task = |arrived: String| gate::give(&arrived);
            let mut results = executor.map_options().buffersize(buffersize).map(task, items);
            crossing.wait_for(count.min(buffersize));
            assert_eq!(results.next(), Some(Ok(())));
            crossing.wait_for(usize::from(buffersize < count));
        }
    });
}

// Behaviours: MAP-16.
#[test]
fn the_input_may_be_endless() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let sums = |(a, b): (u64, u64)| a + b;
        let items = || iter::zip(0.., (0..).step_by(2));
        let expected = || (0..).step_by(3);
        let results = executor.map_options().buffersize(100).map(sums, items());
        assert!(results.take(5000).map(Result::unwrap).eq(expected().take(5000)));
        let results = executor.map_options().chunksize(7).buffersize(100).map(sums, items());
        assert!(results.take(5000).map(Result::unwrap).eq(expected().take(5000)));
        let results = executor.map_options().unordered().buffersize(100).map(sums, items());
        let mut results: Vec<u64> = results.take(5000).map(Result::unwrap).collect();
        results.sort_unstable();
        results.dedup();
        assert_eq!(results.len(), 5000);
        assert!(results.iter().all(|sum| sum % 3 == 0 && *sum < 3 * 5101), "{results:?}");
    });
}

// Behaviours: MAP-16, MAP-19.
#[test]
fn memory_holds_the_buffer_but_no_yielded_result() {
    watch::within(watch::HANG, || {
        let output = program::command("map_memory").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let grown: u64 = text.trim().parse().unwrap_or_else(|_| panic!("{output:?}"));
        // It returned 200 results of 1 MiB, 8 at a time.
        assert!(grown < 64 << 10, "{grown} KiB");
    });
}

// Behaviours: MAP-17.
#[test]
fn every_chunksize_and_buffersize_yields_the_same_results() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let expected: Vec<u32> = (0..10).map(|x| x + 1).collect();
        for chunksize in [1, 2, 9, 10, 11] {
            for buffersize in [1, 2, 9, 10, 11] {
                let options = || executor.map_options().chunksize(chunksize).buffersize(buffersize);
                let results: Result<Vec<u32>, Error> =
                    options().map(|x: u32| x + 1, 0..10).collect();
                assert_eq!(results, Ok(expected.clone()), "{chunksize}, {buffersize}");
                let results: Result<Vec<u32>, Error> =
                    options().unordered().map_with(|(), x: u32| x + 1, 0..10).collect();
                let mut results = results.unwrap();
                results.sort_unstable();
                assert_eq!(results, expected, "{chunksize}, {buffersize}");
            }
        }
    });
}

#[test]
fn size_hints_hold_in_every_case() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let mut results = executor.map_options().buffersize(2).map(|x: u8| x, 0..5);
        assert_eq!(results.size_hint(), (3, Some(5)), "the third item might be refused");
        assert_eq!(results.next(), Some(Ok(0)));
        assert_eq!(results.size_hint(), (3, Some(4)));
        executor.shutdown();
        assert_eq!(results.next(), Some(Ok(1)));
        assert_eq!(results.size_hint(), (2, Some(2)), "item 2, and why there is no item 3");
        assert_eq!(results.count(), 2);
    });
}

#[test]
fn a_panic_of_the_input_propagates_from_the_call_that_pulls() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let items = || (0..).map(|x| if x == 3 { panic!("there is no item 3") } else { x });
        let mut results = executor.map_options().buffersize(2).map(|x: u32| x, items());
        assert_eq!(results.next(), Some(Ok(0)));
        let payload = catch_unwind(AssertUnwindSafe(|| results.next())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"there is no item 3"));
        // The input still has the item after it.
        assert_eq!(results.next(), Some(Ok(1)));
        drop(results);
        let call = || executor.map_options().buffersize(5).map(|x: u32| x, items()).count();
        let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"there is no item 3"));
        assert!(executor.submit(pid, ()).result().is_ok(), "the pool is as before");
    });
}

// Behaviours: MAP-13.
#[test]
fn dropping_the_map_cancels_pending_items_and_drops_the_input() {
    watch::within(watch::HANG, || {
        let (crossing, path, executor) = traced_pool();
        let alive = Arc::new(());
        let items = (0..).map({
            let (path, places, alive) = (path.clone(), crossing.places(), Arc::clone(&alive));
            move |number| {
                let _ = &alive;
                (number, path.clone(), places.clone())
            }
        });
        let mut results =
            executor.map_options().chunksize(1).buffersize(4).map(trace_and_cross, items);
        crossing.wait_for(1);
        crossing.let_go(1);
        assert_eq!(results.next(), Some(Ok(0)));
        crossing.wait_for(1);
        drop(results);
        assert_eq!(Arc::strong_count(&alive), 1);
        crossing.let_go(100);
        executor.submit(pid, ()).result().unwrap();
        drop(executor);
        assert_eq!(ran(&path), [0, 1], "the second was running, and finished");
    });
}

// Behaviours: MAP-25.
#[test]
fn after_a_shutdown_pulled_items_finish_and_the_next_is_refused() {
    watch::within(watch::HANG, || {
        for chunksize in [1, 2, 3] {
            for ending in [false, true] {
                let executor = pool(2);
                let pulled = Cell::new(0);
                let items = (0_u32..).inspect(|_| pulled.set(pulled.get() + 1));
                let mut results =
                    executor.map_options().chunksize(chunksize).buffersize(3).map(|x| x, items);
                assert_eq!(results.next(), Some(Ok(0)));
                if ending {
                    drop(executor);
                } else {
                    executor.shutdown();
                }
                let rest: Vec<Result<u32, Error>> = results.by_ref().collect();
                assert_eq!(rest, [Ok(1), Ok(2), Ok(3), Err(Error::Shutdown)]);
                assert_eq!((results.next(), pulled.get()), (None, 5));
            }
        }
    });
}

// Behaviours: MAP-25.
#[test]
fn a_shutdown_does_not_fail_a_map_whose_input_had_ended() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let mut results = executor.map_options().buffersize(3).map(|x: u32| x, 0..4);
        assert_eq!(results.next(), Some(Ok(0)));
        executor.shutdown();
        assert_eq!(results.collect::<Vec<_>>(), [Ok(1), Ok(2), Ok(3)]);
        let mut results = executor.map_options().buffersize(3).map(|x: u32| x, 0..4);
        assert_eq!((results.next(), results.next()), (Some(Err(Error::Shutdown)), None));
    });
}

// Behaviours: MAP-23, MAP-25.
#[test]
fn a_shutdown_that_cancels_lets_running_items_finish() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let items = iter::repeat(crossing.places());
        let results = executor.map_options().chunksize(1).buffersize(3).map(cross, items);
        crossing.wait_for(1);
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
        crossing.let_go(1);
        let results: Vec<_> = results.collect();
        assert!(results[0].is_ok());
        let refused = [Error::Cancelled, Error::Cancelled, Error::Shutdown].map(Err);
        assert_eq!(results[1..], refused);
    });
}

// Behaviours: MAP-21.
#[test]
fn a_broken_pool_fails_pulled_items_and_the_next_one() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let items = iter::repeat(crossing.places());
        let results = executor.map_options().buffersize(3).map(cross, items);
        crossing.wait_for(1);
        executor.kill_workers();
        let results: Vec<_> = results.collect();
        assert_eq!(results.len(), 4);
        let is_broken = |result| matches!(result, &Err(Error::BrokenProcessPool(_)));
        assert!(results.iter().all(is_broken), "{results:?}");
    });
}

#[test]
fn a_buffered_map_takes_turns_with_queued_tasks() {
    watch::within(watch::HANG, || {
        fn note((number, path): (u32, String)) {
            trace::append(&path, number);
        }
        let (crossing, path, executor) = traced_pool();
        let item = |number| (number, path.clone(), crossing.places());
        let results = executor
            .map_options()
            .chunksize(1)
            .buffersize(3)
            .map(trace_and_cross, (0..3).map(item));
        crossing.wait_for(1);
        let single = executor.submit(note, (100, path.clone()));
        crossing.let_go(3);
        assert_eq!(results.filter(Result::is_ok).count(), 3);
        assert_eq!(single.result(), Ok(()));
        drop(executor);
        assert_eq!(ran(&path), [0, 1, 100, 2]);
    });
}

#[test]
fn tasks_behind_a_long_one_move_while_a_map_waits_for_its_reader() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let mut reading = executor.map_options().buffersize(2).map(|x: u32| x, 0..);
        assert_eq!(reading.next(), Some(Ok(0)));
        let short =
            |count: u32| -> Vec<_> { (0..count).map(|x| executor.submit(|x: u32| x, x)).collect() };
        short(500).iter().for_each(|future| drop(future.result()));
        for _ in 0..20 {
            let crossing = Crossing::new();
            let before = short(50);
            let long = executor.submit(|places: Places| cross(places), crossing.places());
            let behind = short(200);
            assert!(before.iter().chain(&behind).all(|future| future.result().is_ok()));
            crossing.wait_for(1);
            crossing.let_go(1);
            assert!(long.result().is_ok());
        }
        assert_eq!(reading.next(), Some(Ok(1)));
    });
}

#[test]
fn a_buffered_map_is_send_and_sync_if_its_input_is() {
    fn assert_thread_safe<T: Send + Sync>() {}
    assert_thread_safe::<BufferedMap<std::rc::Rc<u8>, std::ops::Range<u8>>>();
}
