//! The events of one run: everything that a judge sees.
//!
//! Owns the record and the questions that judges ask of it. A question without an answer returns a
//! sentence, so that a judge cannot mistake silence for success. Knows nothing of how a run is made.

mod sample;

pub use sample::{Sample, Surroundings};

use std::collections::{BTreeMap, BTreeSet};

use procpool_contract::{
    Call, Description, ErrorClass, Event, EventKind, Failure, Line, Moment, Outcome, Scenario,
    Step, word,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The finding of a judge: nothing, or the pool's violation.
pub type Finding = Result<(), String>;

/// One run of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct History {
    /// The adapter's description.
    pub description: Description,
    /// The scenario.
    pub scenario: Scenario,
    /// The process that carried it out.
    pub owner: u32,
    /// The lines that it wrote, in their order.
    pub lines: Vec<Line>,
    /// The events that bodies wrote, in the order of their times.
    pub events: Vec<Event>,
    /// The looks of the suite.
    pub samples: Vec<Sample>,
    /// How it ended.
    pub end: End,
    /// The description of an event that the suite waited for in vain.
    pub stuck: Option<String>,
    /// The text on standard error, and on the standard output of workers.
    pub stderr: String,
    /// Descriptions of processes that still existed some time after the end.
    pub left: Vec<String>,
}

/// How the adapter's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With this exit code.
    Exit(i32),
    /// By this signal, not sent by the suite.
    Signal(i32),
    /// Killed by the suite, as the case requires.
    KilledByCase,
    /// Killed by the suite after the time limit.
    Hung,
}

/// A step and its outcome.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// When it began.
    pub begin: u64,
    /// When it ended, and its result; `None` if it did not end.
    pub end: Option<(u64, &'a Outcome)>,
}

/// Describes a step in the few words by which cases name it: `result f`, `shutdown p`.
pub fn summary(step: &Step) -> String {
    match words(step) {
        (verb, "") => verb.to_owned(),
        (verb, name) => format!("{verb} {name}"),
    }
}

/// Returns the two words of a [`summary`]; the second one is empty where there is none.
fn words(step: &Step) -> (&'static str, &str) {
    match step {
        Step::New { pool, .. } => ("new", pool),
        Step::Submit { future, .. } => ("submit", future),
        Step::Result { future, .. } => ("result", future),
        Step::Map { pool, .. } => ("map", pool),
        Step::MapOpen { map, .. } => ("map_open", map),
        Step::MapNext { map } => ("map_next", map),
        Step::MapClose { map } => ("map_close", map),
        Step::Shutdown { pool, .. } => ("shutdown", pool),
        Step::KillWorkers { pool } => ("kill_workers", pool),
        Step::Drop { pool } => ("drop", pool),
        Step::Cancel { future } => ("cancel", future),
        Step::State { future } => ("state", future),
        Step::Callback { label, .. } => ("callback", label),
        Step::Wait { .. } => ("wait", ""),
        Step::AsCompleted { .. } => ("as_completed", ""),
        Step::OpenFile {} => ("open_file", ""),
        Step::Gate { gate } => ("gate", gate),
    }
}

/// Returns the client of a step and the step's index there. `name` is its [`summary`], with ` #2` for the
/// second such step and so on, in the order of the clients.
pub fn place_of<'a>(scenario: &'a Scenario, name: &str) -> Option<(&'a str, usize)> {
    let (what, nth) = match name.rsplit_once(" #") {
        Some((what, nth)) => (what, nth.parse().ok()?),
        None => (name, 1_usize),
    };
    let steps = scenario.clients.iter().flat_map(|client| {
        client.steps.iter().enumerate().map(move |(index, step)| (client, index, step))
    });
    // Avoids a text for every step: a case may have thousands of steps, and its judge asks for each.
    let sought = what.split_once(' ').unwrap_or((what, ""));
    let mut same = steps.filter(|(.., step)| words(step) == sought);
    same.nth(nth.checked_sub(1)?).map(|(client, index, _)| (client.name.as_str(), index))
}

impl History {
    // ---- steps ----

    /// Returns the outcome of the step `name`, in the form of [`place_of`].
    ///
    /// # Errors
    ///
    /// It did not begin.
    ///
    /// # Panics
    ///
    /// The scenario has no such step, which is a fault of the case.
    pub fn step(&self, name: &str) -> Result<Run<'_>, String> {
        let (client, index) = place_of(&self.scenario, name)
            .unwrap_or_else(|| panic!("no step of the scenario is \"{name}\""));
        self.run_of(client, index).ok_or_else(|| format!("\"{name}\" did not begin"))
    }

    /// Returns the outcome of a step by its position.
    pub fn run_of(&self, client: &str, step: usize) -> Option<Run<'_>> {
        let lines = || self.lines.iter().filter(|line| line.step == step && line.client == client);
        let begin = lines().find(|line| line.is == Moment::Begin)?.at;
        let end = lines().find(|line| line.is == Moment::End);
        Some(Run { begin, end: end.and_then(|line| Some((line.at, line.outcome.as_ref()?))) })
    }

    /// Returns every step that began, with its outcome, in the order of the clients.
    pub fn runs(&self) -> Vec<(&Step, Run<'_>)> {
        let mut runs: BTreeMap<(&str, usize), Run<'_>> = BTreeMap::new();
        for line in &self.lines {
            let place = (line.client.as_str(), line.step);
            if line.is == Moment::Begin {
                runs.entry(place).or_insert(Run { begin: line.at, end: None });
            } else if let Some(run) = runs.get_mut(&place).filter(|run| run.end.is_none()) {
                run.end = line.outcome.as_ref().map(|outcome| (line.at, outcome));
            }
        }
        let steps = self.scenario.clients.iter().flat_map(|client| {
            client
                .steps
                .iter()
                .enumerate()
                .map(|(index, step)| ((client.name.as_str(), index), step))
        });
        steps.filter_map(|(place, step)| Some((step, *runs.get(&place)?))).collect()
    }

    /// Returns the result of a step.
    ///
    /// # Errors
    ///
    /// It did not return.
    pub fn outcome(&self, name: &str) -> Result<&Outcome, String> {
        let (_, outcome) =
            self.step(name)?.end.ok_or_else(|| format!("\"{name}\" did not return"))?;
        Ok(outcome)
    }

    /// Returns when a step ended.
    ///
    /// # Errors
    ///
    /// It did not end.
    pub fn ended_at(&self, name: &str) -> Result<u64, String> {
        let (at, _) = self.step(name)?.end.ok_or_else(|| format!("\"{name}\" did not return"))?;
        Ok(at)
    }

    /// Returns the value that a step returned.
    ///
    /// # Errors
    ///
    /// It failed, or did not return.
    pub fn value(&self, name: &str) -> Result<&Value, String> {
        match self.outcome(name)? {
            Outcome::Ok(value) => Ok(value),
            Outcome::Error(failure) => Err(format!("\"{name}\" failed: {}", told(failure))),
        }
    }

    /// Checks that a step returned `expected`.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn returned(&self, name: &str, expected: impl Into<Value>) -> Finding {
        let (value, expected) = (self.value(name)?, expected.into());
        require(*value == expected, || {
            format!("\"{name}\" returned {}, not {}", brief(value), brief(&expected))
        })
    }

    /// Returns the error of a step, which must be of one of `classes`.
    ///
    /// # Errors
    ///
    /// It is of another class, or the step succeeded or did not return.
    pub fn failure(&self, name: &str, classes: &[ErrorClass]) -> Result<&Failure, String> {
        let expected = || {
            let words: Vec<String> = classes.iter().map(|class| word(*class)).collect();
            words.join(" or ")
        };
        match self.outcome(name)? {
            Outcome::Error(failure) if classes.contains(&failure.class) => Ok(failure),
            Outcome::Error(failure) => {
                Err(format!("\"{name}\" failed, but not as {}: {}", expected(), told(failure)))
            }
            Outcome::Ok(value) => {
                Err(format!("\"{name}\" returned {} where {} was due", brief(value), expected()))
            }
        }
    }

    /// Returns the error of a task, which must be of one of `classes`: that of the submitting call, if it
    /// was refused, or its future's.
    ///
    /// # Errors
    ///
    /// As for [`failure`](Self::failure).
    pub fn task_failure(&self, future: &str, classes: &[ErrorClass]) -> Result<&Failure, String> {
        let submit = format!("submit {future}");
        match self.value(&submit) {
            Ok(_) => self.failure(&format!("result {future}"), classes),
            Err(_) => self.failure(&submit, classes),
        }
    }

    /// Returns the items that a `map` or a `map_next` returned.
    ///
    /// # Errors
    ///
    /// The step failed, did not return, or returned no list of outcomes.
    pub fn items(&self, name: &str) -> Result<Vec<Outcome>, String> {
        let value = self.value(name)?;
        Vec::<Outcome>::deserialize(value)
            .map_err(|error| format!("\"{name}\" returned no list of outcomes: {error}"))
    }

    /// Returns the values of a map whose items must all have succeeded.
    ///
    /// # Errors
    ///
    /// One failed, or there is no list.
    pub fn values(&self, name: &str) -> Result<Vec<Value>, String> {
        self.items(name)?
            .into_iter()
            .enumerate()
            .map(|(index, item)| match item {
                Outcome::Ok(value) => Ok(value),
                Outcome::Error(failure) => {
                    Err(format!("item {index} of \"{name}\" failed: {}", told(&failure)))
                }
            })
            .collect()
    }

    // ---- events ----

    /// Returns the events of a kind, in order.
    pub fn events(&self, kind: EventKind) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.event == kind)
    }

    /// Returns how often an event of a kind happened for `tag`.
    pub fn count(&self, kind: EventKind, tag: &str) -> usize {
        self.events(kind).filter(|event| event.tag == tag).count()
    }

    /// Returns the first event of a kind for a tag.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn event(&self, kind: EventKind, tag: &str) -> Result<&Event, String> {
        self.events(kind)
            .find(|event| event.tag == tag)
            .ok_or_else(|| format!("the trace has no \"{}\" of \"{tag}\"", word(kind)))
    }

    /// Returns the processes in which tasks began.
    pub fn workers(&self) -> BTreeSet<u32> {
        self.events(EventKind::Begin).map(|event| event.pid).collect()
    }

    /// Returns the processes in which initializers began.
    pub fn initialized(&self) -> BTreeSet<u32> {
        self.events(EventKind::InitBegin).map(|event| event.pid).collect()
    }

    /// Returns the look called `name`.
    ///
    /// # Errors
    ///
    /// It did not look.
    pub fn sample(&self, name: &str) -> Result<&Sample, String> {
        let found = self.samples.iter().find(|sample| sample.name == name);
        found.ok_or_else(|| format!("the run did not reach the look \"{name}\""))
    }

    /// Returns a text with `…` in place of the pids of the run, which differ from run to run.
    pub fn without_pids(&self, text: &str) -> String {
        let mut pids: BTreeSet<u32> = self.events.iter().flat_map(|it| [it.pid, it.ppid]).collect();
        pids.insert(self.owner);
        pids.extend(self.samples.iter().flat_map(|it| it.alive.iter().chain(&it.zombies)));
        // Each text starts with its pid.
        let left = self.left.iter().filter_map(|it| it.split_once(' '));
        pids.extend(left.filter_map(|(pid, _)| pid.parse::<u32>().ok()));
        let mut plain = String::new();
        for part in text.split_inclusive(|letter: char| !letter.is_ascii_digit()) {
            let number = part.trim_end_matches(|letter: char| !letter.is_ascii_digit());
            let is_pid = number.parse().is_ok_and(|number| pids.contains(&number));
            plain += if is_pid { "…" } else { number };
            plain += &part[number.len()..];
        }
        plain
    }

    // ---- the scenario ----

    /// Returns every call of the scenario with the name of its pool, without those of initializers.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &Call)> {
        let steps = self.scenario.clients.iter().flat_map(|client| &client.steps);
        steps.flat_map(|step| match step {
            Step::Submit { pool, call, .. } => vec![(pool.as_str(), call)],
            Step::Map { pool, calls, .. } | Step::MapOpen { pool, calls, .. } => {
                calls.iter().map(|call| (pool.as_str(), call)).collect()
            }
            _ => Vec::new(),
        })
    }
}

/// Fails with a sentence unless `condition` holds.
///
/// # Errors
///
/// It does not hold.
pub fn require(condition: bool, complaint: impl FnOnce() -> String) -> Finding {
    if condition { Ok(()) } else { Err(complaint()) }
}

/// Describes an error, briefly enough for a sentence.
pub fn told(failure: &Failure) -> String {
    let message: String = failure.message.chars().take(200).collect();
    format!("{} ({message})", word(failure.class))
}

/// Returns a value as text, short enough for a sentence.
pub fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
