//! Failures of a pool that are known, each with its reason: a file for each adapter.
//!
//! ```toml
//! ["shutdown.second-is-honoured"]
//! reason = "The second call returns at once."
//! link = "https://github.com/python/cpython/issues/…"
//! shown_by = "a_program_without_the_suite.py"
//! at_times = "Which of two threads is first decides it."
//! ```
//!
//! A known failure that passes is an error, and so is one of a case that does not exist: the file never
//! says more than is true. Only where a race of the pool decides, which `at_times` then names, is
//! neither outcome unexpected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cases;
use crate::contract::Description;

/// The file of an adapter.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    file: PathBuf,
    known: BTreeMap<String, Known>,
}

/// Why a case is known to fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// In a sentence.
    pub reason: String,
    /// Where more is said of it; empty if it is not known elsewhere.
    #[serde(default)]
    pub link: String,
    /// The file name of a program that shows the fault without the suite; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shown_by: String,
    /// Which race of the pool makes the case fail in one run and pass in another. Missing if it fails in
    /// every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_times: Option<String>,
}

impl Known {
    /// Returns what is known of a failure by no more than what was observed.
    fn observed(observed: &str) -> Self {
        Self {
            reason: observed.to_owned(),
            link: String::new(),
            shown_by: String::new(),
            at_times: None,
        }
    }
}

impl Expectations {
    /// Reads the file of a pool below `folder`; one that is not there expects no failure.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says something of a case that does not exist, or gives no reason.
    pub fn read(folder: &Path, description: &Description) -> Result<Self, String> {
        let file = folder.join(file_name(description));
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

    /// Where it is, or would be.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns why a case is known to fail.
    pub fn of(&self, id: &str) -> Option<&Known> {
        self.known.get(id)
    }

    /// Writes the file anew: what has `failed` is known from now on, by what was observed where no
    /// reason was given before; what is not among `judged` stays, and so does what fails at times. A
    /// file that says nothing goes.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn bless(&self, judged: &[&str], failed: &BTreeMap<String, String>) -> Result<(), String> {
        let mut known = self.known.clone();
        known.retain(|id, known| {
            known.at_times.is_some() || !judged.contains(&id.as_str()) || failed.contains_key(id)
        });
        for (id, observed) in failed {
            known.entry(id.clone()).or_insert_with(|| Known::observed(observed));
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
        written.map_err(|error| format!("{}: {error}", self.file.display()))
    }
}

/// Returns the name of a pool's file: `concurrent.futures spawn` is `concurrent.futures-spawn.toml`.
fn file_name(description: &Description) -> String {
    let plain = |text: &str| -> String {
        let keep =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        text.chars().map(|letter| if keep(letter) { letter } else { '-' }).collect()
    };
    format!("{}-{}.toml", plain(&description.implementation), plain(&description.start_method))
}
