//! Known failures of a pool, each with its reason: a file for each adapter.
//!
//! ```toml
//! ["shutdown.second-is-honoured"]
//! reason = "The second call returns at once."
//! link = "https://github.com/python/cpython/issues/…"
//! shown_by = "a_program_without_the_suite.py"
//! at_times = "Which of two threads is first decides it."
//! observed = "\"shutdown p #\" returned before"
//! ```
//!
//! A failure that differs from `observed` is another one, and not known. A known failure that passes is an
//! error, and so is one of a case that does not exist: the file never claims more than is true. Only if
//! the outcome depends on a race of the pool, which `at_times` then names, is neither outcome unexpected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cases;
use crate::judge::{Found, alike};

/// The file of an adapter.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    file: PathBuf,
    known: BTreeMap<String, Known>,
}

/// The reason why a case is known to fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// In one sentence.
    pub reason: String,
    /// The address of a report of it; empty if there is none.
    #[serde(default)]
    pub link: String,
    /// The file name of a program that reproduces the fault without the suite; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shown_by: String,
    /// The race of the pool that makes the case fail in one run and pass in another. Missing if it fails
    /// in every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_times: Option<String>,
    /// The symptom: the [gist](Found::gist) of the finding. Empty if any failure of the case is the known
    /// one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub observed: String,
}

/// A failure that was not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The observation, without the parts that differ from run to run.
    pub reason: String,
    /// The text by which it is recognised.
    pub gist: String,
}

/// The changes of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blessed {
    /// The file.
    pub file: PathBuf,
    /// The newly known failures.
    pub added: Vec<String>,
    /// The removed ones.
    pub removed: Vec<String>,
}

impl std::fmt::Display for Blessed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "known failures: {}", self.file.display())?;
        if self.added.is_empty() && self.removed.is_empty() {
            return writeln!(f, ", as it was");
        }
        writeln!(f)?;
        self.added.iter().try_for_each(|id| writeln!(f, "  + {id}"))?;
        self.removed.iter().try_for_each(|id| writeln!(f, "  - {id}"))
    }
}

impl Known {
    /// Returns the known failure that consists of an observation only.
    fn observed(observed: &Observed) -> Self {
        Self {
            reason: observed.reason.clone(),
            link: String::new(),
            shown_by: String::new(),
            at_times: None,
            observed: observed.gist.clone(),
        }
    }

    /// Returns whether the finding is the known one.
    pub(super) fn is(&self, found: &[Found]) -> bool {
        let first = found.first().map(Found::gist).unwrap_or_default();
        self.observed.is_empty() || alike(&self.observed, &first)
    }
}

impl Expectations {
    /// Reads the file of a pool: `place`, or if that is a folder the file in it that is named after the
    /// pool. A missing file expects no failure.
    ///
    /// # Errors
    ///
    /// It cannot be read, or names a case that does not exist, or gives no reason.
    pub(super) fn read(place: &Path, pool: &str) -> Result<Self, String> {
        let file =
            if place.is_dir() { place.join(format!("{pool}.toml")) } else { place.to_owned() };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        let known: BTreeMap<String, Known> =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        for (id, known) in &known {
            if cases::find(id).is_none() {
                return Err(format!("{}: there is no case \"{id}\"", file.display()));
            }
            if known.reason.trim().is_empty() {
                return Err(format!("{}: \"{id}\" has no reason", file.display()));
            }
            if known.at_times.as_ref().is_some_and(|race| race.trim().is_empty()) {
                let place = file.display();
                return Err(format!("{place}: \"{id}\" does not say which race its at_times is"));
            }
        }
        Ok(Self { file, known })
    }

    /// Its path, whether it exists or not.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the reason why a case is known to fail.
    pub fn of(&self, id: &str) -> Option<&Known> {
        self.known.get(id)
    }

    /// Rewrites the file: adds the `failed` cases, and removes the `passed` ones except those that fail at
    /// times. Removes a file without cases.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn bless(
        &self,
        passed: &[&str],
        failed: &BTreeMap<&str, Observed>,
    ) -> Result<Blessed, String> {
        let mut known = self.known.clone();
        let mut blessed = Blessed { file: self.file.clone(), ..Blessed::default() };
        for id in passed {
            if known.get(*id).is_some_and(|known| known.at_times.is_none()) {
                known.remove(*id);
                blessed.removed.push((*id).to_owned());
            }
        }
        for (id, observed) in failed {
            match known.get_mut(*id) {
                // A person wrote the reason; that person must review the new failure.
                Some(known) => known.observed = observed.gist.clone(),
                None => {
                    known.insert((*id).to_owned(), Known::observed(observed));
                }
            }
            blessed.added.push((*id).to_owned());
        }
        let written = if known.is_empty() {
            match fs::remove_file(&self.file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        } else {
            let text = toml::to_string(&known).map_err(|error| error.to_string())?;
            self.file
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&self.file, text))
        };
        written.map(|()| blessed).map_err(|error| format!("{}: {error}", self.file.display()))
    }
}
