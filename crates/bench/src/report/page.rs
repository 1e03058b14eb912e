//! The results as parts of a page of the book: the machine and the run, every chart with its contenders,
//! and the judged figures.
//!
//! Knows the book's classes, and no page. Headings are of the third level.

use std::fmt::Write;

use procpool_drawing::escaped;

use super::{lines, plot, table};
use crate::row::{Chart, Kind, Results};

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
    for row in &results.rows {
        for chart in &row.charts {
            let (title, what) = (&chart.title, row.what.replace('<', "&lt;"));
            let _ = write!(text, "### {title}\n\nRow `{}`: {what}. {}\n\n", row.name, apart(chart));
            // No blank line inside: it would end the block of HTML.
            let _ = write!(
                text,
                "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">\n{}</div>\n</figure>\n\n",
                escaped(&chart.title),
                plot::draw_inside(chart),
            );
            text.push_str("<details>\n<summary>All contenders</summary>\n\n");
            table::contenders(&mut text, chart);
            text.push_str("\n</details>\n\n");
        }
    }
    text
}

/// Marks a figure whose limit was not measured in turn with procpool, but separately.
fn apart(chart: &Chart) -> String {
    let blocks = |kind| {
        let of = chart.contenders.iter().find(|contender| contender.kind == kind)?;
        (!of.blocks.is_empty()).then_some(of.blocks.len())
    };
    let peers = chart.contenders.iter().any(|contender| contender.kind == Kind::Peer);
    match (blocks(Kind::Procpool), blocks(Kind::Limit)) {
        (Some(ours), Some(limit)) if peers && ours != limit => format!(
            "Here procpool has {ours} blocks, each between those of other pools. The limit's {limit} \
             were measured in turn with procpool alone: their ratio is in the table below, and not \
             in this drawing."
        ),
        _ => String::new(),
    }
}
