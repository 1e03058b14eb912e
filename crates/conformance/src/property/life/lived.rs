//! The expected outcome of every step of a life. Values of tasks and of items are for the rules.

use std::collections::{BTreeMap, BTreeSet};

use procpool_contract::{
    Body, Call, Capability as Has, ErrorClass, EventKind, Failure, Outcome, Step, Until, word,
};
use serde::Deserialize;
use serde_json::Value;

use super::{BESIDE, SHORT};
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
    for tag in life.rejected {
        let ran = history.count(EventKind::Begin, tag);
        require(ran == 0, || format!("\"{tag}\" ran, which came after the shutdown"))?;
    }
    for (most, tags) in life.services {
        let mut counts = BTreeMap::new();
        for event in history.events(EventKind::Begin).filter(|it| tags.contains(it.tag.as_str())) {
            *counts.entry(event.pid).or_insert(0) += 1;
        }
        let (pid, count) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or_default();
        require(count <= most, || format!("the worker {pid} ran {count} tasks, not {most}"))?;
    }
    for tags in life.queues {
        in_order(history, EventKind::Begin, &tags)?;
    }
    for (future, added) in life.callbacks {
        // One that is added to a future that is done may be called by another thread.
        let done = history.events.iter().find(|event| {
            event.tag == future && matches!(event.event, EventKind::End | EventKind::Failed)
        });
        let before = |(label, at)| (done.is_none_or(|done| at < done.at)).then_some(label);
        let labels: Vec<&str> = added.into_iter().filter_map(before).collect();
        if done.is_some() {
            in_order(history, EventKind::Callback, &labels)?;
        }
    }
    Ok(())
}

/// Checks that events of a kind have happened in the order of `tags`. Some may not have happened.
fn in_order(history: &History, kind: EventKind, tags: &[&str]) -> Finding {
    let places: BTreeMap<&str, usize> = tags.iter().copied().zip(0..).collect();
    let happened: Vec<usize> =
        history.events(kind).filter_map(|it| places.get(it.tag.as_str()).copied()).collect();
    for pair in happened.windows(2) {
        require(pair[0] < pair[1], || {
            let (first, second) = (tags[pair[0]], tags[pair[1]]);
            format!("\"{}\" of \"{first}\" precedes that of \"{second}\"", word(kind))
        })?;
    }
    Ok(())
}

/// The state of a life after some of its steps.
#[derive(Debug, Default)]
struct Lived<'h> {
    /// Whether errors contain the message of their task.
    has_messages: bool,
    /// The arguments of the last pool's initializer.
    state: Value,
    /// Whether the last pool was asked to cancel its tasks.
    cancels: bool,
    /// Whether the workers of the last pool were killed.
    is_killed: bool,
    /// Whether a task was refused because its argument could not be encoded: there is no such future.
    has_refused: bool,
    /// The call of each future, and the state of the worker that runs it.
    calls: BTreeMap<&'h str, (&'h Call, Value)>,
    /// The futures whose result was read.
    read: BTreeSet<&'h str>,
    cancelled: BTreeSet<&'h str>,
    /// The callbacks that were added to futures of the last pool.
    added: Vec<&'h str>,
    /// The callbacks of pools whose end waited for their tasks.
    due: Vec<&'h str>,
    /// The callbacks of each future, and the ends of the steps that added them.
    callbacks: BTreeMap<&'h str, Vec<(&'h str, u64)>>,
    /// The tasks of each pool whose workers retire, without those of its maps, and how many each may run.
    services: Vec<(i64, BTreeSet<&'h str>)>,
    /// The arguments of the initializer of the last pool beside it.
    beside: Value,
    /// The tasks of each pool of one worker, which starts them in this order.
    queues: Vec<Vec<&'h str>>,
    /// Whether the last pool is one.
    has_queue: bool,
    /// Whether the last pool was shut down.
    is_over: bool,
    /// The calls of pools that were shut down before.
    rejected: Vec<&'h str>,
}

/// Checks the outcome of a map whose limit was over before its first item.
fn is_late(outcome: &Outcome) -> Finding {
    fails_as(outcome, ErrorClass::Timeout)
}

/// Checks the outcome of a task or of a map that was asked for after a shutdown.
fn is_rejected(outcome: &Outcome) -> Finding {
    fails_as(outcome, ErrorClass::Rejected)
}

/// Checks that a step has failed, or an item of a map.
fn fails_as(outcome: &Outcome, class: ErrorClass) -> Finding {
    let items = match outcome {
        Outcome::Ok(value) => Vec::<Outcome>::deserialize(value).unwrap_or_default(),
        failed => vec![failed.clone()],
    };
    let is_it = |item: &Outcome| matches!(item, Outcome::Error(failure) if failure.class == class);
    require(items.iter().any(is_it), || format!("gave {items:?}"))
}

/// Checks the error of a task whose argument or result cannot be encoded.
fn is_bad(failure: &Failure) -> Finding {
    let is_it = matches!(failure.class, ErrorClass::Serialisation | ErrorClass::Task);
    require(is_it, || format!("failed: {}", told(failure)))
}

impl<'h> Lived<'h> {
    fn check(&mut self, step: &'h Step, run: Run<'h>) -> Finding {
        let (at, outcome) = run.end.ok_or("did not return")?;
        let value = match (step, outcome) {
            (Step::New { options, .. }, outcome) if options.max_workers == Some(0) => {
                let is_it =
                    matches!(outcome, Outcome::Error(it) if it.class == ErrorClass::Invalid);
                return require(is_it, || "made a pool without workers".to_owned());
            }
            (Step::Submit { .. } | Step::Map { .. }, outcome) if self.is_over => {
                self.rejected.extend(step.calls().iter().map(|call| call.tag.as_str()));
                return is_rejected(outcome);
            }
            (Step::Result { timeout: Some(1..=SHORT), .. }, Outcome::Error(failure))
                if failure.class == ErrorClass::Timeout =>
            {
                return Ok(());
            }
            (Step::Result { future, .. }, outcome) => return self.result(future, outcome),
            (Step::Map { options, .. }, outcome) if options.timeout == Some(SHORT) => {
                return is_late(outcome);
            }
            (Step::Submit { call, .. }, Outcome::Error(failure)) if call.poison.is_some() => {
                self.has_refused = true;
                return is_bad(failure);
            }
            (_, Outcome::Error(failure))
                if self.has_refused && failure.class == ErrorClass::Invalid =>
            {
                return Ok(());
            }
            (_, Outcome::Error(failure)) => return Err(format!("failed: {}", told(failure))),
            (_, Outcome::Ok(value)) => value,
        };
        let is_over = |over: bool| require(over, || format!("returned {value} before its limit"));
        let is = |due: Value| require(*value == due, || format!("returned {value}, not {due}"));
        match step {
            Step::New { options, pool } => {
                let given = options.initializer.as_ref().map(|call| call.value.clone());
                if pool == BESIDE {
                    self.beside = given.unwrap_or_default();
                    return Ok(());
                }
                self.state = given.unwrap_or_default();
                (self.cancels, self.is_killed, self.is_over) = (false, false, false);
                self.added.clear();
                self.has_queue = options.max_workers == Some(1);
                self.queues.push(Vec::new());
                let most = options.max_tasks_per_child.unwrap_or(i64::MAX);
                self.services.push((most, BTreeSet::new()));
            }
            Step::Submit { future, call, pool } if pool == BESIDE => {
                self.calls.insert(future, (call, self.beside.clone()));
            }
            Step::Submit { future, call, .. } => {
                if let Some((_, tags)) = self.services.last_mut() {
                    tags.insert(&call.tag);
                }
                if let Some(queue) = self.queues.last_mut().filter(|_| self.has_queue) {
                    queue.push(future);
                }
                self.calls.insert(future, (call, self.state.clone()));
            }
            Step::Callback { future, label, .. } => {
                self.added.push(label);
                self.callbacks.entry(future).or_default().push((label, at));
            }
            Step::Cancel { future } => {
                let was = self.cancelled.contains(future.as_str());
                if was || self.read.contains(future.as_str()) {
                    return is(was.into());
                }
                if *value == Value::Bool(true) {
                    self.cancelled.insert(future);
                }
            }
            Step::State { future } if self.cancelled.contains(future.as_str()) => {
                return is("cancelled".into());
            }
            Step::State { future } if self.read.contains(future.as_str()) => {
                return is("done".into());
            }
            Step::AsCompleted { timeout, .. } => {
                let timed_out = value["timed_out"] != Value::Bool(false);
                if *timeout == Some(SHORT) {
                    return is_over(timed_out);
                }
                return require(!timed_out, || format!("returned {value}"));
            }
            Step::Wait { until, timeout, .. } => {
                let count = |name: &str| value[name].as_array().map_or(0, Vec::len);
                if timeout.is_some() {
                    return is_over(count("not_done") > 0);
                }
                let has_ended = match until {
                    Until::AllCompleted => count("not_done") == 0,
                    Until::FirstCompleted | Until::FirstException => count("done") > 0,
                };
                return require(has_ended, || format!("returned {value}"));
            }
            Step::Map { calls, .. } => {
                let (items, due) = (value.as_array().map_or(0, Vec::len), calls.len());
                return require(items == due, || format!("gave {items} items of {due}"));
            }
            Step::Shutdown { pool, .. } if pool == BESIDE => {}
            Step::Shutdown { wait, cancel, .. } => {
                self.cancels |= *cancel;
                self.is_over = true;
                if *wait {
                    self.due.append(&mut self.added);
                }
            }
            Step::KillWorkers { .. } => {
                (self.cancels, self.is_killed) = (true, true);
                self.added.clear();
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
        if call.run == Body::Die {
            self.is_killed = true;
            return fails_as(outcome, ErrorClass::Broken);
        }
        match outcome {
            Outcome::Error(failure) if failure.class == ErrorClass::Cancelled => {
                self.cancelled.insert(future);
                require(is_cancelled || self.cancels, || "was cancelled by nobody".to_owned())
            }
            Outcome::Error(failure) if self.is_killed && failure.class == ErrorClass::Broken => {
                Ok(())
            }
            _ if is_cancelled => Err("was not that of a cancelled task".to_owned()),
            Outcome::Ok(_) if call.poison.is_some() => Err("did not fail".to_owned()),
            Outcome::Error(failure) if call.poison.is_some() => is_bad(failure),
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
