//! Judges: pure functions over a history.
//!
//! A run is judged by its case and by the [`RULES`] for every run of every pool. Each is a checker with a
//! name, so that a test can leave one out and show that it is missed.

mod answers;
mod rules;

pub use rules::{RULES, Rule};

use crate::case::Case;
use crate::history::{End, History};

/// The name of the checker for runs that do not end.
pub const PROGRESS: &str = "progress";

/// The name of the checker of the case itself.
pub const OWN: &str = "case";

/// The finding of a checker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name: [`PROGRESS`], [`OWN`] or a rule's.
    pub checker: &'static str,
    /// The pool's violation.
    pub complaint: String,
}

/// The number of characters of a complaint that are compared. The rest varies from run to run.
pub const MOST_COMPARED: usize = 100;

impl Found {
    /// Returns the complaint in a form that can be compared with that of another run: each number, whether
    /// a pid, a time or a task, is `#`.
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

/// Whether two complaints are equal up to the first number: the text after it depends on races.
pub fn alike(one: &str, other: &str) -> bool {
    let begin = |text: &str| text.chars().take_while(|it| *it != '#').collect::<String>();
    begin(one) == begin(other)
}

/// Returns the findings of all checkers for a run of `case`, the most informative first. If there are
/// none, the pool passes.
pub fn judge(case: &Case, history: &History) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(stuck) = &history.stuck {
        // Any other finding of such a run is a consequence.
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
