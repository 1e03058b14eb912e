//! The book's tables of a whole run: the judged pools, the date and machine, and the results.
//!
//! Owns the set of tables. One has a line for each implementation, with its version and its counts at each
//! level; the other has its areas. A SHOULD never counts among the MUSTs, since users of a pool rely on
//! those. Does not know file names.

use std::fmt::Write as _;

use super::markdown::{cell, escaped, legend};
use super::matrix::{Counts, Matrix};
use super::results::Results;
use crate::case::Level;

const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::May];

/// Writes them, with links to `page`, the page of every case.
pub fn chapter(results: &Results, page: &str) -> String {
    let matrix = Matrix::of(results);
    let levels: Vec<Level> = LEVELS
        .into_iter()
        .filter(|level| {
            (0..matrix.runs.len()).any(|column| matrix.counts_of(*level, column).all() > 0)
        })
        .collect();
    format!(
        "{}\n\nA cell counts cases by their outcome: {}. [Every case of every pool]({page}) is a page of its \
         own, with what was seen.\n\n{}\nIn each area, MUST cases come first, and others have their level in \
         front:\n\n{}",
        judged(&matrix),
        legend(),
        scrolled("Results of each implementation", &implementations(&matrix, &levels)),
        scrolled("Results of each implementation in each area", &areas(&matrix, &levels)),
    )
}

/// Date, machine and suite in one sentence, since a whole run has one of each.
fn judged(matrix: &Matrix<'_>) -> String {
    let Some(run) = matrix.runs.first() else { return String::new() };
    let rows: usize = matrix.areas.iter().map(|area| area.rows.len()).sum();
    let dates = || matrix.runs.iter().map(|run| run.date.as_str());
    let (first, last) = (dates().min().unwrap_or_default(), dates().max().unwrap_or_default());
    let machine = &run.machine;
    format!(
        "{} pools, {rows} cases; suite {}, contract {}; begun between {} and {}, on {}, {}, {} processors.",
        matrix.runs.len(),
        escaped(&run.suite),
        run.contract,
        escaped(first),
        escaped(last),
        escaped(&machine.cpu),
        escaped(&machine.system),
        machine.cpus
    )
}

fn implementations(matrix: &Matrix<'_>, levels: &[Level]) -> String {
    let mut head = vec!["implementation".to_owned(), "version".to_owned(), "language".to_owned()];
    head.extend(levels.iter().map(ToString::to_string));
    let mut table = header(&head);
    for (column, (run, name)) in matrix.runs.iter().zip(&matrix.names).enumerate() {
        let (version, language) = match &run.description {
            Some(it) => (it.version.as_str(), it.language.as_str()),
            None => ("adapter error", ""),
        };
        let mut line = vec![escaped(name), escaped(version), escaped(language)];
        line.extend(levels.iter().map(|level| cell(&matrix.counts_of(*level, column))));
        table += &row(&line);
    }
    table
}

fn areas(matrix: &Matrix<'_>, levels: &[Level]) -> String {
    let mut head = vec!["implementation".to_owned()];
    head.extend(matrix.areas.iter().map(|area| escaped(area.name)));
    let mut table = header(&head);
    for (column, name) in matrix.names.iter().enumerate() {
        let mut line = vec![escaped(name)];
        for area in &matrix.areas {
            line.push(of_levels(levels, |level| area.counts_of(level, column)));
        }
        table += &row(&line);
    }
    table
}

/// The MUSTs without a label, and the other levels with theirs.
fn of_levels(levels: &[Level], counts: impl Fn(Level) -> Counts) -> String {
    let said = levels.iter().map(|level| (*level, counts(*level)));
    let lines = said.filter(|(_, counts)| counts.all() > 0).map(|(level, counts)| match level {
        Level::Must => cell(&counts),
        other => format!("{other}: {}", cell(&counts)),
    });
    lines.collect::<Vec<_>>().join("<br>")
}

fn header(names: &[String]) -> String {
    row(names) + &format!("|{}\n", " --- |".repeat(names.len()))
}

fn row(cells: &[String]) -> String {
    let mut line = String::from("|");
    for cell in cells {
        // Writing to a string cannot fail.
        let _ = write!(line, " {cell} |");
    }
    line + "\n"
}

/// A table that is wider than the page scrolls in its own box.
fn scrolled(label: &str, table: &str) -> String {
    format!(
        "<div class=\"scroll pools\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">\n\n{table}\n</div>\n"
    )
}
