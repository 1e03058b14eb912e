//! The results as Markdown: the judged figures, then every contender.

use std::fmt::Write;

use super::lines::{self, target, value};
use super::plot;
use crate::row::{Chart, Contender, Kind, Results};
use crate::target::number;

/// Writes the whole page.
pub(crate) fn page(results: &Results) -> String {
    let mut text = String::from("# Measurements\n\n");
    let _ = writeln!(text, "{}.\n", lines::machine(&results.machine));
    text.push_str("Contenders took turns; a ratio is the median of the ratios block by block.\n\n");
    text.push_str(&figures(results));
    for row in &results.rows {
        if row.charts.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {}\n\n{}.\n", row.name, row.what);
        for chart in &row.charts {
            let _ = write!(text, "\n![{}]({}.svg)\n\n", chart.title, chart.name);
            contenders(&mut text, chart);
        }
    }
    text
}

/// The table of the figures, each with its verdict and target, if it has them. The verdict is first, where
/// small screens show it; the absolute times behind a ratio are in the cell of its name.
pub(super) fn figures(results: &Results) -> String {
    let mut text = String::from("| verdict | figure | value | target |\n|---|---|--:|--:|\n");
    for row in &results.rows {
        for figure in &row.figures {
            let verdict = figure.verdict.map(|verdict| verdict.to_string()).unwrap_or_default();
            let mut name = format!("{}: {}", row.name, figure.name);
            if !figure.note.is_empty() {
                let _ = write!(name, " ({})", figure.note);
            }
            line(&mut text, &[&verdict, &name, &value(figure), &target(figure)]);
        }
        if let Some(why) = &row.failed {
            line(&mut text, &["FAILED", &format!("{}: {why}", row.name), "", ""]);
        }
    }
    text
}

/// The table of a chart's contenders.
pub(super) fn contenders(text: &mut String, chart: &Chart) {
    let Chart { title, unit, .. } = chart;
    let _ = write!(
        text,
        "| {title} | {unit} | p50 µs | p99 µs | blocks | |\n|---|--:|--:|--:|--:|---|\n"
    );
    for contender in plot::ranked(chart) {
        let micros = |share| contender.micros(share).map(number).unwrap_or_default();
        let median = median(contender);
        let cells = [
            label(contender),
            median,
            micros(0.5),
            micros(0.99),
            contender.blocks.len().to_string(),
            remark(contender),
        ];
        line(text, &cells.each_ref().map(String::as_str));
    }
}

fn median(contender: &Contender) -> String {
    if contender.blocks.is_empty() { "–".to_owned() } else { number(contender.median()) }
}

fn label(contender: &Contender) -> String {
    match contender.kind {
        Kind::Procpool => format!("**{}**", contender.name),
        Kind::Limit => format!("*{}*", contender.name),
        Kind::Peer => contender.name.clone(),
    }
}

fn remark(contender: &Contender) -> String {
    let absent = contender.absent.as_deref().unwrap_or_default();
    let by_hand = if contender.by_hand { "written by hand, not compared" } else { "" };
    let parts = [contender.version.as_str(), by_hand, absent];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A row of a table. Texts of others may contain separators of cells, or the beginning of a tag.
fn line(text: &mut String, cells: &[&str]) {
    text.push('|');
    for cell in cells {
        let _ = write!(
            text,
            " {} |",
            cell.replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ")
        );
    }
    text.push('\n');
}
