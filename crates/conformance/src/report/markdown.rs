//! The matrix as a Markdown table: implementations × areas.
//!
//! Owns how counts become a cell, and the escaping of names. The book's tables are written in `chapter`,
//! with the same cells.

use std::fmt::Write as _;

use super::matrix::{Counts, Matrix};
use super::results::{Results, Verdict};

/// Writes the table, with a line that explains its symbols.
pub fn markdown(results: &Results) -> String {
    let matrix = Matrix::of(results);
    let mut text = String::from("| implementation | version | MUST |");
    for area in &matrix.areas {
        // Writing to a string cannot fail.
        let _ = write!(text, " {} |", escaped(area.name));
    }
    text.push_str("\n| --- | --- | --- |");
    text.push_str(&" --- |".repeat(matrix.areas.len()));
    text.push('\n');
    for (column, run) in matrix.runs.iter().enumerate() {
        let version = match &run.description {
            Some(it) => format!("{}, {}", it.version, it.language),
            None => "adapter error".to_owned(),
        };
        let must = matrix.counts(column).must();
        let name = escaped(&matrix.names[column]);
        let _ = write!(text, "| {name} | {} | {}/{} |", escaped(&version), must.holds, must.all);
        for area in &matrix.areas {
            let _ = write!(text, " {} |", cell(&area.counts(column)));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "\n{}. *MUST* counts the requirements of that level that were seen to hold, and not only at times, among those that are for the pool.",
        legend()
    );
    text
}

/// The meanings of the symbols.
pub(super) fn legend() -> String {
    let words: Vec<String> =
        Verdict::ALL.iter().map(|verdict| format!("{} {verdict}", verdict.symbol())).collect();
    words.join(" · ") + " · ~ the part of these that may differ in another run"
}

/// Leaves out verdicts that do not occur.
pub(super) fn cell(counts: &Counts) -> String {
    let shown = Verdict::ALL.iter().filter(|verdict| counts.get(**verdict) > 0);
    let mut parts: Vec<String> =
        shown.map(|verdict| format!("{} {}", counts.get(*verdict), verdict.symbol())).collect();
    if counts.at_times() > 0 {
        parts.push(format!("{} ~", counts.at_times()));
    }
    parts.join(" · ")
}

/// Escapes a text, as one line of a table.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            letter if letter.is_control() => safe.push(' '),
            // The characters that begin a link, code, emphasis, a formula, mdBook's own `{{#include}}`, or
            // a cell.
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '!' | '~' | '$' | '{' | '}'
            | '#' | ':' => {
                safe.push('\\');
                safe.push(letter);
            }
            other => safe.push(other),
        }
    }
    safe
}
