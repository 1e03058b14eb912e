//! A case: one requirement, what is done to see whether it holds, and who judges that.

use std::collections::BTreeSet;

use procpool_contract::{Capability, Description, Policies, Scenario};
use serde::{Deserialize, Serialize};

use crate::history::{Finding, History};
use crate::plan::Plan;

/// How much a pool must keep to a requirement (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// It must.
    Must,
    /// It should, unless it has and names a reason.
    Should,
    /// It may.
    May,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        })
    }
}

/// See the module's header.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name for ever: `AREA.SLUG`.
    pub id: &'static str,
    /// How much it counts.
    pub level: Level,
    /// One sentence: `The pool MUST …`.
    pub requirement: &'static str,
    /// Where the requirement comes from.
    pub source: &'static str,
    /// The rows of the list of behaviours that it covers.
    pub rows: &'static [&'static str],
    /// What an adapter must have beyond the core tier.
    pub needs: &'static [Capability],
    /// The choice that it is about, in words, and whether a pool has made it.
    pub only: Option<Only>,
    /// The saboteurs that it must find out.
    pub kills: &'static [&'static str],
    /// The contract version that it came with.
    pub since: u32,
    /// What is done.
    pub plan: fn(&mut Plan),
    /// Whether the requirement held.
    pub judge: fn(&History) -> Finding,
    /// What is drawn, if the case is a property; then plan and judge are those of what was.
    pub property: Option<Kind>,
    /// What of the rules for every run it breaks on purpose.
    pub waives: &'static [Waiver],
}

/// What a property is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tasks and their futures, cancelled here and there.
    Futures,
    /// Maps.
    Maps,
    /// Tasks some of which end their worker.
    Deaths,
}

/// A choice that a case is about.
#[derive(Debug, Clone, Copy)]
pub struct Only {
    /// In words: `worker_death is break`.
    pub words: &'static str,
    /// Whether it was made.
    pub holds: fn(&Policies) -> bool,
}

/// A rule for every run that a case breaks on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiver {
    /// The adapter ends with code 0.
    CleanEnd,
    /// Nothing of a run is left after it.
    Residue,
}

/// What a case fills in where it is like most others. `id`, `requirement`, `plan` and `judge` have no
/// sensible value and are refused by the catalogue's check.
pub const CASE: Case = Case {
    id: "",
    level: Level::Must,
    requirement: "",
    source: "",
    rows: &[],
    needs: &[],
    only: None,
    kills: &[],
    since: 1,
    plan: |_| {},
    judge: |_| Err("the case has no judge".to_owned()),
    property: None,
    waives: &[],
};

impl Case {
    /// Returns the part of the id before the dot.
    pub fn area(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(area, _)| area)
    }

    /// Returns its name where a dot will not do.
    pub fn slug(&self) -> String {
        self.id.replace('.', "-")
    }

    /// Returns where the catalogue tells of it.
    pub fn anchor(&self) -> String {
        format!("catalogue.html#{}", self.slug())
    }

    /// Says why it is not for a pool, if it is not.
    pub fn not_for(&self, description: &Description) -> Option<String> {
        let missing: Vec<String> = self
            .all_needs()
            .into_iter()
            .filter(|capability| !description.capabilities.contains(capability))
            .map(Capability::word)
            .collect();
        if !missing.is_empty() {
            return Some(format!("the pool has not: {}", missing.join(", ")));
        }
        let only = self.only.filter(|only| !(only.holds)(&description.policies))?;
        Some(format!("it is for pools where {}", only.words))
    }

    /// Returns what is done.
    pub fn planned(&self) -> Plan {
        let mut plan = Plan::default();
        (self.plan)(&mut plan);
        plan
    }

    /// Returns what the adapter does of it.
    pub fn scenario(&self) -> Scenario {
        self.planned().scenario(self.id)
    }

    /// Whether its plan makes use of a capability, so that an adapter sees it.
    pub fn shows(&self, capability: Capability) -> bool {
        self.scenario().needs().contains(&capability)
    }

    /// Returns what it says that it needs, and what its plan shows.
    pub fn all_needs(&self) -> BTreeSet<Capability> {
        let shown = self.scenario().needs();
        shown.into_iter().chain(self.needs.iter().copied()).collect()
    }
}
