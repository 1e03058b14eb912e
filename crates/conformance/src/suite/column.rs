//! A column of the matrix: an adapter, its description, and the cases that apply to it.

use std::path::Path;

use procpool_contract::Description;

use super::expectations::Expectations;
use super::verdict::{Result, Verdict};
use crate::case::{Case, Tier};
use crate::cases;
use crate::run::{Adapter, Fault, Limits};

/// See the module's header.
#[derive(Debug, Clone)]
pub struct Column {
    /// The command.
    pub adapter: Adapter,
    /// Its description, or the reason why there is none.
    pub description: std::result::Result<Description, Fault>,
    /// The known failures.
    pub expectations: Expectations,
    /// The prefix of the names of its trials: the pool's start method.
    pub name: String,
    /// The name of its files: `concurrent.futures-spawn`.
    pub pool: String,
    /// The program that runs the suite.
    pub runner: Runner,
    /// The cases that are run.
    pub tier: Tier,
}

/// A program that runs the suite, so that a failure can name the command that runs its case again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// The test program of procpool's workspace.
    CargoTest,
    /// `conformance run`.
    Command,
}

/// The trial of a case in a column.
#[derive(Debug)]
pub enum Fate {
    /// It is run.
    Run(Case),
    /// It does not apply to this pool, for this reason.
    NotFor(Case, String),
    /// There is no column; a trial of this name reports why.
    Fault(String, Fault),
}

impl Column {
    /// Asks the adapter for its description, and reads the known failures from `expectations`: a file, or
    /// a folder with a file named after the pool.
    pub fn of(adapter: Adapter, expectations: &Path, limits: Limits) -> Self {
        let tier = Tier::Usual;
        let described = adapter.describe(limits).and_then(|description| {
            let pool = format!("{}-{}", description.implementation, description.start_method);
            let (name, pool) = (plain(&description.start_method), plain(&pool));
            let expectations = Expectations::read(expectations, &pool).map_err(Fault)?;
            Ok((description, expectations, name, pool))
        });
        match described {
            Ok((description, expectations, name, pool)) => {
                let (description, runner) = (Ok(description), Runner::CargoTest);
                Self { adapter, description, expectations, name, pool, runner, tier }
            }
            Err(fault) => {
                let (name, pool) = ("adapter".to_owned(), "adapter".to_owned());
                let expectations = Expectations::default();
                let runner = Runner::CargoTest;
                Self { adapter, description: Err(fault), expectations, name, pool, runner, tier }
            }
        }
    }

    /// Returns the name of a trial.
    pub fn trial_name(&self, id: &str) -> String {
        format!("{}::{id}", self.name)
    }

    /// Returns the command that runs a case again.
    pub fn rerun(&self, id: &str) -> String {
        let command = self.adapter.command.replace('\'', "'\\''");
        match self.runner {
            Runner::CargoTest => {
                let name = self.trial_name(id);
                format!(
                    "PROCPOOL_ADAPTER='{command}' cargo test --test conformance -- --exact {name}"
                )
            }
            Runner::Command => format!("conformance run '{command}' --exact {id}"),
        }
    }

    /// Returns the trial of each case.
    pub fn fates(&self) -> Vec<Fate> {
        match &self.description {
            Err(fault) => vec![Fate::Fault("describe".to_owned(), fault.clone())],
            Ok(description) => cases::all()
                .into_iter()
                .filter(|case| self.tier.includes(case.tier))
                .map(|case| match case.not_for(description) {
                    None => Fate::Run(case),
                    Some(reason) => Fate::NotFor(case, reason),
                })
                .collect(),
        }
    }

    /// Runs a case and judges it, also by the known failures.
    pub fn judge(&self, case: &Case, limits: Limits) -> Result {
        let description = match &self.description {
            Ok(description) => description,
            Err(fault) => return Result::of(case, Verdict::AdapterError(fault.to_string())),
        };
        let mut result = Result::judged(&self.adapter, description, case, limits);
        if let Some(known) = self.expectations.of(case.id) {
            result.verdict = match result.verdict {
                Verdict::Passed if known.at_times.is_some() => Verdict::ThisTime(known.clone()),
                Verdict::Passed => Verdict::Unexpected(known.reason.clone()),
                Verdict::Failed(found) if known.is(&found) => Verdict::Expected(known.clone()),
                other => other,
            };
        }
        result
    }

    /// Returns a failed result for each case, if the adapter is dead.
    pub(super) fn dead_results(&self) -> Vec<Result> {
        let Err(fault) = &self.description else { return Vec::new() };
        let red = |case: &Case| Result::of(case, Verdict::AdapterError(fault.to_string()));
        cases::all().iter().map(red).collect()
    }
}

/// Returns a name as a part of a file's name, from any source: no folder, no line feed.
fn plain(name: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    name.chars().map(|letter| if keep(letter) { letter } else { '-' }).collect()
}
