//! The suite: cases × adapters as trials of a test program, and their results.
//!
//! ```text
//! describe each adapter ─▶ trials `COLUMN::case.id` ─▶ run, judge ─▶ Verdict ─▶ failure text, results
//! ```
//!
//! Unsupported cases are sorted out before anything runs, so that a trial never passes by doing nothing.
//! An adapter without a description is a failing trial, never a missing one.

mod column;
mod expectations;
mod failure;
mod names;
mod program;
mod record;
mod replay;
mod summary;
mod verdict;

pub use column::{Column, Fate, Runner};
pub use expectations::{Blessed, Expectations, Known, Observed};
pub use names::Names;
pub use program::Program;
pub use record::file;
pub use replay::{Replay, Replayed};
pub use summary::{is_whole, nothing_ran, summary};
pub use verdict::{Result, Verdict};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};

use crate::case::Case;
use crate::judge::Found;
use crate::mapped;
use crate::run::{Limits, Ran};

/// The results of a column's cases, in the order of the catalogue, without those that were not run.
pub type Results = Vec<(Column, Vec<Result>)>;

/// The configuration of the suite.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its time limits.
    pub limits: Limits,
    /// The folder for the files of failures.
    pub failures: PathBuf,
    /// Whether failures are accepted as known, so that none is unexpected.
    pub bless: bool,
}

/// How many trials run in parallel for each CPU: a case spends at least half its time waiting.
const TRIALS_PER_CPU: usize = 2;

/// Runs the trials on `columns` that `arguments` select.
///
/// # Errors
///
/// They ask for zero threads.
pub fn run(
    arguments: &Arguments,
    columns: Vec<Column>,
    setting: &Setting,
) -> std::result::Result<(Conclusion, Results), String> {
    if arguments.test_threads == Some(0) {
        return Err("--test-threads is 0, so nothing would ever run; give it 1 or more".to_owned());
    }
    if is_whole(arguments) && !arguments.list {
        columns.iter().for_each(|column| failure::forget_all(column, &setting.failures));
    }
    let columns: Vec<Arc<Column>> = columns.into_iter().map(Arc::new).collect();
    let found: Arc<Mutex<Vec<(usize, Result)>>> = Arc::default();
    let mut trials = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        for fate in column.fates() {
            match fate {
                Fate::Run(case) => {
                    let (column, found) = (Arc::clone(column), Arc::clone(&found));
                    let setting = setting.clone();
                    let name = column.trial_name(case.id);
                    let known = column.expectations.of(case.id).map_or("", |_| "known to fail");
                    let trial = Trial::test(name, move || {
                        failure::forget(&column, &case, &setting.failures);
                        let result = column.judge(&case, setting.limits);
                        let text = failure::text(&column, &case, &result, &setting.failures);
                        let is_blessed = setting.bless
                            && matches!(
                                result.verdict,
                                Verdict::Failed(_) | Verdict::Unexpected(_)
                            );
                        found.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                        text.filter(|_| !is_blessed).map_or(Ok(()), |text| Err(Failed::from(text)))
                    });
                    trials.push(trial.with_kind(known));
                }
                Fate::NotFor(case, reason) => {
                    let result = Result::of(&case, Verdict::Unsupported(reason));
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
                Fate::Fault(name, fault) => {
                    trials.push(Trial::test(column.trial_name(&name), move || {
                        Err(fault.to_string().into())
                    }));
                }
            }
        }
    }
    let mut arguments = arguments.clone();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.test_threads.get_or_insert(TRIALS_PER_CPU * cpus);
    let conclusion = libtest_mimic::run(&arguments, trials);
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    let order: Vec<&str> = crate::cases::all().iter().map(|case| case.id).collect();
    let results = columns.iter().enumerate().map(|(index, column)| {
        let of_column = found.iter().filter(|(of, _)| *of == index);
        let mut results: Vec<Result> = of_column.map(|(_, result)| result.clone()).collect();
        results.extend(column.dead_results());
        results.sort_by_key(|result| order.iter().position(|id| *id == result.case));
        (Column::clone(column), results)
    });
    Ok((conclusion, results.collect()))
}

/// Accepts the failures as known, in the file of each column. Returns the changes of each.
///
/// # Errors
///
/// A file cannot be written.
pub fn bless(results: &Results) -> std::result::Result<Vec<Blessed>, String> {
    let mut blessed = Vec::new();
    for (column, results) in results.iter().filter(|(column, _)| column.description.is_ok()) {
        let mut failed = BTreeMap::new();
        let mut passed = Vec::new();
        for result in results {
            match &result.verdict {
                Verdict::Failed(found) => {
                    failed.insert(result.case, observed(result, found));
                }
                Verdict::Passed | Verdict::ThisTime(_) | Verdict::Unexpected(_) => {
                    passed.push(result.case);
                }
                // A fault of the adapter is never a known failure.
                Verdict::AdapterError(_) | Verdict::Expected(_) | Verdict::Unsupported(_) => {}
            }
        }
        blessed.push(column.expectations.bless(&passed, &failed)?);
    }
    Ok(blessed)
}

fn observed(result: &Result, found: &[Found]) -> Observed {
    let first = found.first().map_or("", |found| found.complaint.as_str());
    let history = result.history.as_ref();
    Observed {
        reason: history.map_or(first.to_owned(), |history| history.without_pids(first)),
        gist: found.first().map(Found::gist).unwrap_or_default(),
    }
}

/// Carries out the scenario in `file` on each column; returns the events and the number of complaints.
///
/// # Errors
///
/// The file is invalid, or an adapter did not fulfil the contract.
pub fn replay(
    file: &Path,
    columns: &[Column],
    limits: Limits,
) -> std::result::Result<Replayed, String> {
    let replay = Replay::read(file)?;
    let case: Case = replay.case();
    let mut replayed = Replayed::default();
    for column in columns {
        let description = column.description.as_ref().map_err(ToString::to_string)?;
        let (scenario, script) = (&replay.scenario, &replay.script);
        match mapped::carry_out(&column.adapter, description, scenario, script, limits) {
            Ran::History(history) => {
                let timeline = crate::timeline::text(&history);
                replayed.text += &format!("{}:\n{timeline}", column.name);
                for found in crate::judge::judge(&case, &history) {
                    replayed.text += &format!("✗ {} ({})\n", found.complaint, found.checker);
                    replayed.complaints += 1;
                }
            }
            Ran::Inexpressible(reason) => {
                replayed.text += &format!("{}: not expressible {reason}\n", column.name)
            }
            Ran::Fault(fault) => return Err(fault.to_string()),
        }
    }
    Ok(replayed)
}
