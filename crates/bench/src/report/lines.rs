//! A line per figure, for a terminal.

use std::fmt::Write;

use crate::machine::Machine;
use crate::row::{Figure, Row};
use crate::target::number;

/// The number of CPUs from which a row reports that other programs were at work. Less is the system's own
/// work for the contenders, and the difference between two clocks.
const BUSY: f64 = 0.25;

/// Describes the machine and the run.
pub(crate) fn machine(machine: &Machine) -> String {
    let Machine { date, cpu, cpus, kernel, memory_mib, rustc, procpool } = machine;
    format!(
        "procpool {procpool}, {date}: {cpu}, {cpus} CPUs, {memory_mib} MiB, Linux {kernel}; {rustc}"
    )
}

/// Writes a row's figures, each with its target and verdict, if it has them.
pub(crate) fn row(row: &Row) -> String {
    let mut text = String::new();
    for figure in &row.figures {
        let verdict = figure.verdict.map(|verdict| verdict.to_string()).unwrap_or_default();
        let _ = write!(
            text,
            "{:<19} {:<36} {:>18} {:>12}  {verdict}",
            row.name,
            figure.name,
            value(figure),
            target(figure),
        );
        if !figure.note.is_empty() {
            let gap = if verdict.is_empty() { "" } else { "  " };
            let _ = write!(text, "{gap}({})", figure.note);
        }
        text.push('\n');
    }
    if row.others > BUSY {
        let others = number(row.others);
        let _ = writeln!(text, "{:<19} others kept {others} CPUs busy meanwhile", row.name);
    }
    if let Some(why) = &row.failed {
        let _ = writeln!(text, "{:<19} FAILED: {why}", row.name);
    }
    text
}

/// A figure with its unit.
pub(crate) fn value(figure: &Figure) -> String {
    format!("{} {}", number(figure.value), figure.unit).trim_end().to_owned()
}

/// A figure's target, or nothing.
pub(crate) fn target(figure: &Figure) -> String {
    figure.target.map(|target| target.to_string()).unwrap_or_default()
}
