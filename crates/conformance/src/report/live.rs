//! The page for browsers that a server keeps up to date.
//!
//! It is the page of [`html`](super::html()), and `live.js`, which follows the server's stream of events.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::json;

use super::html::{base, filled, parts};
use super::results::Results;

const SCRIPT: &str = include_str!("live.js");

/// The path of the stream, relative to that of the page.
pub(crate) const EVENTS: &str = "events";

/// A page that follows a stream of events.
#[derive(Debug)]
pub(crate) struct Live {
    /// The page.
    pub(crate) text: String,
    /// Tells this page from one of other results.
    version: String,
}

impl Live {
    /// Writes the page. Nothing links into the book unless `book` is the folder or address of one.
    ///
    /// # Errors
    ///
    /// `book` is an address of a kind to which a page must not link.
    pub(crate) fn of(results: &Results, book: Option<&str>) -> Result<Self, String> {
        let base = book.map(|book| base(Some(book))).transpose()?;
        let mut parts = parts(results, base.as_deref());
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        let version = format!("{:016x}", hasher.finish());
        let notice = format!(
            "<p id=\"notice\" role=\"status\" data-page=\"{version}\" data-events=\"{EVENTS}\"></p>\n"
        );
        parts.insert("connect", "connect-src 'self'; ".to_owned());
        parts.insert("notice", notice);
        parts.entry("script").or_default().push_str(SCRIPT);
        Ok(Self { text: filled(&parts), version })
    }

    /// Returns an event of the stream: this is the page, and a notice about it.
    pub(crate) fn event(&self, notice: &str) -> String {
        format!("data: {}\n\n", json!({ "page": self.version, "notice": notice }))
    }
}
