//! The expected outcome of every step of a life. Values of tasks and of items are for the rules.

use std::collections::{BTreeMap, BTreeSet};

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, EventKind, Outcome, Step};
use serde_json::Value;

use super::SHORT;
use crate::history::{Finding, History, Run, require, summary, told};

/// Checks the outcome of every step, in their order: a life has one client.
pub(super) fn outcomes(history: &History) -> Finding {
    let has = |capability| history.description.capabilities.contains(&capability);
    let mut life = Lived { has_messages: has(Has::ErrorMessage), ..Lived::default() };
    for (step, run) in history.runs() {
        life.check(step, run).map_err(|complaint| format!("\"{}\" {complaint}", summary(step)))?;
    }
    for label in life.due {
        let times = history.count(EventKind::Callback, label);
        require(times == 1, || format!("\"callback {label}\" was called {times} times"))?;
    }
    Ok(())
}

/// What is known so far.
#[derive(Debug, Default)]
struct Lived<'h> {
    /// Whether errors contain the message of their task.
    has_messages: bool,
    /// What the initializer of the last pool was given.
    state: Value,
    /// Whether the last pool was asked to cancel its tasks.
    cancels: bool,
    /// The call of each future, and the state of the worker that runs it.
    calls: BTreeMap<&'h str, (&'h Call, Value)>,
    /// The futures whose result was read.
    read: BTreeSet<&'h str>,
    cancelled: BTreeSet<&'h str>,
    /// The callbacks that were added to futures of the last pool.
    added: Vec<&'h str>,
    /// The callbacks of pools whose end waited for their tasks.
    due: Vec<&'h str>,
}

impl<'h> Lived<'h> {
    fn check(&mut self, step: &'h Step, run: Run<'h>) -> Finding {
        let (_, outcome) = run.end.ok_or("did not return")?;
        let value = match (step, outcome) {
            (Step::Result { timeout: Some(SHORT), .. }, Outcome::Error(failure))
                if failure.class == ErrorClass::Timeout =>
            {
                return Ok(());
            }
            (Step::Result { future, .. }, outcome) => return self.result(future, outcome),
            (_, Outcome::Error(failure)) => return Err(format!("failed: {}", told(failure))),
            (_, Outcome::Ok(value)) => value,
        };
        let is = |due: Value| require(*value == due, || format!("returned {value}, not {due}"));
        match step {
            Step::New { options, .. } => {
                let given = options.initializer.as_ref().map(|call| call.value.clone());
                (self.state, self.cancels) = (given.unwrap_or_default(), false);
                self.added.clear();
            }
            Step::Submit { future, call, .. } => {
                self.calls.insert(future, (call, self.state.clone()));
            }
            Step::Callback { label, .. } => self.added.push(label),
            Step::Cancel { future } => {
                let was = self.cancelled.contains(future.as_str());
                if was || self.read.contains(future.as_str()) {
                    return is(was.into());
                }
                if *value == Value::Bool(true) {
                    self.cancelled.insert(future);
                }
            }
            Step::State { future } if self.read.contains(future.as_str()) => {
                let is_cancelled = self.cancelled.contains(future.as_str());
                return is(if is_cancelled { "cancelled" } else { "done" }.into());
            }
            Step::AsCompleted { .. } => {
                let timed_out = value["timed_out"] != Value::Bool(false);
                return require(!timed_out, || format!("returned {value}"));
            }
            Step::Wait { .. } => {
                let left = value["not_done"].as_array().is_none_or(|left| !left.is_empty());
                return require(!left, || format!("returned {value}"));
            }
            Step::Map { calls, .. } => {
                let (items, due) = (value.as_array().map_or(0, Vec::len), calls.len());
                return require(items == due, || format!("gave {items} items of {due}"));
            }
            Step::Shutdown { wait, cancel, .. } => {
                self.cancels = *cancel;
                if *wait {
                    self.due.append(&mut self.added);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn result(&mut self, future: &'h str, outcome: &Outcome) -> Finding {
        self.read.insert(future);
        // A task that was refused has failed already.
        let Some((call, state)) = self.calls.get(future) else { return Ok(()) };
        let is_cancelled = self.cancelled.contains(future);
        match outcome {
            Outcome::Error(failure) if failure.class == ErrorClass::Cancelled => {
                self.cancelled.insert(future);
                require(is_cancelled || self.cancels, || "was cancelled by nobody".to_owned())
            }
            _ if is_cancelled => Err("was not that of a cancelled task".to_owned()),
            Outcome::Ok(value) if call.run == Body::Whoami => {
                require(value["state"] == *state, || {
                    format!("is of a worker with {}, not {state}", value["state"])
                })
            }
            Outcome::Ok(_) => require(call.run != Body::Fail, || "did not fail".to_owned()),
            Outcome::Error(failure) if call.run == Body::Fail => {
                let text = call.text.as_deref().unwrap_or_default();
                let is_its_own = !self.has_messages || failure.message.contains(text);
                require(failure.class == ErrorClass::Task && is_its_own, || {
                    let letters = text.chars().count();
                    format!("failed without its message of {letters} letters: {}", told(failure))
                })
            }
            Outcome::Error(failure) => Err(format!("failed: {}", told(failure))),
        }
    }
}
