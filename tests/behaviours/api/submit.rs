//! The functions and values that can be sent.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Add;

use procpool::ProcessPoolExecutor;
use procpool_testkit::{os, watch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::behaviours::pools::pool;

fn pow((base, exponent): (u64, u32)) -> u64 {
    base.pow(exponent)
}

fn add<T: Add<Output = T>>((a, b): (T, T)) -> T {
    a + b
}

fn multiply((a, b): (i64, i64)) -> i64 {
    a * b
}

type Operation = fn((i64, i64)) -> i64;

#[test]
fn a_task_runs_in_another_process() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let worker = executor.submit(|_: ()| std::process::id(), ()).result().unwrap();
        let this = std::process::id();
        let is_worker = |process: &os::Process| process.pid == worker;
        assert!(os::descendants_of(this).iter().any(is_worker), "{worker} comes of {this}");
    });
}

// Behaviours: SUB-01, SUB-02.
#[test]
fn a_function_takes_one_argument_or_a_tuple_of_several() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_eq!(executor.submit(u64::is_power_of_two, 8).result(), Ok(true));
        assert_eq!(executor.submit(pow, (2, 8)).result(), Ok(256));
        let join = |(a, b, c, d): (String, char, u8, bool)| format!("{a}{b}{c}{d}");
        let joined = executor.submit(join, ("x".to_owned(), '=', 1, true));
        assert_eq!(joined.result().unwrap(), "x=1true");
        assert_eq!(executor.submit(|(): ()| 7, ()).result(), Ok(7));
    });
}

#[test]
fn a_closure_that_captures_nothing_is_a_function() {
    watch::within(watch::HANG, || {
        const FACTOR: u32 = 3;
        let executor = pool(1);
        assert_eq!(executor.submit(|x: u32| x * FACTOR, 5).result(), Ok(15));
    });
}

#[test]
fn a_function_is_chosen_at_run_time() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let larger: Operation = |(a, b)| a.max(b);
        let table = [("add", add as Operation), ("multiply", multiply), ("larger", larger)];
        let futures = table.map(|(name, function)| (name, executor.submit(function, (6, 7))));
        let results = futures.map(|(name, future)| (name, future.result().unwrap()));
        assert_eq!(results, [("add", 13), ("multiply", 42), ("larger", 7)]);
    });
}

#[test]
fn a_generic_function_travels_with_its_types() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_eq!(executor.submit(add::<u8>, (250, 5)).result(), Ok(255));
        assert_eq!(executor.submit(add::<f64>, (0.5, 0.25)).result(), Ok(0.75));
    });
}

fn echo<T>(value: T) -> T {
    value
}

/// Sends `value` to a worker and back.
fn there_and_back<T>(executor: &ProcessPoolExecutor, value: T)
where
    T: Serialize + DeserializeOwned + Clone + Debug + PartialEq + 'static,
{
    assert_eq!(executor.submit(echo::<T>, value.clone()).result(), Ok(value));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle { radius: f32 },
    Named(String, Box<Shape>),
    Group(Vec<Shape>),
}

// Behaviours: SUB-02.
#[test]
fn values_return_equal() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        there_and_back(&executor, (i8::MIN, i64::MIN, u128::MAX, f64::NEG_INFINITY, '\u{10ffff}'));
        there_and_back(&executor, "naïve, ∀x, 🦀, \0, \n".to_owned());
        there_and_back(&executor, BTreeMap::from([(1_u8, vec!["a".to_owned()]), (2, vec![])]));
        there_and_back(&executor, [Some(Ok::<u8, String>(1)), Some(Err("no".to_owned())), None]);
        let named = Shape::Named("n".to_owned(), Box::new(Shape::Circle { radius: 1.5 }));
        there_and_back(&executor, Shape::Group(vec![Shape::Point, named]));
    });
}

// Behaviours: SUB-09.
#[test]
fn empty_values_are_values() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        there_and_back(&executor, ());
        there_and_back(&executor, false);
        there_and_back(&executor, 0_u8);
        there_and_back(&executor, String::new());
        there_and_back(&executor, Vec::<u8>::new());
        there_and_back(&executor, Vec::<String>::new());
        there_and_back(&executor, None::<u8>);
        there_and_back(&executor, ((), [(); 0]));
    });
}

// Behaviours: SUB-08.
#[test]
fn an_error_that_a_task_returns_is_its_result() {
    watch::within(watch::HANG, || {
        let parse = |text: String| text.parse::<u8>().map_err(|error| error.to_string());
        let executor = pool(1);
        assert_eq!(executor.submit(parse, "7".to_owned()).result().unwrap(), Ok(7));
        let failed = executor.submit(parse, "x".to_owned());
        assert_eq!(failed.error(), None, "the task itself did not fail");
        assert_eq!(failed.result().unwrap(), Err("invalid digit found in string".to_owned()));
    });
}

/// Bytes with a period of which no buffer's length is a multiple, so a cut or shifted copy shows.
fn pattern(length: usize) -> Vec<u8> {
    // To repeat them is quick without optimization.
    let byte = |index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8;
    let mut bytes = (0..10_007).map(byte).collect::<Vec<u8>>().repeat(length / 10_007 + 1);
    bytes.truncate(length);
    bytes
}

// Behaviours: SUB-12.
#[test]
fn more_than_a_hundred_mebibytes_survive_the_round_trip() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let bytes = pattern(110 << 20);
        let future = executor.submit(echo::<Vec<u8>>, bytes.clone());
        assert!(future.result().unwrap() == bytes, "the bytes differ");
        let again = executor.submit(|text: String| text.len(), "ü".repeat(8 << 20));
        assert_eq!(again.result(), Ok(16 << 20), "the link works after a long frame");
    });
}

#[test]
fn every_length_around_the_buffer_size_survives_the_round_trip() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        // A read buffer is 16 KiB; a socket holds some 200 KiB. Frames add a few bytes.
        for middle in [16 << 10, 64 << 10, 208 << 10] {
            for length in middle - 40..middle + 2 {
                let bytes = pattern(length);
                let future = executor.submit(echo::<Vec<u8>>, bytes.clone());
                assert!(future.result().unwrap() == bytes, "{length} bytes");
            }
        }
    });
}

#[test]
fn several_large_arguments_queue_without_deadlock() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let futures: Vec<_> = (1..=24_usize)
            .map(|mib| executor.submit(|bytes: Vec<u8>| bytes.len(), vec![0; mib << 20]))
            .collect();
        for (mib, future) in (1..).zip(&futures) {
            assert_eq!(future.result(), Ok(mib << 20));
        }
    });
}
