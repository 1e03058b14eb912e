//! When a map pulls its input, and how much of it.

use procpool_contract::{Capability as Has, EventKind, MapOptions};

use crate::case::{CASE, Case, Level};
use crate::history::require;
use crate::plan::{ended, returned, squares, workers};

use super::{
    BUFFER, CPYTHON, buffered, chunks, gave_squares, open_and_take, pulled_by, refused, took_all,
};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "map.reads-its-input-at-once",
        requirement: "The pool MUST pull all inputs of a map when it is called without a buffer size.",
        source: "CPython: documentation of Executor.map; loky: test_imap_handle_iterable_exception",
        rows: &["MAP-18"],
        needs: &[Has::LazyMap, Has::Buffersize],
        kills: &["map-reads-nothing-ahead", "map-reads-a-thousand-inputs-ahead"],
        plan: |plan| {
            open_and_take(plan, 12, MapOptions::default());
            // More than a pool may take as a first portion.
            plan.new_pool("q", workers(2));
            plan.map_open("q", "n", squares("u", 1500), MapOptions::default());
            plan.map_close("n").shutdown("q");
        },
        judge: |history| {
            took_all(history, 12)?;
            let pulled = pulled_by(history, "map_open m")?;
            require(pulled == 12, || format!("{pulled} of 12 inputs were taken by the call"))?;
            let pulled = pulled_by(history, "map_open n")?.saturating_sub(12);
            require(pulled == 1500, || format!("{pulled} of 1500 inputs were taken by the call"))
        },
        ..CASE
    },
    Case {
        id: "map.starts-before-it-is-asked",
        level: Level::Should,
        requirement: "The pool SHOULD run the items of a map before the first result is read.",
        source: CPYTHON,
        rows: &["MAP-18"],
        needs: &[Has::LazyMap],
        kills: &["map-reads-nothing-ahead"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).map_open(
                "p",
                "m",
                squares("t", 2),
                MapOptions::default(),
            );
            plan.hold("ran").map_next("m").map_next("m").map_close("m").shutdown("p");
            plan.until(ended("t0")).until(ended("t1")).open("ran");
        },
        judge: |history| {
            let first = history.step("map_next m")?.begin;
            let ran = history.event(EventKind::End, "t1")?.at;
            require(ran <= first, || "it ran when it was asked for".to_owned())
        },
        ..CASE
    },
    Case {
        id: "map.buffer-bounds-what-is-taken",
        requirement: "The pool MUST NOT pull more inputs than its buffer holds, and one more for each item that it has returned.",
        source: BUFFER,
        rows: &["MAP-15", "MAP-16"],
        needs: &[Has::LazyMap, Has::Buffersize],
        kills: &["map-reads-ahead"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_open("p", "m", squares("t", 60), buffered(4));
            plan.hold("full").map_next("m").hold("one more");
            (1..30).for_each(|_| _ = plan.map_next("m"));
            plan.hold("thirty").map_next("m").map_close("m").shutdown("p");
            plan.until(returned("map_open m")).quiet().open("full");
            plan.until(returned("map_next m")).quiet().open("one more");
            plan.until(returned("map_next m #30")).quiet().open("thirty");
        },
        judge: |history| {
            let first = history.ended_at("gate full")?;
            let by = |at| history.events(EventKind::Pull).filter(|event| event.at <= at).count();
            require(by(first) == 4, || {
                format!("{} inputs were taken, of a buffer of 4", by(first))
            })?;
            let second = history.ended_at("gate one more")?;
            require(by(second) <= 5, || {
                format!("{} inputs were taken after one item", by(second))
            })?;
            let last = history.ended_at("gate thirty")?;
            require(by(last) <= 34, || format!("{} inputs were taken after 30 items", by(last)))
        },
        ..CASE
    },
    Case {
        id: "map.buffers-of-every-size",
        requirement: "The pool MUST return the same results with buffers of every size.",
        source: BUFFER,
        rows: &["MAP-17"],
        needs: &[Has::Buffersize],
        kills: &["map-loses-an-item-of-a-large-buffer"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for size in [1, 2, 9, 10, 11] {
                plan.map_with("p", squares(&format!("b{size}-"), 10), buffered(size));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for map in 1..=5 {
                gave_squares(history, &format!("map p #{map}"), 10)?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "map.buffers-and-chunks",
        requirement: "The pool MUST return the same results with buffers and chunks of every size.",
        source: "mpi4py.futures: test_map_buffersize",
        rows: &["MAP-17"],
        needs: &[Has::Buffersize, Has::Chunksize],
        kills: &["map-loses-an-item-of-a-small-buffer"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for size in [1, 2, 9, 11] {
                for chunk in [1, 3, 11] {
                    let options = MapOptions { buffersize: Some(size), ..chunks(chunk) };
                    plan.map_with("p", squares(&format!("b{size}-{chunk}-"), 10), options);
                }
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for map in 1..=12 {
                gave_squares(history, &format!("map p #{map}"), 10)?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "map.buffer-of-nothing-is-refused",
        requirement: "The pool MUST refuse a buffer of zero items, and run none.",
        source: "CPython: executor.py, test_map_buffersize_value_validation",
        rows: &["MAP-14"],
        needs: &[Has::Buffersize],
        kills: &["map-reads-ahead"],
        plan: |plan| {
            plan.new_pool("p", workers(1))
                .map_with("p", squares("t", 3), buffered(0))
                .shutdown("p");
        },
        judge: |history| refused(history, "map p"),
        ..CASE
    },
];
