//! Drawing plans at random.
//!
//! Owns the ranges and the frequency of each kind of plan. `coverage` measures and asserts the result of
//! the draws.

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::plan::{Effort, How, Initargs, Operation, Plan};

/// The duration of the longest task. A longer one overlaps more, and makes every case slower.
const LONGEST: u16 = 300;

/// Plans for 1 to 8 workers, of 0 to 200 tasks.
///
/// A failing one shrinks towards no operations, each to fewer and shorter tasks.
pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let operations = prop_oneof![
        1 => vec(operation(0..=0), 0..=3),
        9 => vec(operation(0..=40), 1..=5),
        3 => vec(operation(0..=200), 1),
    ];
    (1..=8_usize, initargs(), operations).prop_map(|(max_workers, initargs, operations)| Plan {
        max_workers,
        initargs,
        operations,
    })
}

fn operation(tasks: RangeInclusive<usize>) -> impl Strategy<Value = Operation> {
    let how = prop_oneof![
        3 => Just(How::Submit),
        3 => Just(How::Map { chunksize: None }),
        3 => (1..=8_usize).prop_map(|chunksize| How::Map { chunksize: Some(chunksize) }),
        2 => (1..=250_usize).prop_map(|chunksize| How::Map { chunksize: Some(chunksize) }),
        1 => Just(How::Map { chunksize: Some(usize::MAX) }),
    ];
    let efforts = vec((0..=LONGEST).prop_map(Effort::Micros), tasks);
    (how, efforts, any::<bool>()).prop_map(|(how, efforts, collect)| Operation {
        how,
        efforts,
        collect,
    })
}

fn initargs() -> impl Strategy<Value = Initargs> {
    let initargs = (any::<String>(), any::<i64>(), vec(any::<u8>(), 0..40), any::<Option<char>>());
    initargs.prop_map(|(text, number, bytes, choice)| Initargs { text, number, bytes, choice })
}
