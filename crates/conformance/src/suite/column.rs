//! A column of the matrix: an adapter, what it says of itself, and which cases are for it.

use super::verdict::{Result, Verdict};
use crate::case::Case;
use crate::cases;
use crate::contract::Description;
use crate::run::{Adapter, Fault, Limits};

/// See the module's header.
#[derive(Debug, Clone)]
pub struct Column {
    /// The command.
    pub adapter: Adapter,
    /// What it says of itself, or why that is not known.
    pub description: std::result::Result<Description, Fault>,
    /// What trials are called by in front of their case.
    pub name: String,
}

/// What becomes of a case in a column.
#[derive(Debug)]
pub enum Fate {
    /// It is run.
    Run(Case),
    /// It is not for this pool; why.
    NotFor(Case, String),
    /// There is no column; a trial says so.
    Fault(String, Fault),
}

impl Column {
    /// Asks the adapter what it is.
    pub fn of(adapter: Adapter, limits: Limits) -> Self {
        let description = adapter.describe(limits);
        let name = match &description {
            Ok(description) => description.start_method.clone(),
            Err(_) => "adapter".to_owned(),
        };
        Self { adapter, description, name }
    }

    /// Returns the name of a trial.
    pub fn trial_name(&self, id: &str) -> String {
        format!("{}::{id}", self.name)
    }

    /// Says what becomes of each case.
    pub(super) fn fates(&self) -> Vec<Fate> {
        match &self.description {
            Err(fault) => vec![Fate::Fault("describe".to_owned(), fault.clone())],
            Ok(description) => cases::all()
                .into_iter()
                .map(|case| match case.not_for(description) {
                    None => Fate::Run(case),
                    Some(reason) => Fate::NotFor(case, reason),
                })
                .collect(),
        }
    }

    /// Runs a case and judges it.
    pub(super) fn judge(&self, case: &Case, limits: Limits) -> Result {
        match &self.description {
            Ok(description) => Result::judged(&self.adapter, description, case, limits),
            Err(fault) => Result::of(case, Verdict::AdapterError(fault.to_string())),
        }
    }

    /// Returns a red result for each case, if the adapter is dead.
    pub(super) fn dead_results(&self) -> Vec<Result> {
        let Err(fault) = &self.description else { return Vec::new() };
        let red = |case: &Case| Result::of(case, Verdict::AdapterError(fault.to_string()));
        cases::all().iter().map(red).collect()
    }
}
