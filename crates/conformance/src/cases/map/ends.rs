//! Maps that end before their last item.

use std::time::Duration;

use procpool_contract::{Capability as Has, ErrorClass, EventKind, MapOptions, Outcome};

use crate::case::{CASE, Case, Level};
use crate::cases::timeout::{WAIT_MILLIS, in_time, repeated};
use crate::history::require;
use crate::plan::{begun, called, echo, gated, returned, sleep, squares, traced, workers};

use super::{gave_squares, within};

fn timed_out(item: &Outcome) -> bool {
    matches!(item, Outcome::Error(failure) if failure.class == ErrorClass::Timeout)
}

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "map.timeout",
        requirement: "The pool MUST end a map at its timeout, with a distinct error.",
        source: "CPython: executor.py, test_map_timeout",
        rows: &["MAP-09"],
        needs: &[Has::MapTimeout],
        kills: &["map-ignores-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map_with("p", vec![echo("a", 1), gated("b", "go")], within(300));
            plan.hold("go").shutdown("p").until(returned("map p")).open("go");
        },
        judge: |history| {
            // A slow start may leave no time for the first result.
            let items = history.items("map p")?;
            require(items.iter().any(timed_out), || format!("it gave {items:?}"))?;
            let waited = history.ended_at("map p")? - history.step("map p")?.begin;
            require(waited >= 298_000_000, || format!("it gave up after {} ms", waited / 1_000_000))
        },
        ..CASE
    },
    Case {
        id: "map.timeout-in-time",
        requirement: "The pool MUST end a map at its timeout, not at a multiple of it.",
        source: "CPython: executor.py, test_map_timeout",
        rows: &["MAP-09"],
        needs: &[Has::MapTimeout],
        kills: &["map-timeout-is-late"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..4 {
                plan.map_with("p", vec![gated(&format!("t{number}"), "go")], within(WAIT_MILLIS));
            }
            plan.hold("go").shutdown("p").until(returned("map p #4")).open("go");
        },
        judge: |history| {
            for step in repeated("map p") {
                let items = history.items(&step)?;
                require(items.iter().any(timed_out), || format!("it gave {items:?}"))?;
            }
            in_time(history, &repeated("map p"))
        },
        ..CASE
    },
    Case {
        id: "map.timeout-of-the-whole",
        requirement: "The pool MUST count the timeout of a map from the begin of the map, not for each item.",
        source: "CPython: documentation of Executor.map",
        rows: &["MAP-09"],
        needs: &[Has::MapTimeout],
        kills: &["map-timeout-per-item"],
        plan: |plan| {
            // Together they take longer than the timeout, and each takes a twentieth of it.
            let calls = (0..30).map(|number| sleep(&format!("t{number}"), 100)).collect();
            plan.new_pool("p", workers(1)).map_with("p", calls, within(2000)).shutdown("p");
        },
        judge: |history| {
            let items = history.items("map p")?;
            require(items.iter().any(timed_out), || {
                format!("it gave {} items and no timeout", items.len())
            })
        },
        ..CASE
    },
    Case {
        id: "map.timeout-of-a-slow-reader",
        requirement: "The pool MUST end a map at its timeout, also if that is over before the item is asked for.",
        source: "CPython: executor.py, test_map_timeout",
        rows: &["MAP-09"],
        needs: &[Has::MapTimeout, Has::LazyMap, Has::Submit],
        kills: &["map-forgets-a-timeout-that-is-over"],
        plan: |plan| {
            let calls = vec![echo("a", 1), gated("b", "go")];
            // Its worker has started before the limit begins.
            plan.new_pool("p", workers(1)).submit("p", echo("ready", 0)).result("ready");
            plan.map_open("p", "m", calls, within(1_000)).map_next("m");
            plan.hold("later").map_next("m").hold("end").map_close("m").shutdown("p");
            plan.until(returned("map_next m")).pause(Duration::from_millis(1_100)).open("later");
            plan.until(returned("map_next m #2")).open("go").open("end");
        },
        judge: |history| {
            // On a slow machine the first item may be late as well.
            let (first, second) = (history.items("map_next m")?, history.items("map_next m #2")?);
            let is_late = first.iter().chain(&second).any(timed_out);
            require(is_late, || format!("it gave {second:?}"))
        },
        ..CASE
    },
    Case {
        id: "map.timeout-of-the-whole-with-a-buffer",
        requirement: "The pool MUST count the timeout of a map from the begin of the map, also if it pulls inputs later.",
        source: "CPython: documentation of Executor.map",
        rows: &["MAP-09"],
        needs: &[Has::MapTimeout, Has::Buffersize],
        kills: &["map-timeout-per-item-with-a-buffer"],
        plan: |plan| {
            let calls = (0..30).map(|number| sleep(&format!("t{number}"), 50)).collect();
            let options = MapOptions { buffersize: Some(2), ..within(1_000) };
            plan.new_pool("p", workers(1)).map_with("p", calls, options).shutdown("p");
        },
        judge: |history| {
            let items = history.items("map p")?;
            require(items.iter().any(timed_out), || {
                format!("it gave {} items and no timeout", items.len())
            })
        },
        ..CASE
    },
    Case {
        id: "map.timeout-of-zero",
        requirement: "The pool MUST NOT block in a map with a timeout of zero.",
        source: "CPython: executor.py, test_map_timeout",
        rows: &["MAP-09"],
        needs: &[Has::MapTimeout],
        kills: &["map-takes-zero-for-none"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_with("p", vec![gated("a", "go")], within(0));
            plan.hold("go").shutdown("p").until(returned("map p")).open("go");
        },
        judge: |history| {
            let items = history.items("map p")?;
            require(items.iter().any(timed_out), || format!("it gave {items:?}"))
        },
        ..CASE
    },
    Case {
        id: "map.after-a-timed-out-one",
        requirement: "The pool MUST return every item of a map without a timeout after one that timed out.",
        source: "CPython: documentation of Executor.map: the timeout is of one call",
        rows: &["MAP-09", "MAP-12"],
        needs: &[Has::MapTimeout],
        kills: &["map-keeps-an-earlier-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_with("p", vec![gated("a", "go")], within(50));
            plan.map("p", vec![gated("b", "then"), echo("c", 3)]).shutdown("p");
            plan.until(returned("map p")).open("go");
            plan.until(called("map p #2")).pause(Duration::from_millis(200)).open("then");
        },
        judge: |history| {
            let items = history.items("map p #2")?;
            let due = [Outcome::Ok("b".into()), Outcome::Ok(3.into())];
            require(items == due, || format!("it gave {items:?}"))
        },
        ..CASE
    },
    Case {
        id: "map.timeout-not-reached",
        requirement: "The pool MUST return all results of a map that is done in time.",
        source: "mpi4py.futures: test_map_timeout_one",
        rows: &["MAP-12"],
        needs: &[Has::MapTimeout],
        kills: &["map-ends-at-once-with-a-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map_with("p", squares("t", 10), within(60_000)).shutdown("p");
        },
        judge: |history| gave_squares(history, "map p", 10),
        ..CASE
    },
    Case {
        id: "map.closing-cancels-the-rest",
        level: Level::Should,
        requirement: "The pool SHOULD NOT run pending items of a map that is dropped, except for a few that were already sent.",
        source: "CPython: executor.py, test_map_close",
        rows: &["MAP-13"],
        needs: &[Has::LazyMap, Has::Cancel],
        kills: &["closed-map-runs-on"],
        plan: |plan| {
            let mut calls = vec![echo("first", 1), gated("second", "go")];
            calls.extend(squares("t", 40));
            plan.new_pool("p", workers(1)).map_open("p", "m", calls, MapOptions::default());
            plan.map_next("m").hold("look").map_close("m").shutdown("p");
            plan.until(begun("second")).until(returned("map_next m")).open("look");
            plan.until(returned("map_close m")).open("go");
        },
        judge: |history| {
            let ran = history.events(EventKind::Begin).count();
            // Pools differ in the number of items they send ahead; half of all items is too many.
            require(ran <= 21, || format!("{ran} of 42 items ran"))
        },
        ..CASE
    },
    Case {
        id: "map.death-ends-it-or-its-item",
        requirement: "The pool MUST NOT hang in a map whose worker dies.",
        source: "CPython: test_deadlock.py; pebble: test_process_pool_map_broken_pool",
        rows: &["MAP-21"],
        needs: &[Has::Map, Has::WorkerDeath],
        kills: &["map-swallows-an-error"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.map("p", vec![gated("a", "never"), echo("b", 2)]).shutdown("p");
            plan.until(begun("a")).signal(crate::plan::worker_of("a"), 9);
        },
        judge: |history| {
            let broken = |outcome: &Outcome| matches!(outcome, Outcome::Error(failure) if failure.class == ErrorClass::Broken);
            match history.outcome("map p")? {
                Outcome::Error(_) => history.failure("map p", &[ErrorClass::Broken]).map(|_| ()),
                Outcome::Ok(_) => {
                    let items = history.items("map p")?;
                    require(items.iter().any(broken), || format!("it gave {items:?}"))
                }
            }
        },
        ..CASE
    },
    Case {
        id: "map.after-shutdown-is-rejected",
        requirement: "The pool MUST reject a map after shutdown, and run none of its items.",
        source: "CPython: test_run_after_shutdown",
        rows: &["SUB-03", "MAP-25"],
        needs: &[Has::Map],
        kills: &["accepts-after-shutdown"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map("p", squares("a", 2)).shutdown("p");
            plan.map("p", squares("b", 2)).until(traced(EventKind::End, 2));
        },
        judge: |history| {
            gave_squares(history, "map p", 2)?;
            let ran = history.events(EventKind::Begin).count();
            require(ran == 2, || format!("{} of its items ran", ran - 2))?;
            let rejected = |outcome: &Outcome| matches!(outcome, Outcome::Error(failure) if failure.class == ErrorClass::Rejected);
            match history.outcome("map p #2")? {
                Outcome::Error(_) => {
                    history.failure("map p #2", &[ErrorClass::Rejected]).map(|_| ())
                }
                Outcome::Ok(_) => {
                    let items = history.items("map p #2")?;
                    require(items.first().is_some_and(rejected), || format!("it gave {items:?}"))
                }
            }
        },
        ..CASE
    },
];
