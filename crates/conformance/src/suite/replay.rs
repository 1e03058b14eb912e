//! A scenario with its script as a file, to be carried out again: a failure leaves one, and people send
//! them to each other.

use std::path::Path;

use procpool_contract::{Scenario, VERSION};
use serde::{Deserialize, Serialize};

use crate::case::{CASE, Case};
use crate::cases;
use crate::plan::{Plan, Stage};

/// See the module's header.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The adapter's part.
    pub scenario: Scenario,
    /// The suite's part.
    pub script: Vec<Stage>,
}

/// The outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The events, and a line for each complaint.
    pub text: String,
    /// The number of complaints.
    pub complaints: usize,
}

impl Replay {
    /// Returns that of a case.
    pub fn of(case: &Case) -> Self {
        Self::of_plan(&case.planned(), case.id)
    }

    /// Returns that of a plan for a case.
    pub fn of_plan(plan: &Plan, id: &str) -> Self {
        Self { scenario: plan.scenario(id), script: plan.script().to_vec() }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// There is none, or it is of another version of the contract.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let replay: Self = serde_json::from_slice(&text)
            .map_err(|error| format!("{} is no scenario to run again: {error}", path.display()))?;
        match replay.scenario.contract {
            VERSION => Ok(replay),
            other => Err(format!("{} is of version {other} of the contract", path.display())),
        }
    }

    /// Returns its judge: the case of that id if the catalogue has it, otherwise only the rules.
    pub fn case(&self) -> Case {
        let found = cases::find(&self.scenario.case).filter(|case| case.property.is_none());
        found.unwrap_or(Case {
            id: "replay.scenario",
            requirement: "The pool MUST keep to the rules that hold for every run.",
            judge: |_| Ok(()),
            ..CASE
        })
    }
}
