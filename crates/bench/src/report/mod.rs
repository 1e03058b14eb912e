//! How results are shown.
//!
//! - [`lines`]: a line per target, while the rows are measured;
//! - [`table`]: the same and every contender, as Markdown;
//! - [`plot`]: a chart as a drawing;
//! - [`results`]: all of it into a folder, and the JSON;
//! - [`page`]: the same as parts of a page of the book;
//! - [`profile`]: where the time goes, and its drawings.
//!
//! Nothing here measures or judges.

pub(crate) mod lines;
mod page;
mod plot;
pub(crate) mod profile;
pub(crate) mod results;
mod table;

use crate::Outcome;

/// Returns what the book shows of a file that was written by this program: names of files, and
/// their texts.
///
/// # Errors
///
/// When `json` is not what this program writes into a file of this `name`.
pub(crate) fn for_the_book(name: &str, json: &str) -> Outcome<Vec<(String, String)>> {
    match name {
        "results.json" => Ok(page::parts(&serde_json::from_str(json)?)),
        "profile.json" => Ok(serde_json::from_str::<profile::Profile>(json)?.drawings()),
        _ => Err("it is neither results.json nor profile.json".into()),
    }
}

#[cfg(test)]
mod tests;
