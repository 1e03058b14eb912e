//! Figures: the drawings of checked-in traces.
//!
//! Owns the mapping of traces to figures: `book/traces/NAME.jsonl` becomes `book/src/figures/NAME.svg` and
//! `NAME.txt`. Another program records traces.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail};
use procpool_testkit::trace;

use crate::layout::{Layout, files_below};
use crate::problem::Problem;
use crate::timeline::{Event, Timeline, svg};
use crate::transcript::shell;

/// A figure's file, and its expected contents.
#[derive(Debug)]
pub struct Figure {
    /// The file.
    pub path: PathBuf,
    /// Its text, drawn from the current trace.
    pub drawing: String,
}

/// Draws every trace of the book.
///
/// # Errors
///
/// When a trace cannot be read or is inconsistent.
pub fn all(layout: &Layout) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for path in files_below(&layout.traces())? {
        let records = trace::read::<Event>(&path);
        let timeline = Timeline::new(&records)
            .map_err(|problem| anyhow!("{}: {problem}", layout.name(&path)))?;
        let name = layout.figures().join(path.file_stem().unwrap_or_default());
        figures.push(Figure { path: name.with_extension("svg"), drawing: svg::draw(&timeline) });
        figures.push(Figure {
            path: name.with_extension("txt"),
            drawing: svg::lanes(&timeline).text(),
        });
    }
    Ok(figures)
}

/// Returns a problem for every figure that differs from the drawing of its trace.
///
/// # Errors
///
/// As [`all`].
pub fn check(layout: &Layout) -> Result<Vec<Problem>> {
    let stale =
        |figure: &Figure| fs::read_to_string(&figure.path).ok().as_deref() != Some(&figure.drawing);
    let figures = all(layout)?;
    Ok(figures
        .iter()
        .filter(|figure| stale(figure))
        .map(|figure| Problem::with_file(layout.name(&figure.path), "is not drawn from its trace"))
        .collect())
}

/// The traces by their names, and the command that records each.
pub const TRACES: [(&str, &str); 4] = [
    ("demo", "cargo run --quiet --package procpool-book --example timeline"),
    (
        "hosts",
        "salloc --quiet --nodes=2 --ntasks=2 cargo run --quiet --package procpool-book --example timeline",
    ),
    ("break", "cargo run --quiet --package procpool-book --example deaths break"),
    ("replace", "cargo run --quiet --package procpool-book --example deaths replace"),
];

/// Runs the `command` that records a trace, and returns the trace's text.
///
/// # Errors
///
/// When the program fails.
pub fn record(layout: &Layout, command: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("timeline.jsonl");
    let hosts = tempfile::tempdir()?;
    let output = shell(command, &layout.root, hosts.path())
        .env("TRACE", &path)
        .current_dir(&layout.root)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{command}` cannot be run"))?;
    if !output.status.success() {
        bail!("recording failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    fs::read_to_string(&path).context("the program wrote no trace")
}
