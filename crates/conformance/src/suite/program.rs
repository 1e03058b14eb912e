//! One run of the suite: what `conformance run` and the test program of this workspace do.
//!
//! Owns what is printed, which files are written, and when a run has failed. Knows neither command lines nor
//! environment variables.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use libtest_mimic::Arguments;

use super::column::{Column, Runner};
use super::{Setting, bless, file, is_whole, nothing_ran, replay, run, summary};
use crate::case::Tier;
use crate::cases;
use crate::run::{Adapter, Limits};

/// How many times longer a scenario may take in the tier for that.
const SOAK: u32 = 10;

/// The configuration of a run.
#[derive(Debug, Clone)]
pub struct Program {
    /// The selection of cases, and how many run at a time.
    pub arguments: Arguments,
    /// The adapters of the pools.
    pub adapters: Vec<Adapter>,
    /// The file of known failures, or a folder with a file for each pool. Empty if no failure is known.
    pub expectations: PathBuf,
    /// Whether failures are accepted as known.
    pub bless: bool,
    /// A file with a scenario to carry out instead of the cases.
    pub scenario: Option<PathBuf>,
    /// The file for the results. Without one, those of all cases are in the `folder`.
    pub results: Option<PathBuf>,
    /// The folder for results and for the files of failures.
    pub folder: PathBuf,
    /// Whether a selection without a case is an error.
    pub must_run: bool,
    /// The tier of the cases.
    pub tier: Tier,
    /// The time limits.
    pub limits: Limits,
    /// The command that runs the suite.
    pub runner: Runner,
}

impl Program {
    /// Judges the pools, and prints the results. Returns whether every case ended as expected.
    ///
    /// # Errors
    ///
    /// The adapter has no description, nothing was selected, or a file cannot be read or written.
    pub fn run(mut self) -> Result<bool, String> {
        let columns = self.adapters.iter().map(|adapter| {
            let column = Column::of(adapter.clone(), &self.expectations, self.limits);
            Column { runner: self.runner, tier: self.tier, ..column }
        });
        let columns: Vec<Column> = columns.collect();
        if let Some(file) = &self.scenario {
            let replayed = replay(file, &columns, self.limits)?;
            print!("{}", replayed.text);
            return Ok(replayed.complaints == 0);
        }
        if self.tier.includes(Tier::Soak) {
            self.limits.whole *= SOAK;
        }
        // Where there is one pool, the name of a case is whole.
        if let (true, [column], Some(filter)) =
            (self.arguments.exact, columns.as_slice(), &mut self.arguments.filter)
            && cases::find(filter).is_some()
        {
            *filter = column.trial_name(filter);
        }
        // A file with results of several pools also has the files of their failures: two columns may have
        // one name.
        let failures = match &self.results {
            Some(file) => file.with_extension("failures"),
            None => self.folder.join("failures"),
        };
        let began = SystemTime::now();
        let setting = Setting { limits: self.limits, failures, bless: self.bless };
        let (conclusion, results) = run(&self.arguments, columns, &setting)?;
        if self.arguments.list {
            return Ok(true);
        }
        // A filter may leave out the trial that reports it, and such a column has no other.
        let dead = results.iter().find_map(|(column, _)| column.description.as_ref().err());
        if let Some(fault) = dead.filter(|_| !conclusion.has_failed()) {
            return Err(fault.to_string());
        }
        print!("{}", summary(&self.arguments, &results));
        if let Some(text) = nothing_ran(&self.arguments, &conclusion, &results) {
            if self.must_run {
                return Err(text);
            }
            eprintln!("warning: {text}");
        }
        if self.bless {
            for blessed in bless(&results)? {
                print!("{blessed}");
            }
        }
        // A part of the cases is not a result of a pool, unless a file is requested.
        let usual = is_whole(&self.arguments).then(|| self.folder.join("results.json"));
        if let Some(place) = self.results.or(usual) {
            write(&place, &file(&results, began)?.to_json())?;
            println!("results: {}", place.display());
        }
        Ok(!conclusion.has_failed())
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(file, text));
    written.map_err(|error| format!("{}: {error}", file.display()))
}
