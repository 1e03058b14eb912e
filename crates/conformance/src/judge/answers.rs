//! Rules about the answers of every run: the value of a call is computed here, too, a wait for several
//! futures names each of them once, and no time limit ends early.

use std::collections::{BTreeMap, BTreeSet};

use procpool_contract::{Body, Call, ErrorClass, MapOptions, Outcome, Step, Until};
use serde::Deserialize;
use serde_json::Value;

use crate::history::{Finding, History, brief, require, summary};

/// Returns the value of a call, where it depends on nothing else.
fn value_of(call: &Call) -> Option<Value> {
    match call.run {
        Body::Echo | Body::Gate | Body::Sleep | Body::IgnoreTerm => Some(call.value.clone()),
        Body::Square => {
            let number = call.value.as_i64()?;
            Some(number.checked_mul(number)?.into())
        }
        Body::Blob => Some("x".repeat(usize::try_from(call.count?).ok()?).into()),
        Body::Child => Some(call.code?.into()),
        Body::Nest => Some(call.count?.into()),
        Body::Whoami | Body::Fail | Body::Mark | Body::Die => None,
        Body::Print | Body::ReadStdin | Body::Getenv => None,
    }
}

/// The outcome of a future, and of each item of a map, is the value of its own call.
pub(super) fn own_value(history: &History) -> Finding {
    let runs = history.runs();
    // A name may be given several times: to futures that other clients make, and to maps one after another.
    let mut futures: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for (step, _) in &runs {
        if let Step::Submit { future, call, .. } = step {
            futures.entry(future).or_default().push(call);
        }
    }
    let mut maps: BTreeMap<&str, (Vec<&Call>, bool, usize)> = BTreeMap::new();
    for (step, run) in &runs {
        let Some((_, Outcome::Ok(value))) = run.end else { continue };
        match step {
            Step::Result { future, .. } => {
                let calls = futures.get(future.as_str()).map(Vec::as_slice).unwrap_or_default();
                is_one_of(step, None, value, calls)?;
            }
            Step::Map { calls, options, .. } => {
                let calls: Vec<&Call> = calls.iter().collect();
                items(step, value, &calls, options.unordered, 0)?;
            }
            Step::MapOpen { map, calls, options, .. } => {
                maps.insert(map, (calls.iter().collect(), options.unordered, 0));
            }
            Step::MapNext { map } => {
                if let Some((calls, unordered, taken)) = maps.get_mut(map.as_str()) {
                    items(step, value, calls, *unordered, *taken)?;
                    *taken += 1;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks the items that a step returned, of which the first is the one at `first`.
fn items(step: &Step, value: &Value, calls: &[&Call], unordered: bool, first: usize) -> Finding {
    // Another answer than a list is for the case to judge.
    for (item, outcome) in (first..).zip(Vec::<Outcome>::deserialize(value).unwrap_or_default()) {
        let Outcome::Ok(value) = outcome else { continue };
        let own = calls.get(item).map(std::slice::from_ref).unwrap_or_default();
        is_one_of(step, Some(item), &value, if unordered { calls } else { own })?;
    }
    Ok(())
}

/// Checks that a value can be that of one of `calls`.
fn is_one_of(step: &Step, item: Option<usize>, value: &Value, calls: &[&Call]) -> Finding {
    let is_it = |call: &&Call| value_of(call).is_none_or(|due| due == *value);
    require(calls.iter().any(is_it), || {
        // Texts that look alike are told apart by their escapes.
        let plain = |value: &Value| brief(value).escape_default().to_string();
        let item = item.map_or(String::new(), |item| format!("item {item} of "));
        let due = match calls {
            [] => "and has no such call".to_owned(),
            [call] => format!("not {}", value_of(call).as_ref().map_or(String::new(), plain)),
            _ => format!("the value of none of its {} calls", calls.len()),
        };
        format!("{item}\"{}\" returned {}, {due}", summary(step), plain(value))
    })
}

/// The answer of `wait`.
#[derive(Debug, Deserialize)]
struct Waited {
    done: Vec<String>,
    not_done: Vec<String>,
}

/// The answer of `as_completed`.
#[derive(Debug, Deserialize)]
struct Completed {
    order: Vec<String>,
    timed_out: bool,
}

/// A wait for several futures names each of them once.
pub(super) fn named_once(history: &History) -> Finding {
    for (step, run) in history.runs() {
        let (Step::Wait { futures, .. } | Step::AsCompleted { futures, .. }) = step else {
            continue;
        };
        let Some((_, Outcome::Ok(value))) = run.end else { continue };
        let (named, all) = if let Ok(waited) = Waited::deserialize(value) {
            ([waited.done, waited.not_done].concat(), true)
        } else if let Ok(completed) = Completed::deserialize(value) {
            (completed.order, !completed.timed_out)
        } else {
            continue;
        };
        let asked: BTreeSet<&String> = futures.iter().collect();
        let once: BTreeSet<&String> = named.iter().collect();
        let is_whole = if all { once == asked } else { once.is_subset(&asked) };
        require(is_whole && once.len() == named.len(), || {
            format!("\"{}\" named {named:?} of {asked:?}", summary(step))
        })?;
    }
    Ok(())
}

/// No step ends by its time limit before that is over.
pub(super) fn not_early(history: &History) -> Finding {
    for (step, run) in history.runs() {
        let Some((end, outcome)) = run.end else { continue };
        let failed = matches!(outcome, Outcome::Error(it) if it.class == ErrorClass::Timeout);
        let says = |name: &str, is: fn(&Value) -> bool| match outcome {
            Outcome::Ok(value) => value.get(name).is_some_and(is),
            Outcome::Error(_) => false,
        };
        let limit = match step {
            Step::Result { timeout: Some(limit), .. } if failed => *limit,
            Step::AsCompleted { timeout: Some(limit), .. }
                if says("timed_out", |it| *it == Value::Bool(true)) =>
            {
                *limit
            }
            Step::Wait { until: Until::AllCompleted, timeout: Some(limit), .. }
                if says("not_done", |it| it.as_array().is_some_and(|it| !it.is_empty())) =>
            {
                *limit
            }
            Step::Map { options: MapOptions { timeout: Some(limit), .. }, .. } if failed => *limit,
            _ => continue,
        };
        let took = end.saturating_sub(run.begin);
        // A clock that counts milliseconds may begin one of them late.
        require(took >= limit.saturating_sub(1) * 1_000_000, || {
            let took = took / 1_000_000;
            format!("\"{}\" ended after {took} ms of {limit} ms", summary(step))
        })?;
    }
    Ok(())
}
