//! The suite: cases × adapters as trials of a test program, and what comes of them.
//!
//! ```text
//! describe each adapter ─▶ trials `COLUMN::case.id` ─▶ run, judge ─▶ Verdict ─▶ failure text, results
//! ```
//!
//! What a pool cannot do is decided before anything runs, so that a trial never passes by doing
//! nothing. An adapter that cannot be described is a failing trial, never a missing one.

mod column;
mod failure;
mod names;
mod verdict;

pub use column::{Column, Fate};
pub use names::Names;
pub use verdict::{Result, Verdict};

use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};

use crate::run::Limits;

/// What came of all trials that have run, in the order of the catalogue.
pub type Results = Vec<(Column, Vec<Result>)>;

/// Runs the trials that `arguments` ask for on `columns`.
pub fn run(arguments: &Arguments, columns: Vec<Column>, limits: Limits) -> (Conclusion, Results) {
    let columns: Vec<Arc<Column>> = columns.into_iter().map(Arc::new).collect();
    let found: Arc<Mutex<Vec<(usize, Result)>>> = Arc::default();
    let mut trials = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        for fate in column.fates() {
            match fate {
                Fate::Run(case) => {
                    let (column, found) = (Arc::clone(column), Arc::clone(&found));
                    let name = column.trial_name(case.id);
                    trials.push(Trial::test(name, move || {
                        let result = column.judge(&case, limits);
                        let text = failure::text(&column, &result);
                        let mut found =
                            found.lock().map_err(|_| Failed::from("a trial panicked"))?;
                        found.push((index, result));
                        text.map_or(Ok(()), |text| Err(text.into()))
                    }));
                }
                Fate::NotFor(case, reason) => {
                    let result = Result::of(&case, Verdict::Unsupported(reason));
                    if let Ok(mut found) = found.lock() {
                        found.push((index, result));
                    }
                }
                Fate::Fault(name, fault) => {
                    trials.push(Trial::test(column.trial_name(&name), move || {
                        Err(fault.to_string().into())
                    }));
                }
            }
        }
    }
    let conclusion = libtest_mimic::run(arguments, trials);
    let found = found.lock().map(|found| found.clone()).unwrap_or_default();
    let results = columns.iter().enumerate().map(|(index, column)| {
        let of_column = found.iter().filter(|(of, _)| *of == index);
        let mut results: Vec<Result> = of_column.map(|(_, result)| result.clone()).collect();
        results.extend(column.dead_results());
        let order: Vec<&str> = crate::cases::all().iter().map(|case| case.id).collect();
        results.sort_by_key(|result| order.iter().position(|id| *id == result.case));
        (Column::clone(column), results)
    });
    let results = results.collect();
    (conclusion, results)
}
