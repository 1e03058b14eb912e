//! Runs mdBook, and adds the page that is none of its chapters. Owns where the output goes, and knows no
//! rule.

use std::path::{Path, PathBuf};

use anyhow::Result;
use mdbook_driver::MDBook;

use crate::judged;
use crate::layout::Layout;

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
    judged::render(layout, &folder)?;
    Ok(folder)
}
