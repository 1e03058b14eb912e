//! Items that are sent together.

use procpool_contract::Capability as Has;

use crate::case::{CASE, Case};
use crate::plan::{squares, workers};

use super::{CHUNKS, chunks, gave_squares, refused};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "map.chunks-that-do-not-divide",
        requirement: "The pool MUST return the same results in chunks, the last of which is smaller.",
        source: CHUNKS,
        rows: &["MAP-02"],
        needs: &[Has::Chunksize],
        kills: &["map-drops-the-last"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map_with("p", squares("a", 40), chunks(3));
            plan.map_with("p", squares("b", 40), chunks(6)).shutdown("p");
        },
        judge: |history| {
            gave_squares(history, "map p", 40)?;
            gave_squares(history, "map p #2", 40)
        },
        ..CASE
    },
    Case {
        id: "map.chunks-of-everything",
        requirement: "The pool MUST return the same results in one chunk, and in one that could be larger.",
        source: CHUNKS,
        rows: &["MAP-02"],
        needs: &[Has::Chunksize],
        kills: &["map-loses-an-item-of-a-large-chunk"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map_with("p", squares("a", 40), chunks(40));
            plan.map_with("p", squares("b", 40), chunks(50)).shutdown("p");
        },
        judge: |history| {
            gave_squares(history, "map p", 40)?;
            gave_squares(history, "map p #2", 40)
        },
        ..CASE
    },
    Case {
        id: "map.chunk-one-by-one",
        requirement: "The pool MUST run the items of a chunk one after the other.",
        source: CHUNKS,
        rows: &["MAP-02"],
        needs: &[Has::Chunksize],
        kills: &["answers-early"],
        plan: |plan| {
            plan.new_pool("p", workers(4)).map_with("p", squares("t", 3), chunks(3)).shutdown("p");
        },
        // A rule for every run checks that no two overlap in one worker.
        judge: |history| gave_squares(history, "map p", 3),
        ..CASE
    },
    Case {
        id: "map.chunksize-zero-is-refused",
        requirement: "The pool MUST refuse chunks of zero items, and run none.",
        source: "pebble: test_process_pool_map_zero_chunk",
        rows: &["MAP-03"],
        needs: &[Has::Chunksize],
        kills: &["map-ignores-chunksize"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_with("p", squares("t", 3), chunks(0)).shutdown("p");
        },
        judge: |history| refused(history, "map p"),
        ..CASE
    },
    Case {
        id: "map.chunksize-negative-is-refused",
        requirement: "The pool MUST refuse chunks of a negative size, and run none.",
        source: CHUNKS,
        rows: &["MAP-03"],
        needs: &[Has::Chunksize],
        kills: &["map-ignores-chunksize"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_with("p", squares("t", 3), chunks(-1)).shutdown("p");
        },
        judge: |history| refused(history, "map p"),
        ..CASE
    },
];
