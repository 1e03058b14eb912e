//! The adapter's own behaviour, independent of its pool: the points in which two adapters written from the
//! contract's page can differ.
//!
//! Owns a small scenario for each, and its requirement. Knows nothing of how a scenario is run.

use std::collections::BTreeSet;

use procpool_contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, Outcome, Step, word,
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::history::{Finding, History, brief, require, summary, told};
use crate::plan::{Plan, begun, call, echo, fail, gated, sleep, square, whoami, workers};

/// The capabilities of a pool.
pub(super) type Owned = BTreeSet<Has>;

/// One of these points.
#[derive(Debug)]
pub(super) struct Detail {
    /// Its description.
    pub(super) at: &'static str,
    /// The capability that it needs.
    pub(super) needs: Option<Has>,
    /// The steps for the adapter.
    pub(super) plan: fn(&mut Plan, &Owned),
    /// The requirement.
    pub(super) judge: fn(&History) -> Finding,
}

/// All of them.
pub(super) const DETAILS: &[Detail] = &[
    Detail {
        at: "the core bodies",
        needs: None,
        plan: |plan, owned| {
            plan.new_pool("p", workers(1));
            for call in [square("a", -7), sleep("b", 1), whoami("c")] {
                have_run(plan, owned, &call.tag.clone(), call);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            let pid = history.event(EventKind::Begin, "c")?.pid;
            let due = [json!(49), json!("b"), json!({"pid": pid, "state": null})];
            for (number, body) in ["square", "sleep", "whoami"].iter().enumerate() {
                let (came, due) = (value_of(history, number)?, &due[number]);
                require(came == *due, || {
                    format!("`{body}` returned {}, not {}", brief(&came), brief(due))
                })?;
            }
            ["a", "b", "c"].iter().try_for_each(|tag| history.event(EventKind::End, tag).map(drop))
        },
    },
    Detail {
        at: "a body that fails",
        needs: None,
        plan: |plan, owned| with_one(plan, owned, fail("a", "an apple")),
        judge: |history| {
            history.event(EventKind::Failed, "a")?;
            match outcome_of(history, 0)? {
                Outcome::Error(failure) if failure.class == ErrorClass::Task => Ok(()),
                Outcome::Error(failure) => {
                    Err(format!("its error is to be of the class `task`, not {}", told(&failure)))
                }
                Outcome::Ok(value) => Err(format!("it returned {}", brief(&value))),
            }
        },
    },
    Detail {
        at: "a gate",
        needs: None,
        plan: |plan, owned| {
            with_one(plan, owned, gated("a", "go"));
            plan.until(begun("a")).sample("closed").open("go");
        },
        judge: |history| {
            let closed = history.sample("closed")?.at;
            require(history.event(EventKind::End, "a")?.at >= closed, || {
                "`gate` returned before the gate was open".to_owned()
            })?;
            let came = value_of(history, 0)?;
            require(came == json!("a"), || format!("`gate` returned {}, not \"a\"", brief(&came)))
        },
    },
    Detail {
        at: "a name that stands for nothing",
        needs: None,
        plan: on_no_name,
        judge: |history| {
            for step in history.scenario.clients.iter().flat_map(|client| &client.steps) {
                let class = [ErrorClass::Invalid];
                history.failure(&summary(step), &class).map_err(|found| {
                    format!("{found}; nothing has that name, so it is to fail as invalid")
                })?;
            }
            Ok(())
        },
    },
    Detail {
        at: "a name that is taken over",
        needs: None,
        plan: |plan, owned| {
            for (tag, value) in [("a", 1), ("b", 2)] {
                plan.new_pool("p", workers(1));
                have_run(plan, owned, "f", echo(tag, value));
                plan.shutdown("p");
            }
        },
        judge: |history| {
            for (number, value) in [1, 2].into_iter().enumerate() {
                let came = value_of(history, number)?;
                require(came == json!(value), || {
                    format!(
                        "{} came of the call that returns {value}: a second step under a name takes \
                         the name over",
                        brief(&came)
                    )
                })?;
            }
            Ok(())
        },
    },
    Detail {
        at: "a pool after another one",
        needs: None,
        plan: |plan, owned| {
            plan.new_pool("q", workers(1)).shutdown("q");
            with_one(plan, owned, echo("a", 1));
        },
        judge: |history| value_of(history, 0).map(drop),
    },
    Detail {
        at: "a pool without an initializer",
        needs: None,
        plan: |plan, owned| with_one(plan, owned, echo("a", 1)),
        judge: |history| {
            history.event(EventKind::Begin, "a")?;
            let is_of_task = |kind| matches!(kind, EventKind::Begin | EventKind::End);
            match history.events.iter().find(|event| !is_of_task(event.event)) {
                None => Ok(()),
                Some(event) => Err(format!(
                    "none was given, but the trace has \"{}\" of \"{}\"",
                    word(event.event),
                    event.tag
                )),
            }
        },
    },
    Detail {
        at: "the output of `print`",
        needs: Some(Has::Stdio),
        plan: |plan, owned| {
            let text = Some("an apple, ".to_owned());
            with_one(plan, owned, Call { text, count: Some(2), ..call(Body::Print, "a") });
        },
        judge: |history| {
            require(history.stderr.contains("an apple, an apple, "), || {
                format!(
                    "\"an apple, \" was to be printed twice with nothing added; printed was {:?}",
                    history.stderr
                )
            })
        },
    },
    Detail {
        at: "the exit code of `child`",
        needs: Some(Has::ChildProcess),
        plan: |plan, owned| {
            with_one(plan, owned, Call { code: Some(3), ..call(Body::Child, "a") });
        },
        judge: |history| {
            // A pool in which it fails does not matter here.
            let came = value_of(history, 0).unwrap_or(json!(3));
            require(came == json!(3), || {
                format!("`child` was to run a program that exits with 3, and returned {came}")
            })
        },
    },
    Detail {
        at: "the tags of `nest`",
        needs: Some(Has::Nested),
        plan: |plan, owned| with_one(plan, owned, nest()),
        judge: |history| {
            // A pool that cannot nest does not matter here; then some events are missing at the end.
            let begun: Vec<&String> =
                history.events(EventKind::Begin).map(|event| &event.tag).collect();
            let due = nest().tags();
            require(!begun.is_empty() && due.iter().collect::<Vec<_>>().starts_with(&begun), || {
                format!("the tags are {begun:?}, not {due:?}")
            })
        },
    },
];

fn nest() -> Call {
    Call { count: Some(2), ..call(Body::Nest, "a") }
}

/// Every kind of step, on names that do not exist.
fn on_no_name(plan: &mut Plan, owned: &Owned) {
    let has = |capability| owned.contains(&capability);
    plan.shutdown("none");
    if has(Has::Submit) {
        plan.submit("none", echo("f", 1)).result("f");
    }
    if has(Has::Map) {
        plan.map("none", vec![echo("m", 1)]);
    }
    if has(Has::LazyMap) {
        plan.map_open("none", "lazy", vec![echo("l", 1)], Default::default());
        plan.map_next("lazy").map_close("lazy");
    }
    if has(Has::Cancel) {
        plan.cancel("f");
    }
    if has(Has::State) {
        plan.state("f");
    }
    if has(Has::Callbacks) {
        plan.callback("f", "c");
    }
    if has(Has::KillWorkers) {
        plan.kill_workers("none");
    }
    if has(Has::Drop) {
        plan.drop_pool("none");
    }
}

/// Makes the pool `p` run a call by a capability that it has.
fn have_run(plan: &mut Plan, owned: &Owned, future: &str, call: Call) {
    if owned.contains(&Has::Submit) {
        plan.submit_as(future, "p", call).result(future);
    } else {
        plan.map("p", vec![call]);
    }
}

/// A pool with nothing else in its scenario.
fn with_one(plan: &mut Plan, owned: &Owned, call: Call) {
    plan.new_pool("p", workers(1));
    have_run(plan, owned, "f", call);
    plan.shutdown("p");
}

/// Returns the outcome of a call of [`have_run`], by its number from 0.
fn outcome_of(history: &History, number: usize) -> Result<Outcome, String> {
    let runs = history.runs().into_iter();
    let mut runs = runs.filter(|(step, _)| matches!(step, Step::Result { .. } | Step::Map { .. }));
    let (step, run) = runs.nth(number).ok_or("a call did not begin")?;
    let (_, outcome) = run.end.ok_or_else(|| format!("\"{}\" did not return", summary(step)))?;
    let (Step::Map { .. }, Outcome::Ok(value)) = (step, outcome) else {
        return Ok(outcome.clone());
    };
    let items = Vec::<Outcome>::deserialize(value)
        .map_err(|error| format!("\"{}\" returned no outcomes: {error}", summary(step)))?;
    match items.as_slice() {
        [outcome] => Ok(outcome.clone()),
        items => Err(format!("a map of one call gave {} items", items.len())),
    }
}

/// Returns the value of a call of [`have_run`], by its number from 0.
fn value_of(history: &History, number: usize) -> Result<Value, String> {
    match outcome_of(history, number)? {
        Outcome::Ok(value) => Ok(value),
        Outcome::Error(failure) => Err(format!("a call failed: {}", told(&failure))),
    }
}

#[cfg(test)]
mod tests {
    use super::DETAILS;

    #[test]
    fn the_checklist_of_a_runtime_names_every_detail() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/runtime.md");
        let page = std::fs::read_to_string(page).expect("the page is there");
        let missing: Vec<&str> =
            DETAILS.iter().map(|detail| detail.at).filter(|at| !page.contains(at)).collect();
        assert!(missing.is_empty(), "runtime.md does not name {missing:?}");
    }
}
