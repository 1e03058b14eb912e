//! The message of a failing trial, and the files that it leaves for a person.
//!
//! ```text
//! FOLDER/POOL/case.id.json   the scenario and the script, to be run again
//! FOLDER/POOL/case.id.svg    the timeline
//! ```
//!
//! They exist only as long as the case fails.

use std::fs;
use std::path::{Path, PathBuf};

use procpool_contract::Capability;

use super::column::Column;
use super::replay::Replay;
use super::verdict::{Result, Verdict};
use crate::case::Case;
use crate::mapped::has_only_maps;
use crate::timeline;

/// The most lines of the timeline that are printed; the drawing has all.
const MOST_LINES: usize = 60;

/// Removes the files of an earlier run for all cases of a column.
pub(super) fn forget_all(column: &Column, folder: &Path) {
    // A missing file need not be removed.
    let _ = fs::remove_dir_all(folder.join(&column.pool));
}

/// Removes the files of an earlier run for a case.
pub(super) fn forget(column: &Column, case: &Case, folder: &Path) {
    for file in files(column, case, folder) {
        let _ = fs::remove_file(file);
    }
}

fn files(column: &Column, case: &Case, folder: &Path) -> [PathBuf; 2] {
    let folder = folder.join(&column.pool);
    ["svg", "json"].map(|kind| folder.join(format!("{}.{kind}", case.id)))
}

/// Returns the message, if the pool did not pass. Writes the files below `folder`.
pub(super) fn text(column: &Column, case: &Case, result: &Result, folder: &Path) -> Option<String> {
    let observed = match &result.verdict {
        Verdict::Passed | Verdict::ThisTime(_) | Verdict::Unsupported(_) | Verdict::Expected(_) => {
            return None;
        }
        Verdict::AdapterError(error) => format!("adapter error: {error}"),
        Verdict::Failed(found) => {
            let all: Vec<&str> = found.iter().map(|found| found.complaint.as_str()).collect();
            all.join("\n          ")
        }
        Verdict::Unexpected(reason) => format!(
            "it passed, but is expected to fail ({reason}); take it out of {}",
            column.expectations.file().display()
        ),
    };
    let mut text = format!(
        "{} ({})\nrequired: {}\nobserved: {observed}\n{}source:   {}\nbook:     {}\nrerun:    {}\n",
        case.id,
        case.level,
        case.requirement,
        known_otherwise(column, case, result),
        case.source,
        case.anchor(),
        column.rerun(case.id),
    );
    let Some(history) = &result.history else { return Some(text) };
    if has_only_maps(&history.description) && history.scenario.needs().contains(&Capability::Submit)
    {
        text +=
            "asked:    by maps; each submission was an item of a map, and its result that item's\n";
    }
    let said = history.stderr.trim();
    if !said.is_empty() {
        let said: String = said.chars().take(2000).collect();
        text += &format!("stderr:   {}\n", said.replace('\n', "\n          "));
    }
    text += &format!("\n{}", timeline::cut(history, MOST_LINES));
    let Some(replay) = &result.replay else { return Some(text) };
    match leave(column, case, &timeline::svg(history), replay, folder) {
        Ok(files) => {
            for file in files {
                text += &format!("see {}\n", file.display());
            }
        }
        Err(error) => text += &format!("(the timeline could not be written: {error})\n"),
    }
    Some(text)
}

fn leave(
    column: &Column,
    case: &Case,
    svg: &str,
    again: &Replay,
    folder: &Path,
) -> std::io::Result<[PathBuf; 2]> {
    let [drawing, replay] = files(column, case, folder);
    drawing.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(&drawing, svg)?;
    fs::write(&replay, serde_json::to_string_pretty(again)?)?;
    Ok([drawing, replay])
}

/// Describes the known failure of a case that failed in another way.
fn known_otherwise(column: &Column, case: &Case, result: &Result) -> String {
    let known =
        column.expectations.of(case.id).filter(|_| matches!(result.verdict, Verdict::Failed(_)));
    known
        .map_or(String::new(), |known| format!("known:    another failure, {:?}\n", known.observed))
}
