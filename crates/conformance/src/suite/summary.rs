//! The summary of a run in words: the runner of the trials only knows passed and failed.

use std::collections::BTreeMap;

use libtest_mimic::{Arguments, Conclusion};

use super::Results;
use super::column::{Column, Runner};
use super::verdict::{Result, Verdict};
use crate::case::Case;
use crate::cases;

/// Whether all cases were selected.
pub fn is_whole(arguments: &Arguments) -> bool {
    arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.ignored
}

/// Returns a line for each column with its counts, and one with the reasons why cases did not run.
pub fn summary(arguments: &Arguments, results: &Results) -> String {
    results.iter().map(|(column, results)| of_column(arguments, column, results)).collect()
}

fn of_column(arguments: &Arguments, column: &Column, results: &[Result]) -> String {
    let Ok(description) = &column.description else { return String::new() };
    let asked = |result: &&Result| fits(arguments, &column.trial_name(result.case));
    let mut counts = [0_usize; 7];
    for result in results.iter().filter(asked) {
        counts[match &result.verdict {
            Verdict::Passed => 0,
            Verdict::Failed(_) => 1,
            Verdict::Expected(_) => 2,
            Verdict::ThisTime(_) => 3,
            Verdict::Unexpected(_) => 4,
            Verdict::AdapterError(_) => 5,
            Verdict::Unsupported(_) => 6,
        }] += 1;
    }
    let words = [
        "passed",
        "failed",
        "expected failures",
        "passed this time and fail at times",
        "unexpected passes",
        "adapter errors",
        "unsupported",
    ];
    let counted = counts.iter().zip(words).filter(|(count, _)| **count > 0);
    let counted: Vec<String> = counted.map(|(count, word)| format!("{count} {word}")).collect();
    let (pool, method) = (&description.implementation, &description.start_method);
    let name = format!("{pool} ({method})");
    let mut text = format!("{}: {}\n", name.escape_debug(), counted.join(", "));
    let mut lacking: BTreeMap<String, usize> = BTreeMap::new();
    for result in results.iter().filter(asked) {
        if let (Verdict::Unsupported(_), Some(case)) = (&result.verdict, cases::find(result.case)) {
            for word in case.needs_of(description).difference(&description.capabilities) {
                *lacking.entry(word.word()).or_default() += 1;
            }
        }
    }
    if !lacking.is_empty() {
        let lacking: Vec<String> =
            lacking.iter().map(|(word, count)| format!("{word} ({count})")).collect();
        text += &format!("  not declared, with the number of cases: {}\n", lacking.join(", "));
    }
    text
}

/// Returns the reason why no case ran, if none did.
pub fn nothing_ran(
    arguments: &Arguments,
    conclusion: &Conclusion,
    results: &Results,
) -> Option<String> {
    if conclusion.num_passed + conclusion.num_failed > 0 {
        return None;
    }
    let mut text = "no case was run".to_owned();
    if let Some(filter) = &arguments.filter {
        text += &format!("; asked for was {filter:?}");
    }
    let fitting = |(column, results): &(Column, Vec<Result>)| {
        let names = results.iter().map(|result| column.trial_name(result.case));
        names.filter(|name| fits(arguments, name)).count()
    };
    match results.iter().map(fitting).sum::<usize>() {
        0 => {}
        count => text += &format!(", and the cases that fit, {count}, are not for this pool"),
    }
    if let (true, Some(filter)) = (arguments.exact, &arguments.filter) {
        let columns = results.iter().map(|(column, _)| column.trial_name(filter));
        let named: Vec<String> = columns.filter(|_| cases::find(filter).is_some()).collect();
        if !named.is_empty() {
            text += &format!("; with --exact the name is whole: {}", named.join(", "));
        }
    }
    let is_elsewhere = |case: &&Case| {
        results.iter().any(|(column, _)| {
            !column.tier.includes(case.tier) && fits(arguments, &column.trial_name(case.id))
        })
    };
    if let Some(case) = cases::all().iter().find(is_elsewhere) {
        text += &format!("; {} is in the tier {}", case.id, case.tier);
    }
    let list = match results.first() {
        Some((column, _)) if column.runner == Runner::Command => "conformance list",
        _ => "--list",
    };
    Some(format!("{text}; `{list}` prints all names"))
}

/// Whether a trial of this name is selected.
fn fits(arguments: &Arguments, name: &str) -> bool {
    let matches = |part: &String| match arguments.exact {
        true => name == part,
        false => name.contains(part.as_str()),
    };
    arguments.filter.as_ref().is_none_or(matches) && !arguments.skip.iter().any(matches)
}
