//! Values that cannot be encoded or decoded.

use procpool_contract::{
    Call, Capability as Has, ErrorClass, EventKind, MapOptions, Outcome, Place, Until, policy,
};

use crate::case::{CASE, Case, Level, Only};
use crate::history::{Finding, History, require, told};
use crate::plan::{
    Condition, Plan, begun, called, echo, fail, gated, returned, square, squared, whoami, workers,
};

fn poisoned(tag: &str, poison: Place) -> Call {
    Call { poison: Some(poison), ..echo(tag, 1) }
}

/// A poisoned task, and a good one after it.
fn one_is_poisoned(plan: &mut Plan, place: Place) {
    plan.new_pool("p", workers(1)).submit("p", poisoned("a", place)).result("a");
    plan.submit("p", echo("b", 2)).result("b").shutdown("p");
}

/// A task may be refused by the call or by its future.
fn fails(history: &History, future: &str, classes: &[ErrorClass]) -> Finding {
    history.task_failure(future, classes).map(|_| ())
}

const OWN: &[ErrorClass] = &[ErrorClass::Serialisation, ErrorClass::Task];
const ANY: &[ErrorClass] = &[ErrorClass::Serialisation, ErrorClass::Task, ErrorClass::Broken];

fn fails_alone(history: &History) -> Finding {
    fails(history, "a", OWN)?;
    history.returned("result b", 2)
}

fn argument_fails(history: &History) -> Finding {
    fails_alone(history)?;
    let ran = history.count(EventKind::Begin, "a");
    require(ran == 0, || "the task ran, though its argument never arrived".to_owned())
}

fn result_fails(history: &History) -> Finding {
    history.event(EventKind::End, "a")?;
    fails_alone(history)
}

/// A map over six items, the third of which is poisoned, and a task after it.
fn third_is_poisoned(plan: &mut Plan, place: Place, chunksize: Option<i64>) {
    let mut calls: Vec<Call> = (0..6).map(|number| square(&format!("t{number}"), number)).collect();
    calls[2].poison = Some(place);
    let options = MapOptions { chunksize, ..MapOptions::default() };
    plan.new_pool("p", workers(2)).map_with("p", calls, options);
    plan.submit("p", echo("b", 2)).result("b").shutdown("p");
}

/// There is an error, and no returned value is wrong. Pools differ in the number of items that fail with
/// it or after it: some end the map there, and some lose a chunk.
fn map_has_the_error(history: &History) -> Finding {
    let items = history.items("map p")?;
    let mut errors = 0;
    for (index, (item, expected)) in items.iter().zip(squared(6)).enumerate() {
        match item {
            Outcome::Ok(value) => require(index != 2 && *value == expected, || {
                format!("item {index} is {value}, and the task's result was {expected}")
            })?,
            Outcome::Error(failure) => {
                let is_it = OWN.contains(&failure.class);
                require(is_it, || format!("item {index} failed: {}", told(failure)))?;
                errors += 1;
            }
        }
    }
    require(errors > 0, || format!("the map gave {} items and no error", items.len()))?;
    history.returned("result b", 2)
}

/// The judge for a pool that declares that it breaks: the task fails, and every later task has an outcome.
fn fails_somehow(history: &History) -> Finding {
    fails(history, "a", ANY)?;
    match history.value("result b") {
        Ok(_) => history.returned("result b", 2),
        Err(_) => fails(history, "b", &[ErrorClass::Broken]),
    }
}

/// A task with a callback, behind a running one.
fn with_a_callback(plan: &mut Plan, place: Place) {
    plan.new_pool("p", workers(1)).submit("p", gated("running", "go"));
    plan.submit("p", poisoned("a", place)).callback("a", "called");
    plan.result("running").result("a").shutdown("p");
    plan.until(begun("running")).until(returned("callback called")).open("go");
}

fn called_once(history: &History) -> Finding {
    let times = history.count(EventKind::Callback, "called");
    require(times == 1, || format!("the callback ran {times} times"))
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "codec.argument-that-cannot-be-encoded",
        requirement: "The pool MUST fail only the task whose argument cannot be encoded, and keep working.",
        source: "CPython: test_error_at_task_pickle",
        rows: &["SER-01", "SER-02"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["hangs-on-a-failed-encoding", "hides-a-failed-encoding"],
        plan: |plan| one_is_poisoned(plan, Place::EncodeArgument),
        judge: argument_fails,
        ..CASE
    },
    Case {
        id: "codec.argument-that-cannot-be-decoded",
        requirement: "The pool MUST fail only the task whose argument cannot be decoded, as it declares, and keep working.",
        source: "mpi4py.futures: test_bad_unpickle",
        rows: &["SER-03"],
        needs: &[Has::PoisonDecodeArgument],
        only: Some(Only {
            words: "bad_argument is task_error",
            holds: |policies| policies.bad_argument == Some(policy::Undecodable::TaskError),
        }),
        kills: &["hides-a-failed-encoding", "hangs-on-a-failed-encoding"],
        plan: |plan| one_is_poisoned(plan, Place::DecodeArgument),
        judge: argument_fails,
        ..CASE
    },
    Case {
        id: "codec.argument-that-breaks",
        requirement: "The pool MUST give every future an outcome when an argument cannot be decoded.",
        source: "CPython: test_error_at_task_unpickle",
        rows: &["SER-03"],
        needs: &[Has::PoisonDecodeArgument],
        only: Some(Only {
            words: "bad_argument is broken",
            holds: |policies| policies.bad_argument == Some(policy::Undecodable::Broken),
        }),
        plan: |plan| one_is_poisoned(plan, Place::DecodeArgument),
        judge: fails_somehow,
        ..CASE
    },
    Case {
        id: "codec.result-that-cannot-be-encoded",
        requirement: "The pool MUST fail only the task whose result cannot be encoded, and keep working.",
        source: "CPython: test_error_during_result_pickle_on_worker",
        rows: &["SER-06"],
        needs: &[Has::PoisonEncodeResult],
        kills: &[
            "hides-a-failed-encoding",
            "hangs-on-a-failed-encoding",
            "repeats-a-failed-encoding",
        ],
        plan: |plan| {
            one_is_poisoned(plan, Place::EncodeResult);
            // The same worker may report the failed encoding again, for a task that fails.
            plan.new_pool("p", workers(1));
            plan.submit("p", poisoned("c", Place::EncodeResult)).result("c");
            plan.submit("p", fail("d", "no such plum")).result("d").shutdown("p");
        },
        judge: |history| {
            result_fails(history)?;
            let failure = history.failure("result d", &[ErrorClass::Task])?;
            let has_messages = history.description.capabilities.contains(&Has::ErrorMessage);
            require(!has_messages || failure.message.contains("no such plum"), || {
                format!("the task after it failed with another message: {}", told(failure))
            })
        },
        ..CASE
    },
    Case {
        id: "codec.result-that-cannot-be-decoded",
        requirement: "The pool MUST fail only the task whose result cannot be decoded, as it declares, and keep working.",
        source: "mpi4py.futures: test_bad_unpickle",
        rows: &["SER-09"],
        needs: &[Has::PoisonDecodeResult],
        only: Some(Only {
            words: "bad_result is task_error",
            holds: |policies| policies.bad_result == Some(policy::Undecodable::TaskError),
        }),
        kills: &["hides-a-failed-encoding", "hangs-on-a-failed-encoding"],
        plan: |plan| one_is_poisoned(plan, Place::DecodeResult),
        judge: result_fails,
        ..CASE
    },
    Case {
        id: "codec.result-that-breaks",
        requirement: "The pool MUST give every future an outcome when a result cannot be decoded.",
        source: "CPython: test_error_during_result_unpickle_in_result_handler",
        rows: &["SER-09"],
        needs: &[Has::PoisonDecodeResult],
        only: Some(Only {
            words: "bad_result is broken",
            holds: |policies| policies.bad_result == Some(policy::Undecodable::Broken),
        }),
        plan: |plan| one_is_poisoned(plan, Place::DecodeResult),
        judge: fails_somehow,
        ..CASE
    },
    Case {
        id: "codec.many-bad-arguments",
        requirement: "The pool MUST keep working after many tasks whose arguments cannot be encoded.",
        source: "loky: test_queue_full_deadlock",
        rows: &["SER-12"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["hides-a-failed-encoding"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..50 {
                plan.submit("p", poisoned(&format!("bad{number}"), Place::EncodeArgument));
            }
            for number in 0..50 {
                plan.submit("p", echo(&format!("good{number}"), number));
            }
            plan.result("bad49").result("good49").shutdown("p");
        },
        judge: |history| {
            fails(history, "bad49", OWN)?;
            history.returned("result good49", 49)
        },
        ..CASE
    },
    Case {
        id: "codec.bad-argument-behind-a-running-task",
        requirement: "The pool MUST NOT let an argument that cannot be encoded disturb the tasks before and after it.",
        source: "loky: test_worker_timeout_with_slowly_pickling_objects",
        rows: &["SER-15"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["hides-a-failed-encoding"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.submit("p", poisoned("bad", Place::EncodeArgument)).submit("p", echo("b", 2));
            plan.hold("go").result("a").result("bad").result("b").shutdown("p");
            plan.until(begun("a")).until(returned("submit b")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            fails(history, "bad", OWN)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "codec.bad-argument-and-shutdown",
        requirement: "The pool MUST end when an argument cannot be encoded and it is shut down at once.",
        source: "CPython: test_shutdown_deadlock_pickle; loky: test_shutdown_with_pickle_error",
        rows: &["SHUT-13", "SHUT-14"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["hides-a-failed-encoding"],
        plan: |plan| {
            for round in 0..4 {
                let (pool, tag) = (format!("p{round}"), format!("t{round}"));
                plan.new_pool(&pool, workers(2));
                plan.submit(&pool, poisoned(&tag, Place::EncodeArgument)).shutdown(&pool);
                plan.result(&tag);
            }
        },
        judge: |history| (0..4).try_for_each(|round| fails(history, &format!("t{round}"), OWN)),
        ..CASE
    },
    Case {
        id: "codec.bad-argument-and-nowait",
        requirement: "The pool MUST end its workers when an argument cannot be encoded and it is shut down without waiting.",
        source: "CPython: bpo-39104, test_shutdown_deadlock_pickle",
        rows: &["SHUT-13"],
        needs: &[Has::PoisonEncodeArgument, Has::ShutdownNowait],
        kills: &["hides-a-failed-encoding"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("good", 1)).result("good");
            plan.submit("p", poisoned("a", Place::EncodeArgument)).shutdown_with("p", false, false);
            plan.result("a").hold("end").until(returned("result a")).until(Condition::WorkersGone);
            plan.open("end");
        },
        judge: |history| fails(history, "a", OWN),
        ..CASE
    },
    Case {
        id: "codec.many-bad-results",
        requirement: "The pool MUST keep working after many tasks whose results cannot be encoded.",
        source: "loky: test_queue_full_deadlock",
        rows: &["SER-12"],
        needs: &[Has::PoisonEncodeResult],
        kills: &["hides-a-failed-encoding", "hangs-on-a-failed-encoding"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for number in 0..50 {
                plan.submit("p", poisoned(&format!("bad{number}"), Place::EncodeResult));
            }
            for number in 0..50 {
                plan.submit("p", echo(&format!("good{number}"), number));
            }
            plan.result("bad49").result("good49").shutdown("p");
        },
        judge: |history| {
            fails(history, "bad49", OWN)?;
            history.returned("result good49", 49)
        },
        ..CASE
    },
    Case {
        id: "codec.bad-result-keeps-its-worker",
        level: Level::Should,
        requirement: "The pool SHOULD run the next task in the worker whose result could not be encoded.",
        source: "CPython: _sendback_result in process.py sends the error in the place of the result",
        rows: &["SER-06"],
        needs: &[Has::PoisonEncodeResult],
        kills: &["starts-a-worker-per-task"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", whoami("before")).result("before");
            plan.submit("p", poisoned("a", Place::EncodeResult)).result("a");
            plan.submit("p", whoami("after")).result("after").shutdown("p");
        },
        judge: |history| {
            history.event(EventKind::End, "a")?;
            fails(history, "a", OWN)?;
            let before = &history.value("result before")?["pid"];
            let after = &history.value("result after")?["pid"];
            require(before == after, || {
                format!(
                    "worker {before} ran the task before it, and worker {after} the one after it"
                )
            })
        },
        ..CASE
    },
    Case {
        id: "codec.bad-argument-wakes-a-wait",
        requirement: "The pool MUST return from a wait for several futures when the argument of their task cannot be encoded.",
        source: "CPython: test_error_at_task_pickle, and test_wait.py",
        rows: &["SER-01", "WAIT-15"],
        needs: &[Has::PoisonEncodeArgument, Has::Wait],
        kills: &["wait-sleeps-through-a-failed-encoding"],
        plan: |plan| {
            // A pool may encode an argument when a worker is nearly free, while the client waits.
            plan.new_pool("p", workers(1));
            for tag in ["running", "b", "c", "d"] {
                plan.submit("p", gated(tag, "go"));
            }
            plan.submit("p", poisoned("a", Place::EncodeArgument));
            plan.wait(&["a"], Until::AllCompleted, None).result("a").shutdown("p");
            plan.until(begun("running")).until(called("wait")).quiet().open("go");
        },
        judge: |history| {
            fails(history, "a", OWN)?;
            let is_refused = matches!(history.outcome("submit a")?, Outcome::Error(_));
            if is_refused { Ok(()) } else { history.value("wait").map(|_| ()) }
        },
        ..CASE
    },
    Case {
        id: "codec.map-with-a-bad-argument",
        requirement: "The pool MUST return an error for an item in a map that cannot be encoded, and keep working.",
        source: "CPython: test_error_at_task_pickle, with map",
        rows: &["SER-01"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["map-swallows-an-error"],
        plan: |plan| third_is_poisoned(plan, Place::EncodeArgument, None),
        judge: map_has_the_error,
        ..CASE
    },
    Case {
        id: "codec.map-with-a-bad-result",
        requirement: "The pool MUST return an error for an item in a map whose result cannot be encoded, and keep working.",
        source: "CPython: test_error_during_result_pickle_on_worker, with map",
        rows: &["SER-06"],
        needs: &[Has::PoisonEncodeResult],
        kills: &["map-swallows-an-error"],
        plan: |plan| third_is_poisoned(plan, Place::EncodeResult, None),
        judge: map_has_the_error,
        ..CASE
    },
    Case {
        id: "codec.chunk-with-a-bad-result",
        requirement: "The pool MUST return an error for a chunk of a map in which a result cannot be encoded, and keep working.",
        source: "CPython: test_error_at_task_pickle, for a map",
        rows: &["SER-06"],
        needs: &[Has::PoisonEncodeResult, Has::Map, Has::Chunksize],
        kills: &["map-loses-a-chunk-with-a-bad-result"],
        plan: |plan| third_is_poisoned(plan, Place::EncodeResult, Some(3)),
        judge: map_has_the_error,
        ..CASE
    },
    Case {
        id: "codec.bad-argument-calls-back",
        requirement: "The pool MUST run the callback of a task whose argument cannot be encoded.",
        source: "CPython: documentation of Future.add_done_callback",
        rows: &["SER-01"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["drops-a-callback"],
        plan: |plan| with_a_callback(plan, Place::EncodeArgument),
        judge: |history| {
            fails(history, "a", OWN)?;
            if history.value("submit a").is_err() {
                // There is no future that could run a callback.
                return Ok(());
            }
            called_once(history)
        },
        ..CASE
    },
    Case {
        id: "codec.bad-result-calls-back",
        requirement: "The pool MUST run the callback of a task whose result cannot be encoded.",
        source: "CPython: documentation of Future.add_done_callback",
        rows: &["SER-06"],
        needs: &[Has::PoisonEncodeResult, Has::Callbacks],
        kills: &["fails-to-encode-without-calling-back"],
        plan: |plan| with_a_callback(plan, Place::EncodeResult),
        judge: |history| {
            fails(history, "a", OWN)?;
            called_once(history)
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("SER-04", "The contract's poison fails; it does not end the process."),
    ("SER-05", "The contract's poison fails; it does not end the process."),
    ("SER-07", "The contract's poison fails; it does not end the process."),
    ("SER-08", "The contract's poison fails; it does not end the process."),
    ("SER-10", "Whether an exit can be raised as an error depends on the language."),
    ("SER-11", "Whether an error can be rebuilt depends on the language's types."),
    ("SER-13", "The messages of decoders depend on the language."),
    ("SER-14", "The contract does not choose encoders."),
    ("SER-16", "Whether a value is encoded at all is not visible from outside."),
];
