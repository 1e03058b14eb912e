//! Items that fail.

use procpool_contract::{Capability as Has, ErrorClass, MapOptions, Outcome};
use serde_json::json;

use crate::case::{CASE, Case, Level};
use crate::history::require;
use crate::plan::{fail, squares, workers};

use super::{GOES_ON, STOPS, chunks, gave_squares, three_then_the_error, with_an_error};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "map.error-in-its-place",
        requirement: "The pool MUST return the results before a failing item, and its error at its position.",
        source: "CPython: executor.py, test_map_exception",
        rows: &["MAP-06"],
        needs: &[Has::Map],
        kills: &["map-swallows-an-error"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            let options = MapOptions::default();
            plan.map_with("p", with_an_error(), options).shutdown("p");
        },
        judge: |history| three_then_the_error(&history.items("map p")?),
        ..CASE
    },
    Case {
        id: "map.error-after-hundreds",
        requirement: "The pool MUST report the error of an item that fails after hundreds of others.",
        source: "CPython: executor.py, test_map_exception",
        rows: &["MAP-06"],
        needs: &[Has::Map],
        kills: &["map-hides-errors-after-256-items"],
        plan: |plan| {
            let mut calls = squares("t", 300);
            calls.push(fail("bad", "item 300 is bad"));
            plan.new_pool("p", workers(2)).map("p", calls).shutdown("p");
        },
        judge: |history| match history.items("map p")?.last() {
            Some(Outcome::Error(failure)) if failure.class == ErrorClass::Task => Ok(()),
            item => Err(format!("the last item was {item:?}, not the error")),
        },
        ..CASE
    },
    Case {
        id: "map.error-ends-it",
        requirement: "The pool MUST end a map with the error of an item, as it declares.",
        source: "CPython 3.13: executor.py, test_map_exception",
        rows: &["MAP-07"],
        needs: &[Has::Map],
        only: STOPS,
        plan: |plan| {
            plan.new_pool("p", workers(2)).map("p", with_an_error()).shutdown("p");
        },
        judge: |history| {
            let items = history.items("map p")?;
            three_then_the_error(&items)?;
            require(items.len() == 4, || format!("{} items followed the error", items.len() - 4))
        },
        ..CASE
    },
    Case {
        id: "map.error-does-not-end-it",
        requirement: "The pool MUST continue with the items after one that fails, as it declares.",
        source: "CPython: gh-108518; pebble: test_process_pool_map_error",
        rows: &["MAP-07"],
        needs: &[Has::Map],
        only: GOES_ON,
        kills: &["map-swallows-an-error"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).map("p", with_an_error()).shutdown("p");
        },
        judge: |history| {
            let items = history.items("map p")?;
            three_then_the_error(&items)?;
            let rest = items.get(4..).unwrap_or_default();
            require(rest == [Outcome::Ok(json!(16)), Outcome::Ok(json!(25))], || {
                format!("the items after the error were {rest:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "map.error-is-not-its-chunks",
        level: Level::Should,
        requirement: "The pool SHOULD fail the item that fails, not the others of its chunk.",
        source: "CPython: executor.py, test_map_exception (second half); pebble: process_chunk",
        rows: &["MAP-08"],
        needs: &[Has::Chunksize],
        only: GOES_ON,
        kills: &["map-fails-the-rest-of-a-chunk"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_with("p", with_an_error(), chunks(6)).shutdown("p");
        },
        judge: |history| {
            let items = history.items("map p")?;
            three_then_the_error(&items)?;
            let rest = items.get(4..).unwrap_or_default();
            require(rest == [Outcome::Ok(json!(16)), Outcome::Ok(json!(25))], || {
                format!("the items after the error were {rest:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "map.after-a-failed-one",
        requirement: "The pool MUST return every item of a map after a map of which an item failed.",
        source: "CPython: executor.py, test_map_exception",
        rows: &["MAP-06"],
        needs: &[Has::Map],
        kills: &["map-is-empty-after-a-failed-one"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).map("p", with_an_error());
            plan.map("p", squares("b", 3)).map("p", squares("c", 3)).shutdown("p");
        },
        judge: |history| {
            gave_squares(history, "map p #2", 3)?;
            gave_squares(history, "map p #3", 3)
        },
        ..CASE
    },
];
