//! The display of results.
//!
//! - [`lines`]: a line per target, while the rows are measured;
//! - [`table`]: the same and every contender, as Markdown;
//! - [`plot`]: a chart as a drawing;
//! - [`write`]: all of these into a folder, and the JSON;
//! - [`page`]: the same as parts of a page of the book;
//! - [`profile`]: where the time goes, and its drawings;
//! - [`scale`]: thousands of made-up workers, with [`curves`].
//!
//! Nothing here measures or judges.

mod curves;
pub(crate) mod lines;
mod page;
mod plot;
pub(crate) mod profile;
pub(crate) mod scale;
mod table;

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::row::Results;

/// Returns the book's part of a file that was written by this program: names of files, and their texts.
///
/// # Errors
///
/// When `json` is not a file of this `name` as this program writes it.
pub(crate) fn for_the_book(name: &str, json: &str) -> Outcome<Vec<(String, String)>> {
    match name {
        "results.json" => Ok(page::parts(&serde_json::from_str(json)?)),
        "profile.json" => Ok(serde_json::from_str::<profile::Profile>(json)?.drawings()),
        "scale.json" => serde_json::from_str::<scale::Scale>(json)?.parts(),
        _ => Err("it is neither results.json, profile.json nor scale.json".into()),
    }
}

/// Writes `results.json`, `table.md` and a drawing for every chart into `folder`, which is created if
/// missing.
pub(crate) fn write(results: &Results, folder: &Path) -> Outcome {
    fs::create_dir_all(folder)?;
    let mut json = serde_json::to_string_pretty(results)?;
    json.push('\n');
    fs::write(folder.join("results.json"), json)?;
    fs::write(folder.join("table.md"), table::page(results))?;
    for chart in results.rows.iter().flat_map(|row| &row.charts) {
        fs::write(folder.join(format!("{}.svg", chart.name)), plot::draw(chart))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
