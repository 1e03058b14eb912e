//! The changes from one file of results to another.
//!
//! Owns the definition of a regression. Runs are matched by their adapter's command; if a file has several
//! runs of it, the last one counts. A requirement that held and is no longer reported is a loss, too: a
//! run of a part of the suite, or without an adapter, must not look like success.

use std::collections::BTreeMap;
use std::fmt;

use super::results::{CaseResult, Results, Run, Verdict};

/// The changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Requirements that held and do not hold any more.
    pub regressions: Vec<Change>,
    /// Requirements that did not hold and now do.
    pub improvements: Vec<Change>,
    /// Requirements that held neither before nor after, for different reasons.
    pub others: Vec<Change>,
    /// New cases.
    pub new: Vec<Change>,
    /// Removed cases.
    pub removed: Vec<Change>,
}

/// A case of a run that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The name of the run.
    pub run: String,
    /// The case.
    pub case: String,
    /// The old verdict, if there was one.
    pub before: Option<Verdict>,
    /// The new verdict, if there is one.
    pub after: Option<Verdict>,
    /// Whether it held before, in every run.
    pub held: bool,
    /// Whether it holds now, in every run.
    pub holds: bool,
    /// The reason.
    pub observation: String,
}

impl Diff {
    /// Compares two files.
    pub fn of(old: &Results, new: &Results) -> Self {
        let mut diff = Self::default();
        let after: BTreeMap<&str, &Run> =
            new.runs.iter().map(|run| (run.adapter.as_str(), run)).collect();
        let before: BTreeMap<&str, &Run> =
            old.runs.iter().map(|run| (run.adapter.as_str(), run)).collect();
        let counts =
            |all: &BTreeMap<&str, &Run>, run: &Run| std::ptr::eq(all[run.adapter.as_str()], run);
        for run in old.runs.iter().filter(|run| counts(&before, run)) {
            let other = after.get(run.adapter.as_str()).copied();
            let name = other.filter(|other| other.description.is_some()).unwrap_or(run).name();
            diff.runs(&name, Some(run), other);
        }
        let is_new = |run: &&Run| !before.contains_key(run.adapter.as_str()) && counts(&after, run);
        for run in new.runs.iter().filter(is_new) {
            diff.runs(&run.name(), None, Some(run));
        }
        diff
    }

    fn runs(&mut self, name: &str, old: Option<&Run>, new: Option<&Run>) {
        let cases = |run: Option<&'_ Run>| -> BTreeMap<String, CaseResult> {
            let cases = run.into_iter().flat_map(|run| &run.cases);
            cases.map(|case| (case.id.clone(), case.clone())).collect()
        };
        let (before, after) = (cases(old), cases(new));
        let gone = match new {
            None => "the run is gone",
            Some(_) => "the case is gone",
        };
        for (id, was) in &before {
            let is = after.get(id);
            let observation = is.map_or_else(|| gone.to_owned(), |is| is.observation.clone());
            if is.is_some_and(|is| (is.verdict, is.at_times) == (was.verdict, was.at_times)) {
                continue;
            }
            self.push(Change {
                run: name.to_owned(),
                case: id.clone(),
                before: Some(was.verdict),
                after: is.map(|is| is.verdict),
                held: was.holds(),
                holds: is.is_some_and(CaseResult::holds),
                observation,
            });
        }
        for (id, is) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
            self.push(Change {
                run: name.to_owned(),
                case: id.clone(),
                before: None,
                after: Some(is.verdict),
                held: false,
                holds: is.holds(),
                observation: is.observation.clone(),
            });
        }
    }

    fn push(&mut self, change: Change) {
        let list = match (change.before, change.after) {
            (None, _) => &mut self.new,
            (_, None) => &mut self.removed,
            (Some(_), Some(_)) => match (change.held, change.holds) {
                (true, false) => &mut self.regressions,
                (false, true) => &mut self.improvements,
                _ => &mut self.others,
            },
        };
        list.push(change);
    }

    /// Returns how many requirements that held do not hold any more, including those that are no longer
    /// reported.
    pub fn losses(&self) -> usize {
        let lost = self.removed.iter().filter(|change| change.lost());
        self.regressions.len() + lost.count()
    }
}

impl Change {
    fn lost(&self) -> bool {
        self.held && self.after.is_none()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |verdict: Option<Verdict>| {
            verdict.map_or_else(|| "nothing".to_owned(), |verdict| verdict.label())
        };
        write!(
            f,
            "{} · {}: {} → {}",
            plain(&self.run),
            plain(&self.case),
            word(self.before),
            word(self.after)
        )?;
        match self.observation.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => write!(f, " ({})", plain(line.trim())),
            None => Ok(()),
        }
    }
}

/// Keeps the texts of an adapter from controlling the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("regressions", &self.regressions),
            ("improvements", &self.improvements),
            ("other changes", &self.others),
            ("new", &self.new),
            ("removed", &self.removed),
        ];
        for (title, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(f, "{title} ({}):", list.len())?;
            for change in *list {
                writeln!(f, "  {change}")?;
            }
        }
        let losses = self.losses();
        match losses {
            0 if lists.iter().all(|(_, list)| list.is_empty()) => {
                writeln!(f, "nothing has changed")
            }
            0 => writeln!(f, "nothing that held was lost"),
            1 => writeln!(f, "1 requirement that held was lost"),
            _ => writeln!(f, "{losses} requirements that held were lost"),
        }
    }
}
