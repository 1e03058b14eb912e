//! Cases with futures, for pools that have only maps: a map takes the place of a few submissions and
//! their results.
//!
//! ```text
//! submit a, submit b, result a, result b ──▶ map [a, b] ──▶ the pool ──▶ a History of maps
//!         the case's judge ◀── a History of submissions and results ◀──┘
//! ```
//!
//! Owns which cases can be asked in this way, and the translation in both directions. A case must be about
//! tasks and workers, not about futures, and must wait for each task right after it was submitted. Several
//! tasks share a map only if all of them succeed, because maps differ in what they return after an error.

use std::collections::{BTreeMap, BTreeSet};

use procpool_contract::{
    Body, Call, Capability as Has, Description, ErrorClass, Failure, Line, MapOptions, Moment,
    Outcome, Scenario, Step,
};
use serde::Deserialize as _;
use serde_json::Value;

use crate::history::{History, place_of, summary};
use crate::plan::{Condition, Stage};
use crate::run::{self, Adapter, Limits, Ran};

/// The areas whose cases are about tasks and workers.
const AREAS: &[&str] = &[
    "article", "codec", "config", "death", "fork", "init", "leak", "nested", "output", "recycle",
    "start", "submit", "timeout", "parent",
];

/// Cases of these areas that need a worker that stays between tasks: that of a map may end with it.
const NEED_A_WORKER_THAT_STAYS: &[&str] = &[
    "codec.bad-result-keeps-its-worker",
    "leak.memory-of-workers",
    "leak.of-nested-pools",
    "start.idle-worker-is-reused",
];

/// A scenario in which maps take the place of submissions.
#[derive(Debug, Clone)]
pub struct Mapped<'a> {
    original: &'a Scenario,
    /// The scenario of maps.
    pub scenario: Scenario,
    /// The script for it.
    pub script: Vec<Stage>,
    /// The original steps of each of its steps, by client.
    origins: BTreeMap<&'a str, Vec<Origin>>,
}

/// The original steps of a step.
#[derive(Debug, Clone)]
enum Origin {
    /// One, by its index.
    Same(usize),
    /// The map: as many submissions as results, from `first` on. `items` has for each result, in their
    /// order, the index of its submission.
    Map { first: usize, items: Vec<usize> },
}

/// Makes `adapter` carry out `scenario`: with maps if its pool has nothing else.
pub fn carry_out(
    adapter: &Adapter,
    description: &Description,
    scenario: &Scenario,
    script: &[Stage],
    limits: Limits,
) -> Ran {
    let run = |scenario, script| run::carry_out(adapter, description, scenario, script, limits);
    match has_only_maps(description).then(|| Mapped::of(scenario, script)).flatten() {
        None => run(scenario, script),
        Some(mapped) => match run(&mapped.scenario, &mapped.script) {
            Ran::History(history) => Ran::History(Box::new(mapped.translated_back(*history))),
            other => other,
        },
    }
}

/// Whether a pool has maps and no futures.
pub fn has_only_maps(description: &Description) -> bool {
    description.capabilities.contains(&Has::Map) && !description.capabilities.contains(&Has::Submit)
}

impl<'a> Mapped<'a> {
    /// Translates a scenario and its script; `None` if a part of it cannot be said with maps.
    pub fn of(scenario: &'a Scenario, script: &[Stage]) -> Option<Self> {
        let case = scenario.case.as_str();
        let area = case.split('.').next().unwrap_or_default();
        let is_about_tasks = AREAS.contains(&area) && !NEED_A_WORKER_THAT_STAYS.contains(&case);
        if !is_about_tasks || !scenario.needs().contains(&Has::Submit) {
            return None;
        }
        let kills = script.iter().any(|stage| matches!(stage, Stage::Signal(..)));
        let mut mapped = Self {
            original: scenario,
            scenario: scenario.clone(),
            script: Vec::new(),
            origins: BTreeMap::new(),
        };
        for (client, to) in scenario.clients.iter().zip(&mut mapped.scenario.clients) {
            let (steps, origins) = translated(&client.steps, kills)?;
            to.steps = steps;
            mapped.origins.insert(&client.name, origins);
        }
        for stage in script {
            let stage = match stage {
                Stage::Until(condition) => Stage::Until(mapped.condition(condition)?),
                other => other.clone(),
            };
            mapped.script.push(stage);
        }
        Some(mapped)
    }

    fn condition(&self, condition: &Condition) -> Option<Condition> {
        Some(match condition {
            Condition::Called(name) => Condition::Called(self.name(name, Moment::Begin)?),
            Condition::Returned(name) => Condition::Returned(self.name(name, Moment::End)?),
            Condition::ReturnedUnlessOpen(name, before) => Condition::ReturnedUnlessOpen(
                self.name(name, Moment::End)?,
                self.name(before, Moment::Begin)?,
            ),
            other => other.clone(),
        })
    }

    /// Returns the name of the step that has the moment of the original step `name`.
    fn name(&self, name: &str, moment: Moment) -> Option<String> {
        let (client, index) = place_of(self.original, name)?;
        let origins = self.origins.get(client)?;
        let step = origins.iter().position(|origin| match origin {
            Origin::Same(same) => *same == index,
            Origin::Map { first, items } => match (moment, items.len()) {
                (Moment::Begin, count) => (*first..first + 2 * count).contains(&index),
                // Results of several tasks return one by one, the submissions before all tasks.
                (Moment::End, count) => count == 1 && index == first + 1,
            },
        })?;
        named(&self.scenario, client, step)
    }

    /// Returns a history of the original scenario.
    pub fn translated_back(&self, mut history: History) -> History {
        let lines = std::mem::take(&mut history.lines);
        for line in &lines {
            let origin = self.origins.get(line.client.as_str()).and_then(|it| it.get(line.step));
            match origin {
                None => {}
                Some(Origin::Same(step)) => {
                    history.lines.push(Line { step: *step, ..line.clone() });
                }
                Some(Origin::Map { first, items }) => {
                    let end = lines.iter().find(|end| {
                        end.client == line.client && end.step == line.step && end.is == Moment::End
                    });
                    let end = end.and_then(|end| end.outcome.as_ref());
                    history.lines.extend(lines_of(line, *first, items, end));
                }
            }
        }
        history.scenario = self.original.clone();
        history
    }
}

/// Translates the steps of a client, with their origins.
fn translated(steps: &[Step], kills: bool) -> Option<(Vec<Step>, Vec<Origin>)> {
    let (mut to, mut origins) = (Vec::new(), Vec::new());
    let mut next = 0;
    while let Some(step) = steps.get(next) {
        match step {
            Step::Submit { pool, .. } => {
                let (futures, calls) = submissions(&steps[next..], pool);
                let count = futures.len();
                let items = results(steps.get(next + count..next + 2 * count)?, &futures)?;
                if count > 1 && (kills || !calls.iter().all(succeeds)) {
                    return None;
                }
                to.push(Step::Map { pool: pool.clone(), calls, options: MapOptions::default() });
                origins.push(Origin::Map { first: next, items });
                next += 2 * count;
            }
            Step::New { .. }
            | Step::Map { .. }
            | Step::Shutdown { .. }
            | Step::Drop { .. }
            | Step::OpenFile {}
            | Step::Gate { .. } => {
                to.push(step.clone());
                origins.push(Origin::Same(next));
                next += 1;
            }
            _ => return None,
        }
    }
    Some((to, origins))
}

/// Returns the futures and calls of the submissions to a pool at the beginning of `steps`.
fn submissions<'a>(steps: &'a [Step], of: &str) -> (Vec<&'a str>, Vec<Call>) {
    let submissions = steps.iter().map_while(|step| match step {
        Step::Submit { pool, future, call } if pool == of => Some((future.as_str(), call.clone())),
        _ => None,
    });
    submissions.unzip()
}

/// Returns for each of `steps`, which must take the results of `futures`, the place of its future.
fn results(steps: &[Step], futures: &[&str]) -> Option<Vec<usize>> {
    let place = |step: &Step| match step {
        Step::Result { future, timeout: None } => futures.iter().position(|it| it == future),
        _ => None,
    };
    let items: Vec<usize> = steps.iter().map(place).collect::<Option<_>>()?;
    let different: BTreeSet<&usize> = items.iter().collect();
    (different.len() == items.len()).then_some(items)
}

/// Whether a call returns a value, unless the pool is at fault.
fn succeeds(call: &Call) -> bool {
    call.poison.is_none() && !matches!(call.run, Body::Fail | Body::Die)
}

/// Returns the name of a step, as [`place_of`] takes it.
fn named(scenario: &Scenario, client: &str, index: usize) -> Option<String> {
    let of = scenario.clients.iter().find(|it| it.name == client)?;
    let name = summary(of.steps.get(index)?);
    let nth = (1..).map(|nth| format!("{name} #{nth}"));
    let mut nth = nth.map_while(|name| Some((place_of(scenario, &name)?, name)));
    nth.find(|(place, _)| *place == (client, index)).map(|(_, name)| name)
}

/// Returns the lines that `line`, the begin or the end of a map with the outcome `end`, stands for.
fn lines_of(line: &Line, first: usize, items: &[usize], end: Option<&Outcome>) -> Vec<Line> {
    let count = items.len();
    let at = |step, is, outcome| Line { step: first + step, is, outcome, ..line.clone() };
    // The outcomes of steps that end now, in their order; the first of them has begun before.
    let ended = |steps: Vec<(usize, Outcome)>| {
        let first = steps.first().map(|(step, _)| *step);
        let of_step = |(step, outcome)| {
            let begin = (Some(step) != first).then(|| at(step, Moment::Begin, None));
            begin.into_iter().chain([at(step, Moment::End, Some(outcome))])
        };
        steps.into_iter().flat_map(of_step).collect::<Vec<Line>>()
    };
    let submitted = || (0..count).map(|step| (step, Outcome::Ok(Value::Null))).collect();
    match (line.is, end) {
        (Moment::Begin, Some(Outcome::Error(_))) => vec![at(0, Moment::Begin, None)],
        (Moment::Begin, _) => {
            let mut lines = vec![at(0, Moment::Begin, None)];
            lines.extend(ended(submitted()));
            lines.push(at(count, Moment::Begin, None));
            lines
        }
        (Moment::End, Some(Outcome::Error(failure))) => {
            let text = format!("the map was refused: {}", failure.message);
            let refused = (0..2 * count).map(|step| match step < count {
                true => (step, Outcome::Error(failure.clone())),
                false => (step, error(ErrorClass::Invalid, text.clone())),
            });
            ended(refused.collect())
        }
        (Moment::End, Some(Outcome::Ok(value))) => {
            let results = items.iter().enumerate();
            ended(results.map(|(at, item)| (count + at, outcome_of(value, *item, count))).collect())
        }
        (Moment::End, None) => Vec::new(),
    }
}

/// Returns the outcome of an item of a map that returned `value`.
fn outcome_of(value: &Value, item: usize, count: usize) -> Outcome {
    let Ok(outcomes) = Vec::<Outcome>::deserialize(value) else {
        return error(ErrorClass::Other, "the map returned no list of outcomes".to_owned());
    };
    match (outcomes.get(item), outcomes.last()) {
        _ if outcomes.len() > count => {
            let text = format!("the map of {count} items returned {}", outcomes.len());
            error(ErrorClass::Other, text)
        }
        (Some(outcome), _) => outcome.clone(),
        // The map ended with this error.
        (None, Some(Outcome::Error(failure))) => Outcome::Error(failure.clone()),
        (None, _) => {
            let text = format!("the map of {count} items returned {}", outcomes.len());
            error(ErrorClass::Other, text)
        }
    }
}

fn error(class: ErrorClass, message: String) -> Outcome {
    Outcome::Error(Failure { class, message, r#type: None, status: None, trace: None })
}
