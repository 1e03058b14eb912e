//! The number of items in a chunk.

use std::collections::HashSet;
use std::convert::Infallible;
use std::iter;
use std::path::Path;

use procpool::{CodecStep, Error};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::gate;
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::behaviours::pools::pool;

// Behaviours: MAP-03.
#[test]
fn a_chunksize_of_zero_yields_one_error_and_runs_no_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let items = iter::from_fn(|| -> Option<()> { panic!("no item is taken") });
        let mut results = executor.map_options().chunksize(0).map(pid, items);
        let error = Error::InvalidArgument("chunksize must be greater than 0".into());
        assert_eq!((results.next(), results.next()), (Some(Err(error)), None));
        assert!(executor.submit(pid, ()).result().is_ok(), "the pool is as before");
    });
}

// Behaviours: MAP-02.
#[test]
fn every_chunksize_yields_the_same_results() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let expected: Vec<u32> = (0..100).map(|x| x + 1).collect();
        for chunksize in [1, 2, 3, 7, 50, 99, 100, 101, 100_000, usize::MAX] {
            let results = executor.map_options().chunksize(chunksize).map(|x: u32| x + 1, 0..100);
            let results: Result<Vec<u32>, Error> = results.collect();
            assert_eq!(results, Ok(expected.clone()), "chunksize {chunksize}");
        }
    });
}

#[test]
fn the_items_of_a_chunk_go_to_one_worker() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        // The first item of each chunk stops, so both chunks run at the same time.
        let task = |(index, places): (u32, Places)| {
            if index % 4 == 0 { cross(places) } else { std::process::id() }
        };
        let items = (0..8).map(|index| (index, crossing.places()));
        let results = executor.map_options().chunksize(4).map(task, items);
        crossing.wait_for(2);
        crossing.let_go(2);
        let pids: Vec<u32> = results.map(Result::unwrap).collect();
        assert_eq!(pids[..4], [pids[0]; 4]);
        assert_eq!(pids[4..], [pids[4]; 4]);
        assert_ne!(pids[0], pids[4]);
    });
}

#[test]
fn a_chunk_larger_than_the_input_needs_one_worker() {
    watch::within(watch::HANG, || {
        fn started(path: String) -> Result<(), Infallible> {
            trace::append(&path, "started");
            Ok(())
        }
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = crate::builder()
            .max_workers(4)
            .initializer_with_args(started, path.clone())
            .build()
            .unwrap();
        let results = executor.map_options().chunksize(1000).map(pid, vec![(); 10]);
        let pids: HashSet<u32> = results.map(Result::unwrap).collect();
        assert_eq!(pids.len(), 1);
        drop(executor);
        assert_eq!(trace::read::<String>(Path::new(&path)).len(), 1);
    });
}

#[test]
fn a_chunk_is_sent_when_it_is_full() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let mut made = 0;
        // The fourth item is only made when the first three have been run.
        let items = iter::repeat_with(|| {
            if made == 3 {
                crossing.wait_for(3);
            }
            made += 1;
            crossing.places().0
        });
        let task = |arrived: String| gate::give(&arrived);
        let results = executor.map_options().chunksize(3).map(task, items.take(5));
        crossing.wait_for(2);
        assert_eq!(results.collect::<Vec<_>>(), [const { Ok(()) }; 5], "the rest is a chunk too");
    });
}

#[test]
fn an_adaptive_chunk_never_puts_an_item_behind_the_first() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        // Nothing is known of the first item, so it is sent alone: here it is slower than all the others
        // together, and they must not wait for it.
        let (arrived, go) = crossing.places();
        let task = |(index, arrived, go): (u32, String, String)| {
            if index == 0 {
                gate::take(&go)
            } else {
                gate::give(&arrived)
            }
            index
        };
        let items = (0..200).map(|index| (index, arrived.clone(), go.clone()));
        let results = executor.map(task, items);
        crossing.wait_for(199);
        crossing.let_go(1);
        assert_eq!(results.collect::<Result<Vec<_>, _>>(), Ok((0..200).collect()));
    });
}

#[test]
fn adaptive_chunks_carry_many_items_and_large_ones() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let quick = executor.map(|x: u32| x, 0..100_000);
        assert!(quick.map(Result::unwrap).eq(0..100_000));
        let lengths = (0..40_usize).map(|index| index * 50_000);
        let large = executor.map(|bytes: Vec<u8>| bytes.len(), lengths.clone().map(|n| vec![0; n]));
        assert!(large.map(Result::unwrap).eq(lengths));
    });
}

// Behaviours: MAP-01, MAP-20.
#[test]
fn a_result_never_waits_for_an_item_behind_it_in_its_chunk() {
    watch::within(watch::HANG, || {
        // Short items first, so that those behind them are sent with many others.
        let task = |(index, length, go): (u32, usize, String)| {
            if !go.is_empty() {
                gate::take(&go);
            }
            (index, "x".repeat(length))
        };
        for (chunksize, unordered) in
            [(None, false), (Some(100), false), (None, true), (Some(7), true)]
        {
            for length in [0, 100, 2_000] {
                let crossing = Crossing::new();
                let executor = pool(1);
                // Two items stop, which may be in one chunk.
                let go = |index| match index {
                    50 | 52 => crossing.places().1,
                    _ => String::new(),
                };
                let items = (0..100).map(|index| (index, length, go(index)));
                let mut options = executor.map_options();
                if let Some(chunksize) = chunksize {
                    options = options.chunksize(chunksize);
                }
                if unordered {
                    options = options.unordered();
                }
                let mut results = options.map(task, items).map(Result::unwrap);
                let mut expect = |range: std::ops::Range<u32>| {
                    for index in range {
                        let result = results.next().unwrap();
                        assert_eq!((result.0, result.1.len()), (index, length));
                    }
                };
                expect(0..50);
                crossing.let_go(1);
                expect(50..52);
                crossing.let_go(1);
                expect(52..100);
            }
        }
    });
}

#[test]
fn a_chunk_carries_results_of_any_length() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let lengths = || (0..300_usize).map(|index| index * index % 20_011);
        // More than is drafted, of results that are drafted, and of some that are not.
        for chunksize in [None, Some(1), Some(50), Some(300)] {
            let task = |length: usize| vec![length as u8; length];
            let mut options = executor.map_options();
            if let Some(chunksize) = chunksize {
                options = options.chunksize(chunksize);
            }
            let results = options.map(task, lengths());
            assert!(results.map(Result::unwrap).eq(lengths().map(task)), "{chunksize:?}");
        }
    });
}

// Behaviours: MAP-06, MAP-07.
#[test]
fn failures_and_results_arrive_before_their_chunk_ends() {
    watch::within(watch::HANG, || {
        let task = |(index, go): (u32, String)| {
            match index % 5 {
                _ if !go.is_empty() => gate::take(&go),
                1 => panic!("{index}"),
                _ => {}
            }
            if index % 5 == 2 { Fragile(BAD_RESULT) } else { Fragile(index as u8) }
        };
        let crossing = Crossing::new();
        let executor = pool(1);
        let go = |index| if index == 40 { crossing.places().1 } else { String::new() };
        let items = (0..60).map(|index| (index, go(index)));
        let mut results = executor.map_options().chunksize(60).map(task, items).indexed();
        let expected = |index: usize| match index % 5 {
            1 => Err(index.to_string()),
            2 => Err("EncodeResult".to_owned()),
            _ => Ok(index as u8),
        };
        for index in 0..60 {
            if index == 40 {
                crossing.let_go(1);
            }
            let (its, result) = results.next().unwrap();
            assert_eq!((its, outcome(&result)), (index, expected(index)));
        }
        assert!(results.next().is_none());
    });
}

/// A number that fails to be encoded or decoded at one of the four steps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fragile(u8);

const BAD_ARGUMENT: u8 = 100;
const BAD_IN_THE_WORKER: u8 = 101;
const BAD_RESULT: u8 = 102;
const BAD_IN_THE_PARENT: u8 = 103;

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            BAD_ARGUMENT | BAD_RESULT => Err(ser::Error::custom("it is not to be written")),
            number => serializer.serialize_u8(number),
        }
    }
}

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            BAD_IN_THE_WORKER | BAD_IN_THE_PARENT => Err(de::Error::custom("it is unreadable")),
            number => Ok(Self(number)),
        }
    }
}

// Behaviours: MAP-07, MAP-08.
#[test]
fn an_item_that_cannot_be_encoded_spares_the_rest_of_its_chunk() {
    watch::within(watch::HANG, || {
        // These results fail on their way back, although their arguments did not.
        let task = |Fragile(number): Fragile| match number {
            3 => Fragile(BAD_RESULT),
            5 => Fragile(BAD_IN_THE_PARENT),
            7 => panic!("seven"),
            number => Fragile(number),
        };
        let items = [0, BAD_ARGUMENT, 2, 3, BAD_IN_THE_WORKER, 5, 6, 7, 8].map(Fragile);
        let executor = pool(1);
        for chunksize in [1, 3, 9] {
            let results: Vec<_> =
                executor.map_options().chunksize(chunksize).map(task, items).collect();
            let steps: Vec<_> = results.iter().map(outcome).collect();
            let expected = [
                Ok(0),
                Err("EncodeArguments".to_owned()),
                Ok(2),
                Err("EncodeResult".to_owned()),
                Err("DecodeArguments".to_owned()),
                Err("DecodeResult".to_owned()),
                Ok(6),
                Err("seven".to_owned()),
                Ok(8),
            ];
            assert_eq!(steps, expected, "chunksize {chunksize}");
        }
    });
}

fn outcome(result: &Result<Fragile, Error>) -> Result<u8, String> {
    match result {
        Ok(Fragile(number)) => Ok(*number),
        Err(Error::Codec(error)) => {
            let step: CodecStep = error.step;
            assert!(error.type_name.ends_with("Fragile"), "{error}");
            Err(format!("{step:?}"))
        }
        Err(Error::Panicked(panic)) => Err(panic.message.clone()),
        Err(other) => panic!("{other}"),
    }
}
