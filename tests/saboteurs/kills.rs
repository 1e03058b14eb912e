//! The file of the kill matrix: for each saboteur the cases that find it, by which checkers, with which
//! message; and the book's page of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use libtest_mimic::Failed;
use procpool_adapter::saboteurs;
use procpool_conformance::cases;
use procpool_conformance::judge::{Found, MOST_COMPARED, OWN, PROGRESS, RULES, alike};
use procpool_testkit::program;
use serde::{Deserialize, Serialize};

use crate::without;

/// Returns a link to the entry of a case in the catalogue.
pub(crate) fn link(case: &str) -> String {
    let slug = cases::find(case).map_or(String::new(), |case| case.slug());
    format!("[{case}](catalogue.md#{slug})")
}

/// See the module's header.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Kills(BTreeMap<String, Vec<Kill>>);

/// How a case finds a saboteur.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kill {
    case: String,
    /// The checkers with a finding. Without all of them, the case would pass.
    checkers: BTreeSet<String>,
    /// The message of the first one, without numbers.
    says: String,
}

impl Kill {
    pub(crate) fn of(case: &str, found: &[Found]) -> Self {
        Self {
            case: case.to_owned(),
            checkers: found.iter().map(|found| found.checker.to_owned()).collect(),
            says: found.first().map(Found::gist).unwrap_or_default(),
        }
    }

    /// Whether it is as expected: found by an expected checker, with a message that begins alike.
    pub(crate) fn compare(&self, expected: Option<&Self>) -> Result<(), Failed> {
        let Some(expected) = expected else {
            return Err(format!(
                "kills.toml does not say how {} finds it; seen: {self:?}",
                self.case
            )
            .into());
        };
        let by = self.checkers.is_subset(&expected.checkers);
        if by && alike(&self.says, &expected.says) {
            return Ok(());
        }
        Err(format!("expected {expected:?}\nseen     {self:?}").into())
    }
}

impl Kills {
    fn file() -> PathBuf {
        program::root().join("crates/conformance/kills.toml")
    }

    pub(crate) fn read() -> Result<Self, String> {
        let file = Self::file();
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    pub(crate) fn get(&self, saboteur: &str, case: &str) -> Option<&Kill> {
        self.0.get(saboteur)?.iter().find(|kill| kill.case == case)
    }

    pub(crate) fn add(&mut self, saboteur: &str, kill: Kill) {
        let kills = self.0.entry(saboteur.to_owned()).or_default();
        kills.push(kill);
        kills.sort();
    }

    /// Returns the file's contents with the `seen` parts replaced. A run of some trials has not seen the
    /// others; entries of cases that no longer exist are removed.
    pub(crate) fn with(&self, seen: &Self) -> Self {
        let mut all = seen.clone();
        for (saboteur, kills) in &self.0 {
            for kill in kills.iter().filter(|kill| seen.get(saboteur, &kill.case).is_none()) {
                let case = cases::find(&kill.case);
                if case.is_some_and(|case| case.kills.contains(&saboteur.as_str())) {
                    all.add(saboteur, kill.clone());
                }
            }
        }
        all
    }

    /// Writes the file and the book's page.
    pub(crate) fn write(&self) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        let page = program::root().join("book/src/saboteurs.md");
        for (file, text) in [(Self::file(), text), (page, self.page())] {
            std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(())
    }

    /// The page of the book.
    fn page(&self) -> String {
        let kills: usize = self.0.values().map(Vec::len).sum();
        let mut page = format!(
            "# Saboteurs\n\nHow do we know that a case can fail at all? The suite judges {} pools that each \
             misbehave in exactly one way. This page lists, for each of them, the cases that must catch it \
             ({kills} in all), the checkers that do, and their messages. One more pool is honest, and passes \
             wherever another one fails. `cargo test --test saboteurs -- --include-ignored` runs them all.\n\n\
             A checker is the case's own (`case`), or a rule for every run. In messages, `#` is a number that \
             differs from run to run, and `…` is a cut.\n",
            self.0.len()
        );
        for saboteur in saboteurs::all().iter().filter(|it| self.0.contains_key(it.name)) {
            let _ = write!(
                page,
                "\n## {}\n\n{}\n\n| found by | checker | which says |\n| --- | --- | --- |\n",
                saboteur.name, saboteur.does
            );
            for kill in &self.0[saboteur.name] {
                let checkers: Vec<&str> = kill.checkers.iter().map(String::as_str).collect();
                let says = kill
                    .says
                    .replace(|it: char| it.is_control() || it == '|', " ")
                    .replace('`', "'")
                    .replace('<', "&lt;");
                let says =
                    says.replace('"', "'").replace('[', "(").replace(']', ")").replace('*', "");
                let _ = writeln!(
                    page,
                    "| {} | {} | {} |",
                    link(&kill.case),
                    checkers.join(", "),
                    if kill.says.chars().count() == MOST_COMPARED { says + "…" } else { says }
                );
            }
        }
        page + &without::section()
    }

    /// Whether the file is complete, and the book's page matches it.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        for (saboteur, kills) in &self.0 {
            for kill in kills {
                let case =
                    cases::find(&kill.case).ok_or_else(|| format!("there is no {}", kill.case))?;
                if !case.kills.contains(&saboteur.as_str()) {
                    return Err(format!("{} is not there for {saboteur}", kill.case).into());
                }
                if kill.checkers.is_empty() {
                    return Err(format!("{saboteur} in {}: found by nothing", kill.case).into());
                }
            }
        }
        let page = std::fs::read_to_string(program::root().join("book/src/saboteurs.md"));
        if page.unwrap_or_default() == self.page() {
            return Ok(());
        }
        Err("the book's page is an older one; CONFORMANCE_BLESS=1 writes it".into())
    }

    /// Whether every checker has a saboteur that only it finds: without it, that one passes.
    pub(crate) fn each_is_missed(&self) -> Result<(), Failed> {
        let mut checkers: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        checkers.extend([OWN, PROGRESS]);
        for kill in self.0.values().flatten() {
            if let (1, Some(only)) = (kill.checkers.len(), kill.checkers.first()) {
                checkers.remove(only.as_str());
            }
        }
        match checkers.is_empty() {
            true => Ok(()),
            false => Err(format!("{checkers:?} have no saboteur of their own").into()),
        }
    }
}
