//! Many items.

mod chunked;
mod ends;
mod errors;
mod input;
mod order;

pub(super) use chunked::CASES as CHUNKED;
pub(super) use ends::CASES as ENDS;
pub(super) use errors::CASES as ERRORS;
pub(super) use input::CASES as INPUT;
pub(super) use order::CASES as ORDER;

use procpool_contract::{Call, ErrorClass, EventKind, MapOptions, Outcome, policy};
use serde_json::Value;

use crate::case::Only;
use crate::history::{Finding, History, require, told};
use crate::plan::{Plan, fail, square, squared, squares, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/executor.py, test_map";
const CHUNKS: &str = "CPython: test_process_pool.py, test_map_chunksize";
const BUFFER: &str = "CPython: executor.py, test_map_buffersize";

const STOPS: Option<Only> = Some(Only {
    words: "map_error is stop",
    holds: |policies| policies.map_error == Some(policy::MapError::Stop),
});

const GOES_ON: Option<Only> = Some(Only {
    words: "map_error is continue",
    holds: |policies| policies.map_error == Some(policy::MapError::Continue),
});

fn chunks(size: i64) -> MapOptions {
    MapOptions { chunksize: Some(size), ..MapOptions::default() }
}

fn buffered(size: i64) -> MapOptions {
    MapOptions { buffersize: Some(size), ..MapOptions::default() }
}

fn within(timeout: u64) -> MapOptions {
    MapOptions { timeout: Some(timeout), ..MapOptions::default() }
}

fn gave_squares(history: &History, step: &str, count: i64) -> Finding {
    let values = history.values(step)?;
    require(values == squared(count), || format!("\"{step}\" gave {values:?}"))
}

/// Either the map is refused, or its first item is an error.
fn refused(history: &History, step: &str) -> Finding {
    let ran = history.events(EventKind::Begin).count();
    require(ran == 0, || format!("{ran} items ran"))?;
    match history.outcome(step)? {
        Outcome::Error(_) => history.failure(step, &[ErrorClass::Invalid]).map(|_| ()),
        Outcome::Ok(_) => match history.items(step)?.as_slice() {
            [Outcome::Error(failure), ..] if failure.class == ErrorClass::Invalid => Ok(()),
            items => Err(format!("it gave {} items and no refusal", items.len())),
        },
    }
}

/// Squares of 0, 1, 2, an item that fails, and two more.
fn with_an_error() -> Vec<Call> {
    let mut calls = squares("t", 3);
    calls.push(fail("bad", "item 3 is bad"));
    calls.extend([square("t4", 4), square("t5", 5)]);
    calls
}

fn three_then_the_error(items: &[Outcome]) -> Finding {
    for (index, expected) in squared(3).into_iter().enumerate() {
        let item = items.get(index);
        require(item == Some(&Outcome::Ok(expected)), || format!("item {index} was {item:?}"))?;
    }
    match items.get(3) {
        Some(Outcome::Error(failure)) if failure.class == ErrorClass::Task => Ok(()),
        Some(Outcome::Error(failure)) => Err(format!("item 3 failed otherwise: {}", told(failure))),
        item => Err(format!("item 3 was {item:?}, not the error")),
    }
}

/// The number of items that the map had pulled when a step ended.
fn pulled_by(history: &History, step: &str) -> Result<usize, String> {
    let at = history.ended_at(step)?;
    Ok(history.events(EventKind::Pull).filter(|event| event.at <= at).count())
}

fn open_and_take(plan: &mut Plan, count: i64, options: MapOptions) -> &mut Plan {
    plan.new_pool("p", workers(2)).map_open("p", "m", squares("t", count), options);
    for _ in 0..=count {
        plan.map_next("m");
    }
    plan.map_close("m").shutdown("p")
}

fn took_all(history: &History, count: i64) -> Finding {
    for number in 0..count {
        let step = format!("map_next m #{}", number + 1);
        let values = history.values(&step)?;
        require(values == [Value::from(number * number)], || {
            format!("\"{step}\" gave {values:?}")
        })?;
    }
    let rest = history.items(&format!("map_next m #{}", count + 1))?;
    require(rest.is_empty(), || format!("{} more items followed the last", rest.len()))
}

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("MAP-04", "The contract maps over one list of calls."),
    ("MAP-10", "map.timeout checks the same time, with one step for all results."),
    ("MAP-11", "Whether a task can fail with a timeout error depends on the language's types."),
    ("MAP-19", "The objects that an iterator keeps alive depend on the language."),
    ("MAP-23", "Only pebble can cancel a map as a whole."),
    ("MAP-24", "A map over tuples is a map over calls here."),
];
