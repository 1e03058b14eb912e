//! A case: one requirement, the plan that tests it, and its judge.

use std::collections::BTreeSet;

use procpool_contract::{Capability, Description, Policies, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::{Finding, History};
use crate::mapped::{Mapped, has_only_maps};
use crate::plan::Plan;

/// How strictly a pool must meet a requirement (RFC 2119).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// A must.
    Must,
    /// A should, unless the pool documents a reason against it.
    Should,
    /// Optional.
    May,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        })
    }
}

/// When a case is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tier {
    /// With every run: it takes seconds at most.
    Usual,
    /// When it is asked for: it may take minutes.
    Soak,
    /// As a request: the cases of both.
    All,
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Usual => "usual",
            Self::Soak => "soak",
            Self::All => "all",
        })
    }
}

impl Tier {
    /// Whether a case of the tier `of` is run when this one is requested.
    pub fn includes(self, of: Self) -> bool {
        self == Self::All || self == of
    }
}

/// See the module's header.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its permanent name: `AREA.SLUG`.
    pub id: &'static str,
    /// Its level.
    pub level: Level,
    /// One sentence: `The pool MUST …`.
    pub requirement: &'static str,
    /// The source of the requirement.
    pub source: &'static str,
    /// The rows of the list of behaviours that it covers.
    pub rows: &'static [&'static str],
    /// The capabilities that an adapter needs beyond the core tier.
    pub needs: &'static [Capability],
    /// When it is run.
    pub tier: Tier,
    /// The policy that it depends on, in words, and whether a pool has it.
    pub only: Option<Only>,
    /// The saboteurs that it must catch.
    pub kills: &'static [&'static str],
    /// The contract version that introduced it.
    pub since: u32,
    /// The steps and the script.
    pub plan: fn(&mut Plan),
    /// Whether the requirement held.
    pub judge: fn(&History) -> Finding,
    /// The kind of scenario that is drawn, if the case is a property; then plan and judge are those of the
    /// drawn scenario.
    pub property: Option<Kind>,
    /// The rules for every run that it breaks on purpose.
    pub waives: &'static [Waiver],
}

/// The kind of scenario that a property draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tasks and their futures, cancelled here and there.
    Futures,
    /// Maps.
    Maps,
    /// Tasks, some of which kill their worker.
    Deaths,
    /// Pools one after another, used in every way.
    Lives,
    /// The same with workers that retire.
    Retirements,
    /// Lives lived twice, to see whether the second time leaves more behind.
    Leftovers,
}

/// A policy that a case depends on.
#[derive(Debug, Clone, Copy)]
pub struct Only {
    /// In words: `worker_death is break`.
    pub words: &'static str,
    /// Whether the pool has it.
    pub holds: fn(&Policies) -> bool,
}

/// A rule for every run that a case breaks on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiver {
    /// The adapter ends with code 0.
    CleanEnd,
    /// No process of a run is left after it.
    Residue,
}

/// Defaults that most cases share. `id`, `requirement`, `plan` and `judge` have no sensible default and
/// are refused by the catalogue's check.
pub const CASE: Case = Case {
    id: "",
    level: Level::Must,
    requirement: "",
    source: "",
    rows: &[],
    needs: &[],
    tier: Tier::Usual,
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

    /// Returns its name in a form without a dot.
    pub fn slug(&self) -> String {
        self.id.replace('.', "-")
    }

    /// Returns the address of its entry in the catalogue.
    pub fn anchor(&self) -> String {
        format!("catalogue.html#{}", self.slug())
    }

    /// Returns the reason why it does not apply to a pool, if it does not.
    pub fn not_for(&self, description: &Description) -> Option<String> {
        let missing: Vec<String> = self
            .needs_of(description)
            .into_iter()
            .filter(|capability| !description.capabilities.contains(capability))
            .map(Capability::word)
            .collect();
        if !missing.is_empty() {
            return Some(format!("the pool lacks: {}", missing.join(", ")));
        }
        let only = self.only.filter(|only| !(only.holds)(&description.policies))?;
        Some(format!("it is for pools where {}", only.words))
    }

    /// Returns the plan.
    pub fn planned(&self) -> Plan {
        let mut plan = Plan::default();
        (self.plan)(&mut plan);
        plan
    }

    /// Returns the adapter's part of the plan.
    pub fn scenario(&self) -> Scenario {
        self.planned().scenario(self.id)
    }

    /// Whether its plan uses a capability, so that an adapter notices it.
    pub fn shows(&self, capability: Capability) -> bool {
        self.scenario().needs().contains(&capability)
    }

    /// Returns the capabilities that a pool needs for it. A pool that has only maps needs no `submit` if
    /// the case can be asked with maps.
    pub fn needs_of(&self, description: &Description) -> BTreeSet<Capability> {
        let futures = self.needs.contains(&Capability::Submit) || !has_only_maps(description);
        let plan = self.planned();
        match Mapped::of(&plan.scenario(self.id), plan.script()).filter(|_| !futures) {
            None => self.all_needs(),
            Some(mapped) => {
                mapped.scenario.needs().into_iter().chain(self.needs.iter().copied()).collect()
            }
        }
    }

    /// Returns the capabilities that it declares and those that its plan uses.
    pub fn all_needs(&self) -> BTreeSet<Capability> {
        let shown = self.scenario().needs();
        shown.into_iter().chain(self.needs.iter().copied()).collect()
    }
}
