//! The input of a map: several inputs zipped, all of it pulled before the call returns, and nothing after
//! a panic of its own.

use std::iter::zip;
use std::panic::{AssertUnwindSafe, catch_unwind};

use procpool::Error;
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::pool;

// Behaviours: MAP-04, MAP-24.
#[test]
fn zipped_inputs_are_tuples_and_end_with_the_shortest() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let sums = executor.map(|(a, b): (u32, u32)| a + b, zip([1, 2, 3], [1, 2]));
        assert_eq!(sums.collect::<Result<Vec<_>, _>>(), Ok(vec![2, 4]));
        let pairs: Vec<(u32, u32)> = (0..40).map(|x| (x, x % 7)).collect();
        let powers =
            executor.map(|(base, exponent): (u32, u32)| base.wrapping_pow(exponent), pairs);
        assert!(powers.map(Result::unwrap).eq((0..40_u32).map(|x| x.wrapping_pow(x % 7))));
    });
}

// Behaviours: MAP-18.
#[test]
fn all_items_are_pulled_before_the_call_returns() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let mut taken = 0;
        let items = (0..1_000).map(|_| crossing.places()).inspect(|_| taken += 1);
        // No task ends before all tasks run.
        let results = executor.map(cross, items);
        assert_eq!((taken, results.size_hint()), (1_000, (1_000, Some(1_000))));
        crossing.let_go(1_000);
        assert_eq!(results.filter(Result::is_ok).count(), 1_000);
    });
}

// Behaviours: MAP-18.
#[test]
fn a_panic_of_the_input_propagates_from_the_call() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        for chunksize in [1, 2, 4] {
            let items = (0..20).inspect(|item| assert!(*item < 10, "there is no item {item}"));
            let call = AssertUnwindSafe(|| {
                executor.map_options().chunksize(chunksize).map(|x: u32| x, items)
            });
            let payload = catch_unwind(call).map(drop).unwrap_err();
            let message = payload.downcast_ref::<String>().map(String::as_str);
            assert_eq!(message, Some("there is no item 10"), "chunksize {chunksize}");
            assert!(executor.submit(pid, ()).result().is_ok(), "the pool continues");
        }
    });
}

// Behaviours: MAP-06, MAP-07.
#[test]
fn an_error_is_yielded_at_its_position_and_ends_nothing() {
    watch::within(watch::HANG, || {
        let divide = |(a, b): (u32, u32)| (a / b, a % b);
        let results: Vec<_> = pool(2).map(divide, zip([1; 4], [2, 3, 0, 5])).collect();
        assert_eq!(results[..2], [Ok((0, 1)), Ok((0, 1))]);
        assert!(matches!(&results[2], Err(Error::Panicked(_))), "{results:?}");
        assert_eq!(results[3..], [Ok((0, 1))]);
    });
}
