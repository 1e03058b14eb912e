//! Runs mdBook, adds the page that is none of its chapters, and lets the tab key reach what scrolls. Owns
//! where the output goes, and knows no rule.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use mdbook_driver::MDBook;

use crate::layout::{Layout, files_below};
use crate::{judged, print};

/// The boxes that mdBook makes and that scroll where a page is narrow.
const BOXES: [&str; 2] = ["<pre><code", "<div class=\"table-wrapper\""];

/// Renders the book into `target`, or where `book.toml` says, and returns the folder.
///
/// # Errors
///
/// When the book cannot be read or the folder cannot be written. An include that does not resolve
/// is no error to mdBook; see [`integrity`](crate::integrity).
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
