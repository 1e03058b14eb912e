//! Many items.

use serde_json::{Value, json};

use crate::case::{CASE, Case, Level, Only};
use crate::contract::{
    Call, Capability as Has, ErrorClass, EventKind, MapOptions, Outcome, policy,
};
use crate::history::{Finding, History, require, told};
use crate::plan::{
    Plan, begun, echo, ended, fail, gated, returned, square, squared, squares, tasks_begun, traced,
    workers,
};

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

/// Either the map is refused, or its first item is the refusal.
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

/// What was taken of the input by the time a step ended.
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
    require(rest.is_empty(), || format!("{} more came after the last", rest.len()))
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "map.in-order-whatever-completes-first",
        requirement: "The pool MUST give the results of a map in the order of the inputs, whichever is done first.",
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
                format!("they came as {values:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "map.every-item-once",
        requirement: "The pool MUST give one result for each input of a map, no more and no fewer.",
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
        id: "map.empty",
        requirement: "The pool MUST give nothing for a map over nothing.",
        source: "pebble: test_process_pool_map_empty",
        rows: &["MAP-05"],
        needs: &[Has::Map],
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
        requirement: "The pool MUST run submitted tasks and maps side by side.",
        source: "loky: test_thread_safety",
        rows: &["MAP-01", "SUB-15"],
        needs: &[Has::Map, Has::Submit],
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
        id: "map.chunks-that-do-not-divide",
        requirement: "The pool MUST give the same results in chunks, the last of which is smaller.",
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
        requirement: "The pool MUST give the same results in one chunk, and in one that could be larger.",
        source: CHUNKS,
        rows: &["MAP-02"],
        needs: &[Has::Chunksize],
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
        // That none overlaps another one in its worker is a rule for every run.
        judge: |history| gave_squares(history, "map p", 3),
        ..CASE
    },
    Case {
        id: "map.chunksize-zero-is-refused",
        requirement: "The pool MUST refuse chunks of no items, and run none.",
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
    Case {
        id: "map.error-in-its-place",
        requirement: "The pool MUST give the results before a failing item, and its error in its place.",
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
        id: "map.error-ends-it",
        requirement: "The pool MUST end a map with the error of an item, as it says.",
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
            require(items.len() == 4, || format!("{} items came after the error", items.len() - 4))
        },
        ..CASE
    },
    Case {
        id: "map.error-does-not-end-it",
        requirement: "The pool MUST go on with the items after one that fails, as it says.",
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
                format!("after the error came {rest:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "map.error-is-not-its-chunks",
        level: Level::Should,
        requirement: "The pool SHOULD fail the item that fails, not those that travel with it.",
        source: "CPython: executor.py, test_map_exception (second half); pebble: process_chunk",
        rows: &["MAP-08"],
        needs: &[Has::Chunksize],
        only: GOES_ON,
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_with("p", with_an_error(), chunks(6)).shutdown("p");
        },
        judge: |history| {
            let items = history.items("map p")?;
            three_then_the_error(&items)?;
            let rest = items.get(4..).unwrap_or_default();
            require(rest == [Outcome::Ok(json!(16)), Outcome::Ok(json!(25))], || {
                format!("after the error came {rest:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "map.timeout",
        requirement: "The pool MUST give up on a map when its time is over, with an error of its own.",
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
            // A slow start may leave no time for the first.
            let items = history.items("map p")?;
            let timed_out = items.iter().any(|item| {
                matches!(item, Outcome::Error(failure) if failure.class == ErrorClass::Timeout)
            });
            require(timed_out, || format!("it gave {items:?}"))?;
            let waited = history.ended_at("map p")? - history.step("map p")?.begin;
            require(waited >= 298_000_000, || format!("it gave up after {} ms", waited / 1_000_000))
        },
        ..CASE
    },
    Case {
        id: "map.timeout-not-reached",
        requirement: "The pool MUST give all results of a map that is done in time.",
        source: "mpi4py.futures: test_map_timeout_one",
        rows: &["MAP-12"],
        needs: &[Has::MapTimeout],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.map_with("p", squares("t", 10), within(60_000)).shutdown("p");
        },
        judge: |history| gave_squares(history, "map p", 10),
        ..CASE
    },
    Case {
        id: "map.unordered-gives-all",
        requirement: "The pool MUST give every result of an unordered map once.",
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
        requirement: "The pool MUST give the items of a map one by one, and an end after the last.",
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
        id: "map.reads-its-input-at-once",
        requirement: "The pool MUST take all inputs of a map when it is called, if it is told of no buffer.",
        source: "CPython: documentation of Executor.map; loky: test_imap_handle_iterable_exception",
        rows: &["MAP-18"],
        needs: &[Has::LazyMap, Has::Buffersize],
        kills: &["map-reads-nothing-ahead"],
        plan: |plan| {
            open_and_take(plan, 12, MapOptions::default());
        },
        judge: |history| {
            took_all(history, 12)?;
            let pulled = pulled_by(history, "map_open m")?;
            require(pulled == 12, || format!("{pulled} of 12 inputs were taken by the call"))
        },
        ..CASE
    },
    Case {
        id: "map.starts-before-it-is-asked",
        level: Level::Should,
        requirement: "The pool SHOULD run the items of a map before anybody asks for the first.",
        source: CPYTHON,
        rows: &["MAP-18"],
        needs: &[Has::LazyMap],
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
        requirement: "The pool MUST NOT take more inputs than its buffer has room for, and one more for each item that is given.",
        source: BUFFER,
        rows: &["MAP-15", "MAP-16"],
        needs: &[Has::LazyMap, Has::Buffersize],
        kills: &["map-reads-ahead"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).map_open("p", "m", squares("t", 10), buffered(4));
            plan.hold("full").map_next("m").hold("one more").map_next("m").map_close("m");
            plan.shutdown("p");
            plan.until(returned("map_open m")).quiet().open("full");
            plan.until(returned("map_next m")).quiet().open("one more");
        },
        judge: |history| {
            let first = history.ended_at("gate full")?;
            let by = |at| history.events(EventKind::Pull).filter(|event| event.at <= at).count();
            require(by(first) == 4, || {
                format!("{} inputs were taken, of a buffer of 4", by(first))
            })?;
            let second = history.ended_at("gate one more")?;
            require(by(second) <= 5, || format!("{} inputs were taken after one item", by(second)))
        },
        ..CASE
    },
    Case {
        id: "map.buffers-of-every-size",
        requirement: "The pool MUST give the same results with buffers of every size.",
        source: BUFFER,
        rows: &["MAP-17"],
        needs: &[Has::Buffersize],
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
        requirement: "The pool MUST give the same results with buffers and chunks of every size.",
        source: "mpi4py.futures: test_map_buffersize",
        rows: &["MAP-17"],
        needs: &[Has::Buffersize, Has::Chunksize],
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
        requirement: "The pool MUST refuse a buffer for no items, and run none.",
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
    Case {
        id: "map.closing-cancels-the-rest",
        level: Level::Should,
        requirement: "The pool SHOULD NOT run what it has not begun of a map that is dropped, but for a few items on their way.",
        source: "CPython: executor.py, test_map_close",
        rows: &["MAP-13"],
        needs: &[Has::LazyMap, Has::Cancel],
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
            // How much is on its way pools differ in; half of it is not a few.
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
        id: "map.spreads-over-workers",
        requirement: "The pool MUST run items of a map in several workers at a time, where chunks are of one item.",
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
    Case {
        id: "map.after-shutdown-is-rejected",
        requirement: "The pool MUST reject a map after shutdown, and run none of it.",
        source: "CPython: test_run_after_shutdown",
        rows: &["SUB-03", "MAP-25"],
        needs: &[Has::Map],
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

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("MAP-04", "The contract maps over one list of calls."),
    ("MAP-10", "It is the same time in map.timeout, where everything is taken by one step."),
    ("MAP-11", "A task that fails with a timeout error is a matter of the language's types."),
    ("MAP-19", "What an iterator keeps alive is the language's."),
    ("MAP-23", "A map that can be cancelled as a whole is pebble's own."),
    ("MAP-24", "Maps over tuples are maps over calls here."),
];
