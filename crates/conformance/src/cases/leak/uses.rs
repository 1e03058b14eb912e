//! Leaks of each kind of use: a pool may release everything after tasks, and nothing after maps.

use procpool_contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, MapOptions, Outcome, Place, PoolOptions,
    Until,
};

use super::{first_is_t, is_no_more, look_early, look_late, nth};
use crate::case::{CASE, Case};
use crate::history::{Finding, History, require};
use crate::plan::{
    Plan, begun, call, echo, fail, gated, marked, returned, square, squared, squares, workers,
};

const KINDS: &str = "CPython: test.support, threading_cleanup and reap_children after every test";

/// Six pools that are used in one way, with a look after the second and one after the last. The steps of
/// a round have the names of those of the others; tags and gates end in its number.
fn six_rounds(plan: &mut Plan, use_it: fn(&mut Plan, usize)) {
    for round in 0..6 {
        plan.new_pool("p", workers(1));
        use_it(plan, round);
        plan.shutdown("p");
        if round == 1 {
            plan.hold("early");
            look_early(plan);
        }
    }
    plan.hold("late");
    look_late(plan);
}

/// Every round had its outcome, and the program has no more than after two of them.
fn releases_all(history: &History, outcome: fn(&History, usize) -> Finding) -> Finding {
    (0..6).try_for_each(|round| outcome(history, round))?;
    is_no_more(history, "descriptors", |sample| sample.descriptors)?;
    is_no_more(history, "threads", |sample| sample.threads)?;
    is_no_more(history, "processes", |sample| sample.alive.len())?;
    is_no_more(history, "zombies", |sample| sample.zombies.len())?;
    is_no_more(history, "objects in /dev/shm", |sample| sample.shared_memory.len())?;
    is_no_more(history, "temporary files", |sample| sample.temporary.len())
}

/// Three items, the second of which fails.
fn failing(round: usize) -> Vec<Call> {
    let tag = |number| format!("t{round}-{number}");
    vec![square(&tag(0), 2), fail(&tag(1), "oh"), square(&tag(2), 3)]
}

fn nest(tag: &str) -> Call {
    Call { count: Some(1), ..call(Body::Nest, tag) }
}

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "leak.after-maps",
        requirement: "The pool MUST NOT leave anything in its program that grows with each map.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Map],
        kills: &["leaks-a-descriptor-per-map"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.map("p", squares(&format!("t{round}-"), 3));
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                let values = history.values(&nth("map p", 1, round))?;
                require(values == squared(3), || format!("the results were {values:?}"))
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-closed-maps",
        requirement: "The pool MUST NOT leave anything in its program that grows with each map that is dropped before its end.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::LazyMap],
        kills: &["leaks-a-thread-per-closed-map"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                let calls = squares(&format!("t{round}-"), 10);
                plan.map_open("p", "m", calls, MapOptions::default()).map_next("m").map_close("m");
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                let values = history.values(&nth("map_next m", 1, round))?;
                require(values == squared(1), || format!("the first item was {values:?}"))
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-failed-maps",
        requirement: "The pool MUST NOT leave anything in its program that grows with each map that fails.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Map],
        kills: &["leaks-a-descriptor-per-failed-map"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.map("p", failing(round));
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                let items = history.items(&nth("map p", 1, round))?;
                let failed = items.iter().any(|item| matches!(item, Outcome::Error(_)));
                require(failed, || format!("no item failed: {items:?}"))
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-failed-tasks",
        requirement: "The pool MUST NOT leave anything in its program that grows with each task that fails.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Submit],
        kills: &["leaks-a-descriptor-per-failed-task"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.submit_as("t", "p", fail(&format!("t{round}"), "oh")).result("t");
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                history.failure(&nth("result t", 1, round), &[ErrorClass::Task]).map(|_| ())
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-cancelled-tasks",
        requirement: "The pool MUST NOT leave anything in its program that grows with each task that is cancelled.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Cancel],
        kills: &["leaks-a-thread-per-cancelled-task"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                let (look, go) = (format!("look{round}"), format!("go{round}"));
                // The last is not the next of any worker.
                for name in ["a", "b", "c", "d", "e", "f"] {
                    plan.submit_as(name, "p", gated(&format!("{name}{round}"), &go));
                }
                plan.hold(&look).cancel("f");
                plan.until(begun(&format!("a{round}"))).open(&look);
                plan.until(returned(&nth("cancel f", 1, round))).open(&go);
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                history.returned(&nth("cancel f", 1, round), true)
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-timeouts",
        requirement: "The pool MUST NOT leave anything in its program that grows with each wait that times out.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::ResultTimeout],
        kills: &["leaks-a-thread-per-timeout"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                let go = format!("go{round}");
                let call = Call { value: 1.into(), ..gated(&first_is_t(round), &go) };
                plan.submit_as("t", "p", call).result_within("t", 20).result("t");
                plan.until(returned(&nth("result t", 2, round))).open(&go);
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                history.failure(&nth("result t", 2, round), &[ErrorClass::Timeout]).map(|_| ())
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-waits",
        requirement: "The pool MUST NOT leave anything in its program that grows with each wait for several futures.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Wait, Has::AsCompleted],
        kills: &["leaks-a-thread-per-wait"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                for name in ["a", "b"] {
                    plan.submit_as(name, "p", echo(&format!("{name}{round}"), 1));
                }
                plan.wait(&["a", "b"], Until::AllCompleted, None);
                plan.as_completed(&["a", "b"], None);
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                history.value(&nth("wait", 1, round))?;
                history.value(&nth("as_completed", 1, round)).map(|_| ())
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-callbacks",
        requirement: "The pool MUST NOT leave anything in its program that grows with each callback.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Callbacks],
        kills: &["leaks-a-thread-per-callback"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.submit_as("t", "p", echo(&first_is_t(round), 1)).callback("t", "c");
                plan.result("t").callback("t", "d");
            });
        },
        judge: |history| {
            let called = history.events(EventKind::Callback).count();
            require(called == 12, || format!("{called} of 12 callbacks were called"))?;
            releases_all(history, |history, round| history.returned(&nth("result t", 1, round), 1))
        },
        ..CASE
    },
    Case {
        id: "leak.after-initializers",
        requirement: "The pool MUST NOT leave anything in its program that grows with each pool that has an initializer.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Initargs],
        kills: &["leaks-a-descriptor-per-initializer"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.new_pool("q", marked(1, round));
                plan.submit_as("t", "q", echo(&first_is_t(round), 1)).result("t").shutdown("q");
            });
        },
        judge: |history| {
            releases_all(history, |history, round| history.returned(&nth("result t", 1, round), 1))
        },
        ..CASE
    },
    Case {
        id: "leak.after-failed-initializers",
        requirement: "The pool MUST NOT leave anything in its program that grows with each pool whose initializer fails.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::Initializer],
        kills: &["leaks-a-thread-per-failed-initializer"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                let initializer = Some(fail("init", "oh"));
                plan.new_pool("q", PoolOptions { initializer, ..workers(1) });
                plan.submit_as("t", "q", echo(&first_is_t(round), 1)).result("t").shutdown("q");
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                // `new` may report it, and then there is no pool.
                let outcome = history.outcome(&nth("result t", 1, round))?;
                require(matches!(outcome, Outcome::Error(_)), || "the task ran".to_owned())
            })
        },
        ..CASE
    },
    Case {
        id: "leak.after-shutdowns-without-waiting",
        requirement: "The pool MUST NOT leave anything in its program that grows with each shutdown that does not wait.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::ShutdownNowait],
        kills: &["leaks-a-descriptor-per-shutdown-without-waiting"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.submit_as("t", "p", echo(&first_is_t(round), 1)).result("t");
                plan.shutdown_with("p", false, false);
            });
        },
        judge: |history| {
            releases_all(history, |history, round| history.returned(&nth("result t", 1, round), 1))
        },
        ..CASE
    },
    Case {
        id: "leak.after-bad-arguments",
        requirement: "The pool MUST NOT leave anything in its program that grows with each argument that cannot be encoded.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02"],
        needs: &[Has::PoisonEncodeArgument],
        kills: &["leaks-a-descriptor-per-bad-argument"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                let poison = Some(Place::EncodeArgument);
                plan.submit_as("bad", "p", Call { poison, ..echo(&format!("bad{round}"), 1) });
                plan.result("bad");
                plan.submit_as("t", "p", echo(&first_is_t(round), 1)).result("t");
            });
        },
        judge: |history| {
            releases_all(history, |history, round| history.returned(&nth("result t", 1, round), 1))
        },
        ..CASE
    },
    Case {
        id: "leak.after-killed-workers",
        requirement: "The pool MUST NOT leave anything in its program that grows with each pool whose workers it kills.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-02", "LEAK-03", "LEAK-04"],
        needs: &[Has::KillWorkers],
        kills: &["leaks-a-descriptor-per-killed-pool"],
        plan: |plan| {
            six_rounds(plan, |plan, round| {
                plan.submit_as("t", "p", echo(&first_is_t(round), 1)).result("t").kill_workers("p");
            });
        },
        judge: |history| {
            releases_all(history, |history, round| {
                history.returned(&nth("result t", 1, round), 1)?;
                history.value(&nth("kill_workers p", 1, round)).map(|_| ())
            })
        },
        ..CASE
    },
    Case {
        id: "leak.of-nested-pools",
        requirement: "The pool MUST NOT leave descriptors or processes in a worker whose tasks have pools of their own.",
        source: KINDS,
        rows: &["LEAK-01", "LEAK-03", "LEAK-04"],
        needs: &[Has::Nested],
        kills: &["leaks-a-descriptor-per-nested-pool"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            for round in 0..6 {
                plan.submit_as("t", "p", nest(&first_is_t(round))).result("t");
                if round == 1 {
                    plan.hold("early");
                    look_early(plan);
                }
            }
            plan.hold("late").shutdown("p");
            look_late(plan);
        },
        judge: |history| {
            for round in 0..6 {
                history.returned(&nth("result t", 1, round), 1)?;
            }
            let worker = history.event(EventKind::Begin, "t5")?.pid;
            let began = history.events(EventKind::Begin);
            let mut outer = began.filter(|event| !event.tag.contains('.'));
            let is_one = outer.all(|event| event.pid == worker);
            require(is_one, || "several workers ran the tasks of one".to_owned())?;
            let open = |name| {
                let mut opened = history.sample(name)?.opened.iter();
                let found = opened.find(|(pid, _)| *pid == worker).map(|(_, open)| open.len());
                found.ok_or_else(|| {
                    format!("the worker {worker} was not seen at the look \"{name}\"")
                })
            };
            let (early, late): (usize, usize) = (open("early")?, open("late")?);
            // Descriptors of the task that has just ended may still be open.
            require(late <= early + 2, || {
                format!("it had {early} descriptors after two nested pools, {late} after six")
            })?;
            is_no_more(history, "processes", |sample| sample.alive.len())
        },
        ..CASE
    },
];
