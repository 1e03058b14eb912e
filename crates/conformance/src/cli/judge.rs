//! `conformance run`.

use std::path::PathBuf;

use clap::{Args, value_parser};

use crate::case::Tier;
use crate::run::{Adapter, Limits};
use crate::suite::{Program, Runner};

/// The folder for results and failures, below the current one.
const FOLDER: &str = "conformance";

#[derive(Debug, Args)]
pub(super) struct Judge {
    /// The adapter, as a shell command without `describe` or `run`
    adapter: String,
    /// Only cases whose name contains this: an area (`init`), or a part of a name
    filter: Option<String>,
    /// Only the case of this whole name
    #[arg(long, requires = "filter")]
    exact: bool,
    /// Leave out the cases whose name contains this; may be given several times
    #[arg(long, value_name = "PART")]
    skip: Vec<String>,
    /// The cases: the usual ones, those that take minutes, or both
    #[arg(long, value_enum, default_value = "usual")]
    tier: Tier,
    /// How many cases run at a time [default: two for each CPU]
    #[arg(short, long, value_name = "NUMBER", value_parser = value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// The file of known failures
    #[arg(long, value_name = "FILE")]
    expectations: Option<PathBuf>,
    /// Accept the failures of this run as known, in the file of --expectations
    #[arg(long, requires = "expectations")]
    bless: bool,
    /// The file for the results, also of a part of the cases [default: conformance/results.json]
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Carry out this scenario, a file that a failure has left, instead of the cases
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filter", "bless", "results"])]
    scenario: Option<PathBuf>,
}

impl Judge {
    pub(super) fn run(self) -> Result<bool, String> {
        if self.adapter.trim().is_empty() {
            return Err("the adapter is an empty command".to_owned());
        }
        if let Some(file) = self.expectations.as_ref().filter(|file| !self.bless && !file.exists())
        {
            return Err(format!("there is no {}; --bless makes it", file.display()));
        }
        let folder = std::env::current_dir();
        let folder = folder.map_err(|error| format!("the current folder: {error}"))?;
        let arguments = libtest_mimic::Arguments {
            filter: self.filter,
            exact: self.exact,
            skip: self.skip,
            test_threads: self.jobs.map(usize::from),
            ..libtest_mimic::Arguments::default()
        };
        let program = Program {
            arguments,
            adapters: vec![Adapter { command: self.adapter, folder }],
            expectations: self.expectations.unwrap_or_default(),
            bless: self.bless,
            scenario: self.scenario,
            results: self.results,
            tier: self.tier,
            folder: PathBuf::from(FOLDER),
            must_run: true,
            limits: Limits::from_environment()?,
            runner: Runner::Command,
        };
        program.run()
    }
}
