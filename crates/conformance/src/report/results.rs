//! `results.json`: the results of a run of the suite, in a file that outlives it.
//!
//! Owns the format of the file, its version and its validity: every read checks it, so that reports never
//! see a contradiction. Knows neither how a verdict is reached nor any report.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use procpool_contract::{Description, VERSION as CONTRACT};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Level;

/// The version of the format. It changes when older files can no longer be read.
pub const VERSION: u32 = 1;

/// The mark of a verdict that depends on a race in the pool.
pub(super) const AT_TIMES: &str = " (~ at times)";

/// A file of results: the columns of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The version of the format.
    #[schemars(extend("const" = VERSION))]
    pub results: u32,
    /// The runs, one for each adapter.
    pub runs: Vec<Run>,
}

/// The run of one adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The version of the suite.
    pub suite: String,
    /// The version of the contract that the suite speaks.
    pub contract: u32,
    /// The time of its start, in UTC: `2026-01-31T12:00:00Z`.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// The adapter's command.
    pub adapter: String,
    /// The adapter's description. Missing if it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// The reason why there is none, if it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The cases.
    pub cases: Vec<CaseResult>,
}

/// The machine of a run. Only for readers: no verdict depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The operating system and its version.
    pub system: String,
    /// The processor's name.
    pub cpu: String,
    /// The number of its CPUs that the suite may use.
    pub cpus: usize,
}

/// The result of a case. It repeats the description of the case, so that a file from an older suite
/// explains itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseResult {
    /// The case's permanent name.
    pub id: String,
    /// Its area.
    pub area: String,
    /// Its level.
    pub level: Level,
    /// The requirement, in a sentence.
    pub requirement: String,
    /// The source of the requirement.
    pub source: String,
    /// Its entry in the book: `catalogue.html#area-slug`.
    pub anchor: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it depends on a race in the pool, so that another run may differ.
    #[serde(default, skip_serializing_if = "is_false")]
    pub at_times: bool,
    /// The observation, or the reason why there is none. Only a passed case may leave it out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub observation: String,
    /// Its duration.
    pub seconds: f64,
    /// The timeline, as lines of text. Empty if the case was not run or the timeline not kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub timeline: String,
    /// The command that runs it again.
    pub rerun: String,
}

/// The verdict on a pool in a case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The requirement held.
    Passed,
    /// It did not hold.
    Failed,
    /// It did not hold, which is a known failure.
    ExpectedFailure,
    /// It held, though it is a known failure.
    UnexpectedPass,
    /// The adapter did not fulfil the contract, so nothing is known of the pool.
    AdapterError,
    /// The case does not apply to this pool.
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

    /// Returns its word in the file.
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

    /// Returns its words in a sentence.
    pub fn label(self) -> String {
        self.word().replace('_', " ")
    }

    /// Returns a symbol whose shape differs from all others.
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

    /// Returns whether the requirement held.
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
    /// Returns the verdict in words, with a mark if another run may differ.
    pub fn label(&self) -> String {
        let mark = if self.at_times { AT_TIMES } else { "" };
        format!("{}{mark}", self.verdict)
    }

    /// Returns whether the requirement holds. It does not if it held in this run but fails at times.
    pub fn holds(&self) -> bool {
        self.verdict.holds() && !self.at_times
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Run {
    /// Returns the name of the run: the pool and its start method, or the command of a dead adapter.
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

/// The versions in a file of any version.
#[derive(Deserialize)]
struct Versions {
    results: u32,
    #[serde(default)]
    runs: Vec<Speaks>,
}

#[derive(Deserialize)]
struct Speaks {
    contract: u32,
}

impl Versions {
    fn check(&self) -> Result<(), String> {
        same("the format", self.results, VERSION)?;
        self.runs.iter().try_for_each(|run| same("the contract", run.contract, CONTRACT))
    }
}

fn same(what: &str, version: u32, own: u32) -> Result<(), String> {
    let advice = match version.cmp(&own) {
        Ordering::Equal => return Ok(()),
        Ordering::Greater => "install a newer one",
        Ordering::Less => "judge the pool again, or install the one that wrote it",
    };
    Err(format!("it has version {version} of {what}; this program reads version {own}: {advice}"))
}

impl Results {
    /// Puts runs together.
    ///
    /// # Errors
    ///
    /// They contradict each other or themselves: the sentence says how.
    pub fn of(runs: Vec<Run>) -> Result<Self, String> {
        if runs.is_empty() {
            return Err("there is no run in it".to_owned());
        }
        for (index, run) in runs.iter().enumerate() {
            let of = |fault: &str| Err(format!("the run of `{}`: {fault}", run.adapter));
            // Another run of the same adapter is another column: another version, or another day.
            if runs[..index].contains(run) {
                return of("it occurs twice; leave out one of them");
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
    /// It is of another version of the format or of the contract, or contradicts itself: the sentence says where.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Versions are checked first: a file of another version has other fields and words, and complaints
        // about those would hide the reason.
        if let Ok(versions) = serde_json::from_str::<Versions>(text) {
            versions.check()?;
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
    /// It cannot be read, or [`parse`](Self::parse) refuses it: the sentence names the file and the
    /// reason.
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
