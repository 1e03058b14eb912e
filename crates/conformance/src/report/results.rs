//! `results.json`: what came of a run of the suite, in a file that outlives it.
//!
//! Owns the shape of the file, its version, and what makes one valid: each reading checks it, so that
//! reports never meet a contradiction. Knows nothing of how a verdict comes about, nor of any report.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use procpool_contract::Description;
use serde::{Deserialize, Serialize};

use crate::case::Level;

/// The version of the file's shape. It changes when a file of before can no longer be read.
pub const VERSION: u32 = 1;

/// What stands behind a verdict that a race of the pool decides.
pub(super) const AT_TIMES: &str = " (~ at times)";

/// A file of results: the columns of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The version of the file's shape.
    pub results: u32,
    /// What came of each adapter.
    pub runs: Vec<Run>,
}

/// What came of one adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The version of the suite.
    pub suite: String,
    /// The version of the contract that the suite speaks.
    pub contract: u32,
    /// When it began, in UTC: `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Where it ran.
    pub machine: Machine,
    /// The adapter's command.
    pub adapter: String,
    /// What the adapter says of itself. Missing if it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Why it could not say so, if it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What is said of each case.
    pub cases: Vec<CaseResult>,
}

/// Where a run took place. Only for people: no verdict depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The operating system and its version.
    pub system: String,
    /// The processor's name.
    pub cpu: String,
    /// How many of its processors the suite may use.
    pub cpus: usize,
}

/// What is said of a case. It repeats what the case says of itself, so that a file from an older suite
/// explains itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseResult {
    /// The case's permanent name.
    pub id: String,
    /// What it belongs to.
    pub area: String,
    /// How much it counts.
    pub level: Level,
    /// What is required, in a sentence.
    pub requirement: String,
    /// Where the requirement comes from.
    pub source: String,
    /// Where the book tells of it: `catalogue.html#area-slug`.
    pub anchor: String,
    /// What is said.
    pub verdict: Verdict,
    /// Whether a race of the pool decides, so that another run may say otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub at_times: bool,
    /// What was seen, or why nothing was. Only what has passed may leave it out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub observation: String,
    /// How long it took.
    pub seconds: f64,
    /// What happened when, as lines of text. Empty where nothing was run or kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub timeline: String,
    /// The command that runs it again.
    pub rerun: String,
}

/// What is said of a pool in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The requirement was seen to hold.
    Passed,
    /// It was seen not to hold.
    Failed,
    /// It was seen not to hold, as is known.
    ExpectedFailure,
    /// It was seen to hold, though it is known not to.
    UnexpectedPass,
    /// The adapter did not keep to the contract, so nothing is known of the pool.
    AdapterError,
    /// The case is not for this pool.
    Unsupported,
    /// The case was not run.
    NotTested,
}

impl Verdict {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Failed,
        Self::ExpectedFailure,
        Self::UnexpectedPass,
        Self::AdapterError,
        Self::Unsupported,
        Self::NotTested,
    ];

    /// Returns the word for it in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::ExpectedFailure => "expected_failure",
            Self::UnexpectedPass => "unexpected_pass",
            Self::AdapterError => "adapter_error",
            Self::Unsupported => "unsupported",
            Self::NotTested => "not_tested",
        }
    }

    /// Returns the words for it in a sentence.
    pub fn label(self) -> String {
        self.word().replace('_', " ")
    }

    /// Returns a sign that differs from all others in its shape.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Passed => "✓",
            Self::Failed => "✗",
            Self::ExpectedFailure => "≈",
            Self::UnexpectedPass => "±",
            Self::AdapterError => "!",
            Self::Unsupported => "–",
            Self::NotTested => "?",
        }
    }

    /// Says whether the requirement was seen to hold.
    pub fn holds(self) -> bool {
        matches!(self, Self::Passed | Self::UnexpectedPass)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl CaseResult {
    /// Returns the words for what is said, with the mark of what another run may see otherwise.
    pub fn label(&self) -> String {
        let mark = if self.at_times { AT_TIMES } else { "" };
        format!("{}{mark}", self.verdict)
    }

    /// Says whether the requirement holds. It does not where it was seen to hold and at times does not.
    pub fn holds(&self) -> bool {
        self.verdict.holds() && !self.at_times
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Run {
    /// Returns what the run is called by people: the pool and how it starts workers, or the command of
    /// an adapter that is dead.
    pub fn name(&self) -> String {
        match &self.description {
            Some(it) => format!("{} ({})", it.implementation, it.start_method),
            None => self.adapter.clone(),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.cases.is_empty() {
            return Err("it has no case, so it says nothing".to_owned());
        }
        let mut ids = BTreeSet::new();
        for case in &self.cases {
            let of = |fault: &str| Err(format!("{}: {fault}", case.id));
            if !ids.insert(&case.id) {
                return of("the case is there twice");
            }
            if case.id.is_empty() || case.area.is_empty() || case.requirement.is_empty() {
                return of("a case has an id, an area and a requirement");
            }
            if case.verdict != Verdict::Passed && case.observation.trim().is_empty() {
                return of(&format!("it is {}, and no observation says why", case.verdict));
            }
            if case.at_times && !matches!(case.verdict, Verdict::Passed | Verdict::ExpectedFailure)
            {
                return of(&format!("it is {}, which no race decides", case.verdict));
            }
            if case.at_times && case.observation.trim().is_empty() {
                return of("it fails at times, and no observation says why");
            }
            if !case.seconds.is_finite() || case.seconds < 0.0 {
                return of("it took less than no time");
            }
            if self.description.is_none() && case.verdict != Verdict::AdapterError {
                return of(&format!("it is {}, but its adapter is dead", case.verdict));
            }
        }
        match (&self.description, &self.fault) {
            (Some(_), None) => Ok(()),
            (None, Some(fault)) if !fault.trim().is_empty() => Ok(()),
            (None, _) => Err("there is neither a description nor a fault that says why".to_owned()),
            (Some(_), Some(_)) => {
                Err("there are a description and a fault; one is wrong".to_owned())
            }
        }
    }
}

impl Results {
    /// Puts runs together.
    ///
    /// # Errors
    ///
    /// They contradict each other or themselves: says in a sentence how.
    pub fn of(runs: Vec<Run>) -> Result<Self, String> {
        if runs.is_empty() {
            return Err("there is no run in it".to_owned());
        }
        for (index, run) in runs.iter().enumerate() {
            let of = |fault: &str| Err(format!("the run of `{}`: {fault}", run.adapter));
            // Another run of the same adapter is another column: of another version, or of another day.
            if runs[..index].contains(run) {
                return of("it is there twice; leave one of them out");
            }
            if let Err(fault) = run.check() {
                return of(&fault);
            }
        }
        Ok(Self { results: VERSION, runs })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// It is none of this version, or contradicts itself: says in a sentence where.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            results: u32,
        }
        // The version comes first: a file of another version has other fields, and to complain about
        // those would hide the reason.
        if let Ok(Head { results }) = serde_json::from_str(text)
            && results != VERSION
        {
            return Err(format!("it has version {results}; this program reads version {VERSION}"));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let results: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            let inner = error.into_inner();
            match place.as_str() {
                "." => inner.to_string(),
                place => format!("at {place}: {inner}"),
            }
        })?;
        json.end().map_err(|error| format!("after the results: {error}"))?;
        Self::of(results.runs)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or [`parse`](Self::parse) refuses it: says in a sentence which and why.
    pub fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text =
            fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
        Self::parse(&text).map_err(|error| format!("{name} is no file of results: {error}"))
    }

    /// Returns the text of a file.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("every field has a form in JSON: {error}"),
        }
    }
}
