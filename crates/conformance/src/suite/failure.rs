//! What a failing trial says to the person who reads it, and what it leaves for them to look at.
//!
//! ```text
//! FOLDER/COLUMN/case.id.json   the scenario and the script, to be run again
//! FOLDER/COLUMN/case.id.svg    the timeline
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::column::Column;
use super::replay::Replay;
use super::verdict::{Result, Verdict};
use crate::case::Case;
use crate::timeline;

/// The most lines of the timeline that are printed; the rest is in the drawing.
const MOST_LINES: usize = 60;

/// Returns what there is to say, if the pool did not pass. Writes the files below `folder`.
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
        "{} ({})\nrequired: {}\nobserved: {observed}\nsource:   {}\nbook:     {}\nrerun:    {}\n",
        case.id,
        case.level,
        case.requirement,
        case.source,
        case.anchor(),
        column.rerun(case.id),
    );
    let Some(history) = &result.history else { return Some(text) };
    let said = history.stderr.trim();
    if !said.is_empty() {
        let said: String = said.chars().take(2000).collect();
        text += &format!("stderr:   {}\n", said.replace('\n', "\n          "));
    }
    let lines = timeline::text(history);
    let shown: Vec<&str> = lines.lines().take(MOST_LINES).collect();
    text += &format!("\n{}\n", shown.join("\n"));
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
    let folder = folder.join(&column.name);
    fs::create_dir_all(&folder)?;
    let drawing = folder.join(format!("{}.svg", case.id));
    fs::write(&drawing, svg)?;
    let replay = folder.join(format!("{}.json", case.id));
    let text = serde_json::to_string_pretty(again)?;
    fs::write(&replay, text)?;
    Ok([drawing, replay])
}
