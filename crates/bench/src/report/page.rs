//! The results as parts of a page of the book: what was measured where, the judged figures, and
//! every chart with its contenders.
//!
//! Knows the book's classes, and no page. Headings are of the third level.

use std::fmt::Write;

use super::results::Results;
use super::{lines, plot, table};

/// Names of files, and their texts.
pub(crate) fn parts(results: &Results) -> Vec<(String, String)> {
    let mut machine = format!("{}.", lines::machine(&results.machine));
    if !results.partial.is_empty() {
        let _ = write!(machine, " **Not a full run**, but one with `{}`.", results.partial);
    }
    machine.push('\n');
    [("machine.md", machine), ("table.md", table::figures(results)), ("charts.md", charts(results))]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
}

fn charts(results: &Results) -> String {
    let mut text = String::new();
    for row in results.rows.iter().filter(|row| !row.charts.is_empty()) {
        let _ = write!(text, "### {}\n\n{}.\n\n", row.name, row.what);
        for chart in &row.charts {
            // No blank line inside: it would end the block of HTML.
            let _ = write!(
                text,
                "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">\n{}</div>\n</figure>\n\n",
                plot::escaped(&chart.title),
                plot::draw_inside(chart),
            );
            text.push_str("<details>\n<summary>All contenders</summary>\n\n");
            table::contenders(&mut text, chart);
            text.push_str("\n</details>\n\n");
        }
    }
    text
}
