//! A scenario with its script as a file, to be carried out again: what a failure leaves, and what people
//! send to each other.

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
    /// What the adapter does.
    pub scenario: Scenario,
    /// What the suite does meanwhile.
    pub script: Vec<Stage>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// What happened, and a line for each complaint.
    pub text: String,
    /// How many complaints there are.
    pub complaints: usize,
}

impl Replay {
    /// That of a case.
    pub fn of(case: &Case) -> Self {
        Self::of_plan(&case.planned(), case.id)
    }

    /// That of a plan for a case.
    pub fn of_plan(plan: &Plan, id: &str) -> Self {
        Self { scenario: plan.scenario(id), script: plan.script().to_vec() }
    }

    /// Reads one.
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

    /// Returns who judges it: the case that it is of if that is in the catalogue, and the rules alone
    /// if not.
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
