//! Every item once, and in order.

use procpool_contract::{Capability as Has, MapOptions};
use serde_json::{Value, json};

use crate::case::{CASE, Case};
use crate::history::require;
use crate::plan::{begun, echo, gated, returned, square, squared, squares, tasks_begun, workers};

use super::{CPYTHON, chunks, gave_squares, open_and_take, took_all};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "map.in-order-whatever-completes-first",
        requirement: "The pool MUST return the results of a map in the order of the inputs, whichever is done first.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::Map],
        kills: &["map-by-completion"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map("p", vec![gated("slow", "go"), echo("quick", "quick")]).shutdown("p");
            // A pool that sends both together runs them one after the other.
            plan.until(begun("slow")).quiet().open("go");
        },
        judge: |history| {
            let values = history.values("map p")?;
            require(values == [json!("slow"), json!("quick")], || {
                format!("the results were {values:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "map.every-item-once",
        requirement: "The pool MUST return one result for each input of a map, no more and no fewer.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::Map],
        kills: &["map-drops-the-last", "map-repeats-one", "answers-early"],
        plan: |plan| {
            plan.new_pool("p", workers(3)).map("p", squares("t", 500)).shutdown("p");
        },
        judge: |history| gave_squares(history, "map p", 500),
        ..CASE
    },
    Case {
        id: "map.thousands-of-items",
        requirement: "The pool MUST return one result for each of thousands of inputs of a map.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::Map],
        kills: &["map-loses-the-1001st-item"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).map("p", squares("t", 2500)).shutdown("p");
        },
        judge: |history| {
            let (values, expected) = (history.values("map p")?, squared(2500));
            let wrong = values.iter().zip(&expected).position(|(value, due)| value != due);
            require(wrong.is_none() && values.len() == expected.len(), || {
                format!("it gave {} results, and number {wrong:?} is wrong", values.len())
            })
        },
        ..CASE
    },
    Case {
        id: "map.two-at-a-time",
        requirement: "The pool MUST return the items of each of two maps that are open at the same time.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::LazyMap],
        kills: &["two-maps-swap-an-item"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for (map, first) in [("m", 0), ("n", 10)] {
                let calls = (0..4).map(|number| square(&format!("{map}{number}"), first + number));
                plan.map_open("p", map, calls.collect(), MapOptions::default());
            }
            for _ in 0..5 {
                plan.map_next("m").map_next("n");
            }
            plan.map_close("m").map_close("n").shutdown("p");
        },
        judge: |history| {
            for (map, first) in [("m", 0), ("n", 10_i64)] {
                let mut all = Vec::new();
                for number in 1..=5 {
                    all.extend(history.values(&format!("map_next {map} #{number}"))?);
                }
                let due: Vec<Value> = (first..first + 4).map(|it| Value::from(it * it)).collect();
                require(all == due, || format!("\"{map}\" gave {all:?}, not {due:?}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "map.beside-a-closed-one",
        requirement: "The pool MUST return every item of a map while another one is dropped before its end.",
        source: "CPython: documentation of Executor.map; a map cancels its own futures",
        rows: &["MAP-01", "MAP-13"],
        needs: &[Has::LazyMap],
        kills: &["closing-a-map-ends-all"],
        plan: |plan| {
            let calls = vec![square("m0", 2), gated("m1", "go"), square("m2", 3)];
            plan.new_pool("p", workers(1)).map_open("p", "m", calls, MapOptions::default());
            plan.map_open("p", "n", squares("n", 9), MapOptions::default());
            plan.map_next("m").hold("begun").map_close("m");
            for _ in 0..10 {
                plan.map_next("n");
            }
            plan.map_close("n").shutdown("p");
            plan.until(begun("m1")).open("begun").until(returned("map_close m")).open("go");
        },
        judge: |history| {
            let mut all = Vec::new();
            for number in 1..=10 {
                all.extend(history.values(&format!("map_next n #{number}"))?);
            }
            require(all == squared(9), || format!("it gave {all:?}"))
        },
        ..CASE
    },
    Case {
        id: "map.after-a-closed-one",
        requirement: "The pool MUST return in a map its own items only, after a map that was dropped before its end.",
        source: "CPython: executor.py, test_map_close",
        rows: &["MAP-13"],
        needs: &[Has::LazyMap],
        kills: &["map-continues-a-closed-one"],
        plan: |plan| {
            let options = MapOptions::default();
            plan.new_pool("p", workers(1)).map_open("p", "m", squares("a", 6), options.clone());
            plan.map_next("m").map_close("m").map("p", squares("b", 3));
            plan.map_open("p", "n", squares("c", 6), options).map_next("n").map_close("n");
            plan.shutdown("p");
            plan.new_pool("q", workers(1)).map("q", squares("d", 3)).shutdown("q");
        },
        judge: |history| {
            gave_squares(history, "map p", 3)?;
            gave_squares(history, "map q", 3)
        },
        ..CASE
    },
    Case {
        id: "map.empty",
        requirement: "The pool MUST return nothing for a map over nothing.",
        source: "pebble: test_process_pool_map_empty",
        rows: &["MAP-05"],
        needs: &[Has::Map],
        kills: &["map-refuses-nothing"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).map("p", Vec::new()).shutdown("p");
        },
        judge: |history| gave_squares(history, "map p", 0),
        ..CASE
    },
    Case {
        id: "map.one-item",
        requirement: "The pool MUST map over one input.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::Map],
        kills: &["map-drops-the-last"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).map("p", squares("t", 1)).shutdown("p");
        },
        judge: |history| gave_squares(history, "map p", 1),
        ..CASE
    },
    Case {
        id: "map.again-and-again",
        requirement: "The pool MUST map several times, one after the other.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::Map],
        kills: &["maps-only-once"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map("p", squares("a", 10)).map("p", squares("b", 20)).map("p", squares("c", 30));
            plan.shutdown("p");
        },
        judge: |history| {
            gave_squares(history, "map p", 10)?;
            gave_squares(history, "map p #2", 20)?;
            gave_squares(history, "map p #3", 30)
        },
        ..CASE
    },
    Case {
        id: "map.together-with-submit",
        requirement: "The pool MUST run submitted tasks and maps in parallel.",
        source: "loky: test_thread_safety",
        rows: &["MAP-01", "SUB-15"],
        needs: &[Has::Map, Has::Submit],
        kills: &["map-loses-an-item-beside-tasks"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).map("p", squares("t", 20));
            plan.submit("p", echo("b", 2)).result("a").result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            history.returned("result b", 2)?;
            gave_squares(history, "map p", 20)
        },
        ..CASE
    },
    Case {
        id: "map.unordered-gives-all",
        requirement: "The pool MUST return every result of an unordered map once.",
        source: "mpi4py.futures: test_map_unordered",
        rows: &["MAP-20"],
        needs: &[Has::Unordered],
        kills: &["map-drops-the-last", "map-repeats-one"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            let options = MapOptions { unordered: true, ..MapOptions::default() };
            plan.map_with("p", squares("t", 50), options).shutdown("p");
        },
        judge: |history| {
            let mut values = history.values("map p")?;
            values.sort_by_key(Value::as_i64);
            require(values == squared(50), || format!("it gave {values:?}"))
        },
        ..CASE
    },
    Case {
        id: "map.lazily-taken",
        requirement: "The pool MUST return the items of a map one by one, and an end after the last.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::LazyMap],
        kills: &["map-repeats-one", "map-drops-the-last"],
        plan: |plan| {
            open_and_take(plan, 12, MapOptions::default());
        },
        judge: |history| took_all(history, 12),
        ..CASE
    },
    Case {
        id: "map.spreads-over-workers",
        requirement: "The pool MUST run items of a map in several workers at the same time if a chunk is one item.",
        source: CPYTHON,
        rows: &["MAP-01"],
        needs: &[Has::Chunksize],
        kills: &["starts-one-too-few"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map_with("p", vec![gated("a", "go"), gated("b", "go")], chunks(1)).shutdown("p");
            plan.until(tasks_begun(2)).open("go");
        },
        judge: |history| {
            let workers = history.workers().len();
            require(workers == 2, || format!("{workers} worker ran both"))
        },
        ..CASE
    },
];
