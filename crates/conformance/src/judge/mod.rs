//! Judges: pure functions over what happened.
//!
//! A run is judged by its case and by the [`RULES`], which hold for every run of every pool. Each is a
//! checker with a name, so that one can be left out and its absence be seen.

mod rules;

pub use rules::{RULES, Rule};

use crate::case::Case;
use crate::history::{End, History};

/// The name of the checker that finds runs which come to no end.
pub const PROGRESS: &str = "progress";

/// The name of the checker that is the case's own.
pub const OWN: &str = "case";

/// What a checker has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name: [`PROGRESS`], [`OWN`] or a rule's.
    pub checker: &'static str,
    /// What the pool did.
    pub complaint: String,
}

/// Returns what all checkers find in a run of `case`, the most telling first. Nothing: the pool passes.
pub fn judge(case: &Case, history: &History) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(stuck) = &history.stuck {
        // What else such a run shows is a consequence.
        let complaint = match history.end {
            End::Exit(code) => format!("{stuck}; the program ended with code {code}"),
            End::Signal(signal) => format!("{stuck}; the program was ended by signal {signal}"),
            End::Hung | End::KilledByCase => stuck.clone(),
        };
        return vec![Found { checker: PROGRESS, complaint }];
    }
    if let Err(complaint) = (case.judge)(history) {
        found.push(Found { checker: OWN, complaint });
    }
    for rule in RULES.iter().filter(|rule| !rule.waiver.is_some_and(|it| case.waives.contains(&it)))
    {
        if let Err(complaint) = (rule.check)(history) {
            found.push(Found {
                checker: rule.name,
                complaint: format!("{}: {complaint}", rule.says),
            });
        }
    }
    found
}
