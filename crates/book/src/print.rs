//! The page that prints the whole book. Owns the parts that are left out of it: chapters behind the
//! separator of SUMMARY.md are for looking things up, and would be most of the paper.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::book::BookItem;

use crate::html::elements;

const PAGE: &str = "print.html";
/// The separator that mdBook writes between two chapters.
const BREAK: &str = r#"<div style="break-before: page; page-break-before: always;"></div>"#;

/// Removes chapters behind the separator from the page; links to them lead to pages of their own.
///
/// # Errors
///
/// When a page cannot be read or written, or does not have mdBook's structure.
pub fn shorten(book: &MDBook, folder: &Path) -> Result<()> {
    let left_out: Vec<String> = book
        .iter()
        .skip_while(|item| !matches!(item, BookItem::Separator))
        .filter_map(|item| match item {
            BookItem::Chapter(chapter) => Some(chapter.path.as_ref()?.with_extension("html")),
            _ => None,
        })
        .map(|page| page.display().to_string())
        .collect();
    let text = fs::read_to_string(folder.join(PAGE))?;
    let chapters: Vec<&str> = text.split(BREAK).collect();
    let (kept, _) = chapters.split_at(chapters.len().saturating_sub(left_out.len()));
    let end = text.rfind("</main>").context("the page to print has no end")?;
    // The last chapter ends where the page's frame does.
    let kept = if left_out.is_empty() { text.clone() } else { kept.join(BREAK) + &text[end..] };

    let there = ids(&kept);
    let mut page = kept;
    for name in left_out {
        for id in ids(&fs::read_to_string(folder.join(&name))?).difference(&there) {
            page = page.replace(&format!("href=\"#{id}\""), &format!("href=\"{name}#{id}\""));
        }
    }
    Ok(fs::write(folder.join(PAGE), page)?)
}

fn ids(page: &str) -> HashSet<String> {
    let elements = elements(page);
    elements.iter().filter_map(|it| it.attribute("id")).map(str::to_owned).collect()
}
