//! Initializers.

use procpool_contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, Failure, PoolOptions, policy,
};

use serde_json::{Value, json};

use crate::case::{CASE, Case, Level};
use crate::history::{Finding, History, require};
use crate::plan::{
    Plan, begun, call, die, die_by, echo, fail, gated, marked, returned_unless_open, tasks_begun,
    traced, whoami, worker_of, workers,
};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_init.py";
const NO_STORM: &str =
    "CPython: test_init.py; multiprocessing.Pool and billiard start workers forever";

/// A pool whose initializer runs `call`.
fn initialized_by(count: i64, initializer: Call) -> PoolOptions {
    PoolOptions { initializer: Some(initializer), ..workers(count) }
}

/// Two tasks for a pool whose initializer fails in the given way. Both must fail, and so must a later one.
fn failing(plan: &mut Plan, initializer: Call) {
    plan.new_pool("p", initialized_by(2, initializer));
    plan.submit("p", echo("a", 1)).submit("p", echo("b", 2));
    plan.result("a").result("b").submit("p", echo("c", 3)).result("c").shutdown("p");
}

/// Returns the error by which `new` reported that the initializer failed. A pool that starts its workers
/// in its constructor may do so: then there is no pool, and no later error.
fn reported_by_new(history: &History) -> Option<&Failure> {
    let may = history.description.policies.start == Some(policy::Start::AtConstruction);
    may.then(|| history.failure("new p", &[ErrorClass::Broken]).ok()).flatten()
}

/// A pool with one worker, whose initializer waits for the gate `go`.
fn held(plan: &mut Plan) {
    let initializer = Call { gate: Some("go".into()), ..call(Body::Gate, "init") };
    plan.new_pool("p", initialized_by(1, initializer));
}

/// Waits, while that initializer does, for the end of `step`. A pool whose `new` waits for its workers does not come
/// to it: when some time has passed, the suite goes on without it.
fn until_held(plan: &mut Plan, step: &str) {
    plan.until(traced(EventKind::InitBegin, 1)).quiet().until(returned_unless_open(step, "new p"));
}

/// Whether `new` returned only when an initializer had.
fn is_awaited_by_new(history: &History) -> bool {
    let mut ends = history.events(EventKind::InitEnd);
    history.ended_at("new p").is_ok_and(|made| ends.any(|end| end.at <= made))
}

fn shut_down(history: &History) -> Finding {
    match reported_by_new(history) {
        Some(_) => Ok(()),
        None => history.value("shutdown p").map(|_| ()),
    }
}

fn all_broken(history: &History) -> Finding {
    let begun = history.events(EventKind::InitBegin).count();
    require(begun > 0, || "no initializer was called".to_owned())?;
    let is_reported = reported_by_new(history).is_some();
    for future in ["a", "b"].into_iter().filter(|_| !is_reported) {
        history.task_failure(future, &[ErrorClass::Broken])?;
    }
    let ran = history.events(EventKind::Begin).count();
    require(ran == 0, || format!("{ran} tasks ran in workers that had not been initialized"))?;
    if is_reported {
        return Ok(());
    }
    // The third one is submitted when the pool is broken: the call or its future reports that.
    history.task_failure("c", &[ErrorClass::Broken]).map(|_| ())
}

/// As many tasks, each of which runs in a worker of its own and looks for what the initializer kept there.
fn retire_each(plan: &mut Plan, tasks: i64, value: Value) {
    plan.new_pool("p", PoolOptions { max_tasks_per_child: Some(1), ..marked(1, value) });
    for number in 0..tasks {
        let tag = format!("t{number}");
        plan.submit("p", whoami(&tag)).result(&tag);
    }
    plan.shutdown("p");
}

fn each_found(history: &History, tasks: i64, expected: &Value) -> Finding {
    for number in 0..tasks {
        let state = &history.value(&format!("result t{number}"))?["state"];
        require(state == expected, || format!("task {number} found the state {state}"))?;
    }
    Ok(())
}

/// Values that some languages take for false.
fn taken_for_false() -> Vec<Value> {
    vec![json!(0), json!(false), json!(""), json!([]), json!({})]
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "init.before-the-first-task",
        requirement: "The pool MUST NOT run a task in a worker before the initializer has returned in it.",
        source: CPYTHON,
        rows: &["INIT-01"],
        kills: &["initializes-after-the-first-task"],
        plan: |plan| {
            let initializer = Call { gate: Some("ready".into()), ..call(Body::Gate, "init") };
            plan.new_pool("p", initialized_by(1, initializer));
            plan.submit("p", echo("a", 1)).result("a").shutdown("p");
            plan.until(traced(EventKind::InitBegin, 1)).quiet().open("ready");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            let ready = history.events(EventKind::InitEnd).next().ok_or("it did not return")?.at;
            let begin = history.event(EventKind::Begin, "a")?.at;
            require(ready <= begin, || "the task began while the initializer ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "init.state-of-its-own-worker",
        requirement: "The pool MUST run each task in a process that the initializer has prepared.",
        source: CPYTHON,
        rows: &["INIT-01"],
        kills: &["initializes-in-the-parent", "drops-initargs"],
        plan: |plan| {
            plan.new_pool("p", marked(2, "ready"));
            for tag in ["a", "b", "c", "d"] {
                plan.submit("p", whoami(tag));
            }
            plan.result("a").result("b").result("c").result("d").shutdown("p");
        },
        judge: |history| {
            for tag in ["a", "b", "c", "d"] {
                let state = &history.value(&format!("result {tag}"))?["state"];
                require(state == "ready", || format!("\"{tag}\" found the state {state}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "init.not-for-each-task",
        requirement: "The pool MUST NOT call the initializer again for later tasks of a worker.",
        source: CPYTHON,
        rows: &["INIT-01"],
        kills: &["initializes-per-task"],
        plan: |plan| {
            plan.new_pool("p", marked(1, ()));
            for tag in ["a", "b", "c"] {
                plan.submit("p", echo(tag, 1)).result(tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            let calls = history.events(EventKind::InitBegin).count();
            let workers = history.workers().len();
            require(calls == workers, || {
                format!("it was called {calls} times for {workers} workers")
            })
        },
        ..CASE
    },
    Case {
        id: "init.raising-breaks",
        requirement: "The pool MUST fail every task as broken when its initializer fails, and run none.",
        source: CPYTHON,
        rows: &["INIT-03", "INIT-05"],
        kills: &["swallows-the-initializers-error", "takes-a-silent-initializers-error-for-none"],
        // An error that says nothing is one, too.
        plan: |plan| failing(plan, fail("init", "")),
        judge: all_broken,
        ..CASE
    },
    Case {
        id: "init.exit-breaks",
        requirement: "The pool MUST fail every task as broken when its initializer ends the process.",
        source: CPYTHON,
        rows: &["INIT-04"],
        needs: &[Has::WorkerDeath],
        kills: &["retries-without-the-initializer"],
        plan: |plan| failing(plan, die("init", 3)),
        judge: all_broken,
        ..CASE
    },
    Case {
        id: "init.kill-breaks",
        requirement: "The pool MUST fail every task as broken when its initializer is killed.",
        source: CPYTHON,
        rows: &["INIT-04"],
        needs: &[Has::WorkerDeath],
        kills: &["retries-without-the-initializer"],
        plan: |plan| failing(plan, die_by("init", 9)),
        judge: all_broken,
        ..CASE
    },
    Case {
        id: "init.failing-starts-no-storm",
        requirement: "The pool MUST NOT start workers forever when the initializer fails in each.",
        source: NO_STORM,
        rows: &["INIT-04"],
        kills: &["restarts-after-a-failed-initializer"],
        plan: |plan| {
            plan.new_pool("p", initialized_by(2, fail("init", "no such file")));
            plan.submit("p", echo("a", 1)).hold("look").shutdown("p");
            plan.until(traced(EventKind::InitFailed, 1)).quiet().quiet().quiet().sample("later");
            plan.open("look");
        },
        judge: |history| {
            let begun = history.events(EventKind::InitBegin).count();
            require(begun >= 1, || "no initializer was called".to_owned())?;
            // One for each worker that it may have, and one retry for each.
            require(begun <= 4, || format!("{begun} workers were started for 2 places"))
        },
        ..CASE
    },
    Case {
        id: "init.error-is-reported",
        level: Level::Should,
        requirement: "The pool SHOULD report the initializer's error to every waiter for a task.",
        source: "CPython logs it in the worker only; mpire raises it",
        rows: &["INIT-06"],
        needs: &[Has::InitializerCause],
        kills: &["hides-the-initializers-error"],
        plan: |plan| {
            plan.new_pool("p", initialized_by(1, fail("init", "the disk is on fire")));
            plan.submit("p", echo("a", 1)).result("a").shutdown("p");
        },
        judge: |history| {
            let failure = match reported_by_new(history) {
                Some(failure) => failure,
                None => history.failure("result a", &[ErrorClass::Broken])?,
            };
            let said = &failure.message;
            require(said.contains("the disk is on fire"), || format!("its message was: {said}"))
        },
        ..CASE
    },
    Case {
        id: "init.failing-and-nothing-submitted",
        requirement: "The pool MUST shut down without an error when nothing was submitted, even if its initializer would fail.",
        source: "mpi4py.futures: test_initializer_error_del",
        rows: &["INIT-08"],
        kills: &["shutdown-needs-a-task"],
        plan: |plan| {
            plan.new_pool("p", initialized_by(2, fail("init", "never"))).shutdown("p");
        },
        judge: shut_down,
        ..CASE
    },
    Case {
        id: "init.failing-then-shutdown",
        requirement: "The pool MUST shut down after its initializer has failed, with tasks whose futures are never read.",
        source: "mpi4py.futures: test_initializer_error_del_nowait",
        rows: &["INIT-08", "INIT-07"],
        kills: &["shutdown-reports-a-death"],
        plan: |plan| {
            plan.new_pool("p", initialized_by(2, fail("init", "no such file")));
            plan.submit("p", echo("a", 1)).submit("p", echo("b", 2)).hold("failed").shutdown("p");
            plan.until(traced(EventKind::InitFailed, 1)).open("failed");
        },
        judge: shut_down,
        ..CASE
    },
    Case {
        id: "init.cancelled-stay-cancelled",
        requirement: "The pool MUST keep futures cancelled that were cancelled before its initializer failed.",
        source: CPYTHON,
        rows: &["INIT-05"],
        needs: &[Has::Cancel, Has::WorkerDeath],
        kills: &["refuses-to-cancel"],
        plan: |plan| {
            held(plan);
            for tag in ["a", "b", "c", "d", "e"] {
                plan.submit("p", echo(tag, 1));
            }
            plan.cancel("e").result("a").result("e").shutdown("p");
            until_held(plan, "cancel e");
            // If a replacement worker ran it, that call may have returned.
            plan.signal(worker_of("init"), 9).open("go");
        },
        judge: |history| {
            // Then there was nothing to cancel when the initializer failed.
            if reported_by_new(history).is_some() || is_awaited_by_new(history) {
                return Ok(());
            }
            history.returned("cancel e", true)?;
            let failed = history.failure("result a", &[ErrorClass::Broken]);
            let replaces =
                history.description.policies.worker_death == Some(policy::WorkerDeath::Replace);
            if !(replaces && history.value("result a").is_ok()) {
                failed?;
            }
            history.failure("result e", &[ErrorClass::Cancelled])?;
            let ran = history.count(EventKind::Begin, "e");
            require(ran == 0, || "the cancelled task ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "init.in-replacements",
        requirement: "The pool MUST call the initializer in every worker that replaces another one.",
        source: "CPython: test_init.py with max_tasks_per_child",
        rows: &["INIT-09"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["initializes-not-in-replacements"],
        plan: |plan| {
            plan.new_pool("p", PoolOptions { max_tasks_per_child: Some(2), ..marked(1, "ready") });
            for number in 0..8 {
                let tag = format!("t{number}");
                plan.submit("p", whoami(&tag)).result(&tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..8 {
                let state = &history.value(&format!("result t{number}"))?["state"];
                require(state == "ready", || format!("task {number} found the state {state}"))?;
            }
            let workers = history.workers();
            require(workers.len() == 4, || format!("{} workers ran 8 tasks, 2 each", workers.len()))
        },
        ..CASE
    },
    Case {
        id: "init.hanging-does-not-hold-up-timeouts",
        requirement: "The pool MUST honour the timeout of a wait for a result while its initializer hangs.",
        source: "measured on CPython 3.13, which does",
        rows: &["INIT-10"],
        needs: &[Has::ResultTimeout],
        kills: &["ignores-result-timeout"],
        plan: |plan| {
            held(plan);
            plan.submit("p", echo("a", 1)).result_within("a", 50).result("a").shutdown("p");
            until_held(plan, "result a");
            plan.open("go");
        },
        judge: |history| {
            require(!is_awaited_by_new(history), || {
                "\"new p\" returned only when the initializer had".to_owned()
            })?;
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.returned("result a #2", 1)
        },
        ..CASE
    },
    Case {
        id: "init.pools-side-by-side",
        requirement: "The pool MUST call its own initializer when other pools are created at the same time.",
        source: "mpi4py.futures: SharedPoolInitTest",
        rows: &["INIT-12"],
        needs: &[Has::Threads, Has::SeveralPools],
        kills: &["shares-the-first-initializer"],
        plan: |plan| {
            for number in 0..4 {
                let (pool, tag) = (format!("p{number}"), format!("t{number}"));
                if number > 0 {
                    plan.client(&pool);
                }
                plan.new_pool(&pool, marked(1, number)).submit(&pool, whoami(&tag));
                plan.result(&tag).shutdown(&pool);
            }
        },
        judge: |history| {
            for number in 0..4 {
                let state = &history.value(&format!("result t{number}"))?["state"];
                require(*state == number, || format!("pool {number} found the state {state}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "init.each-worker-when-it-starts",
        requirement: "The pool MUST also call the initializer in a worker that starts later.",
        source: CPYTHON,
        rows: &["INIT-01"],
        kills: &["initializes-not-in-replacements"],
        plan: |plan| {
            plan.new_pool("p", marked(3, "ready")).submit("p", echo("first", 0)).result("first");
            for tag in ["a", "b", "c"] {
                plan.submit("p", gated(tag, "go"));
            }
            plan.hold("go").result("a").result("b").result("c").shutdown("p");
            plan.until(begun("first")).until(tasks_begun(4)).open("go");
        },
        judge: |history| {
            let (workers, initialized) = (history.workers(), history.initialized());
            require(workers.len() == 3, || format!("{} workers ran, not 3", workers.len()))?;
            require(workers.is_subset(&initialized), || {
                format!("workers {workers:?} ran tasks, and {initialized:?} were initialized")
            })
        },
        ..CASE
    },
    Case {
        id: "init.in-many-replacements",
        requirement: "The pool MUST call the initializer in every replacement of a worker, however many there were.",
        source: "CPython: test_init.py with max_tasks_per_child",
        rows: &["INIT-09"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["initializes-only-twelve-workers"],
        plan: |plan| retire_each(plan, 20, "ready".into()),
        judge: |history| each_found(history, 20, &"ready".into()),
        ..CASE
    },
    Case {
        id: "init.same-arguments-in-each",
        requirement: "The pool MUST call the initializer of each worker with the same arguments.",
        source: CPYTHON,
        rows: &["INIT-02", "INIT-09"],
        needs: &[Has::MaxTasksPerChild],
        kills: &["initargs-grow"],
        plan: |plan| retire_each(plan, 3, json!([1, 2, 3])),
        judge: |history| each_found(history, 3, &json!([1, 2, 3])),
        ..CASE
    },
    Case {
        id: "init.empty-arguments",
        requirement: "The pool MUST call the initializer with each initargs that a language takes for false: 0, false, empty ones.",
        source: CPYTHON,
        rows: &["INIT-02"],
        needs: &[Has::Initargs],
        kills: &["initializes-only-with-true-initargs"],
        plan: |plan| {
            for (number, value) in taken_for_false().into_iter().enumerate() {
                let (pool, task) = (format!("p{number}"), format!("t{number}"));
                plan.new_pool(&pool, marked(1, value));
                plan.submit(&pool, whoami(&task)).result(&task).shutdown(&pool);
            }
        },
        judge: |history| {
            for (number, value) in taken_for_false().into_iter().enumerate() {
                let state = &history.value(&format!("result t{number}"))?["state"];
                require(*state == value, || format!("the state was {state}, not {value}"))?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "init.state-lasts",
        requirement: "The pool MUST run every task where the initializer has run, however many there were.",
        source: CPYTHON,
        rows: &["INIT-01"],
        kills: &["forgets-its-state-at-the-50th-task"],
        plan: |plan| {
            plan.new_pool("p", marked(1, "ready"));
            for number in 0..120 {
                plan.submit("p", whoami(&format!("t{number}")));
            }
            for number in 0..120 {
                plan.result(&format!("t{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| each_found(history, 120, &"ready".into()),
        ..CASE
    },
    Case {
        id: "init.of-its-own-pool",
        requirement: "The pool MUST call its own initializer, and none if it has none, after another pool had one.",
        source: "mpi4py.futures: SharedPoolInitTest",
        rows: &["INIT-12"],
        kills: &["next-pool-runs-the-initializer-before", "initializes-once-for-equal-pools"],
        plan: |plan| {
            let made =
                [("p", marked(1, 0)), ("q", workers(1)), ("r", marked(1, 2)), ("s", marked(1, 2))];
            for (pool, options) in made {
                plan.new_pool(pool, options).submit(pool, whoami(&format!("t-{pool}")));
                plan.result(&format!("t-{pool}")).shutdown(pool);
            }
        },
        judge: |history| {
            let due = [("p", json!(0)), ("q", json!(null)), ("r", json!(2)), ("s", json!(2))];
            for (pool, expected) in due {
                let state = &history.value(&format!("result t-{pool}"))?["state"];
                require(*state == expected, || {
                    format!("a worker of \"{pool}\" had the state {state}, not {expected}")
                })?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "init.next-pool-after-a-failing-one",
        requirement: "The pool MUST work after the initializer of an earlier pool of the program has failed.",
        source: "mpi4py.futures: test_initializer_error",
        rows: &["INIT-12", "INIT-03"],
        kills: &["breaks-after-a-failed-initializer"],
        plan: |plan| {
            plan.new_pool("p", initialized_by(1, fail("init", "no such file")));
            plan.submit("p", echo("a", 1)).result("a").shutdown("p");
            plan.new_pool("q", workers(1)).submit("q", echo("b", 2)).result("b").shutdown("q");
        },
        judge: |history| history.returned("result b", 2),
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[(
    "INIT-11",
    "Only loky reuses a pool with another configuration; the contract always creates a new one.",
)];
