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

/// The most letters of a complaint that are compared. What follows is what happened to be there.
pub const MOST_COMPARED: usize = 100;

impl Found {
    /// Returns the complaint as it can be compared with that of another run: each number, be it of a process,
    /// of a time or of a task, is `#`.
    pub fn gist(&self) -> String {
        let mut plain = String::new();
        for letter in self.complaint.chars() {
            match letter {
                '0'..='9' if plain.ends_with('#') => {}
                '0'..='9' => plain.push('#'),
                letter => plain.push(letter),
            }
        }
        plain.chars().take(MOST_COMPARED).collect()
    }
}

/// Whether two complaints begin alike, up to the first number: what a race decides comes after it.
pub fn alike(one: &str, other: &str) -> bool {
    let begin = |text: &str| text.chars().take_while(|it| *it != '#').collect::<String>();
    begin(one) == begin(other)
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
