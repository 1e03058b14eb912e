//! Measurements: the pages' parts of the files that `procpool-bench` wrote.
//!
//! Owns the mapping of files to parts: `book/bench/results.json` becomes a table and charts,
//! `profile.json` the drawings of where the time goes, `scale.json` the figures of many made-up workers, all in
//! the same folder. So all numbers of a
//! page are of one run, and none is typed. Another program measures and draws: `procpool-bench` knows the
//! meaning of its files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::figure::Figure;
use crate::layout::{Layout, files_below};
use crate::problem::Problem;

/// Returns the parts of pages for the measurements, each with its file.
///
/// # Errors
///
/// When a file cannot be read, or was not written by `procpool-bench`.
pub fn all(layout: &Layout) -> Result<Vec<Figure>> {
    let mut parts = Vec::new();
    for path in files_below(&layout.measurements())?.iter().filter(|path| is_measured(path)) {
        parts.extend(drawn(layout, path)?);
    }
    Ok(parts)
}

fn is_measured(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

fn drawn(layout: &Layout, path: &Path) -> Result<Vec<Figure>> {
    let json = fs::read_to_string(path).with_context(|| layout.name(path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts = procpool_bench::for_the_book(&name, &json)
        .map_err(|problem| anyhow!("{}: {problem}", layout.name(path)))?;
    let figure = |(name, drawing)| Figure { path: layout.measurements().join(name), drawing };
    Ok(parts.into_iter().map(figure).collect())
}

/// Returns a problem for every part that differs from that of its current measurements, and for every one
/// without measurements.
///
/// # Errors
///
/// As [`all`].
pub fn check(layout: &Layout) -> Result<Vec<Problem>> {
    let parts = all(layout)?;
    let mut problems = Vec::new();
    for part in &parts {
        let message = match fs::read_to_string(&part.path) {
            Ok(text) if text == part.drawing => continue,
            Ok(_) => "differs from its measurements",
            Err(_) => "is missing; its measurements give it",
        };
        problems.push(Problem::with_file(layout.name(&part.path), message));
    }
    let given: BTreeSet<&Path> = parts.iter().map(|part| &*part.path).collect();
    let files = files_below(&layout.measurements())?;
    for path in files.iter().filter(|path| !is_measured(path) && !given.contains(&***path)) {
        problems.push(Problem::with_file(layout.name(path), "no measurements give it"));
    }
    problems.sort();
    Ok(problems)
}

/// Replaces the measurements by new ones of `procpool-bench`, and draws their parts. Returns the files
/// that were written.
///
/// # Errors
///
/// As [`all`]; then nothing is changed.
pub fn adopt(layout: &Layout, file: &Path) -> Result<Vec<PathBuf>> {
    let parts = drawn(layout, file)?;
    let name = file.file_name().unwrap_or_default();
    let mut written = vec![layout.measurements().join(name)];
    fs::create_dir_all(layout.measurements())?;
    let json = fs::read(file)?;
    fs::write(&written[0], json)?;
    for part in parts {
        fs::write(&part.path, &part.drawing)?;
        written.push(part.path);
    }
    Ok(written)
}
