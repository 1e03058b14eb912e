//! Runs mdBook, adds the page that is not a chapter, and makes scrollable boxes reachable by the tab key.
//! Owns the output folder, and knows no rule.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use mdbook_driver::MDBook;

use crate::layout::{Layout, files_below};
use crate::{judged, print};

/// The boxes of mdBook that scroll on narrow pages.
const BOXES: [&str; 2] = ["<pre><code", "<div class=\"table-wrapper\""];

/// Renders the book into `target`, or into the folder of `book.toml`, and returns the folder.
///
/// # Errors
///
/// When the book cannot be read or the folder cannot be written. For mdBook, an include that does not
/// resolve is not an error; see [`integrity`](crate::integrity).
pub fn render(layout: &Layout, target: Option<&Path>) -> Result<PathBuf> {
    let mut book = MDBook::load(&layout.book)?;
    if let Some(target) = target {
        book.config.build.build_dir = target.to_owned();
    }
    book.build()?;
    let folder = book.build_dir_for("html");
    for path in
        files_below(&folder)?.iter().filter(|path| path.extension().is_some_and(|it| it == "html"))
    {
        let page = fs::read_to_string(path)?;
        let reached =
            BOXES.iter().fold(page, |page, it| page.replace(it, &format!("{it} tabindex=\"0\"")));
        fs::write(path, reached)?;
    }
    print::shorten(&book, &folder)?;
    judged::render(layout, &folder)?;
    Ok(folder)
}
