//! What has changed from one file of results to another.
//!
//! Owns what counts as a regression. Runs belong together by their adapter's command, and if a file has
//! several of it the last one counts. A requirement that
//! held and of which nothing is said any more is a loss, too: a run of a part of the suite, or an
//! adapter that is left out, must not look like success.

use std::collections::BTreeMap;
use std::fmt;

use super::results::{CaseResult, Results, Run, Verdict};

/// What has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// What was seen to hold and is not any more.
    pub regressions: Vec<Change>,
    /// What is seen to hold and was not.
    pub improvements: Vec<Change>,
    /// What was not seen to hold before nor after, but for another reason.
    pub others: Vec<Change>,
    /// What was not there.
    pub new: Vec<Change>,
    /// What is not there any more.
    pub removed: Vec<Change>,
}

/// A case of a run that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the run is called.
    pub run: String,
    /// The case.
    pub case: String,
    /// What was said of it, if it was there.
    pub before: Option<Verdict>,
    /// What is said of it, if it is there.
    pub after: Option<Verdict>,
    /// Whether it held before, and not only at times.
    pub held: bool,
    /// Whether it holds now, and not only at times.
    pub holds: bool,
    /// Why.
    pub observation: String,
}

impl Diff {
    /// Compares.
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

    /// Returns how many requirements that held are not seen to hold any more, those of which nothing is
    /// said any more among them.
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

/// Keeps what an adapter has said from steering the terminal.
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
