//! Include directives: `{{#include path}}` and `{{#include path:anchor}}`.
//!
//! Owns their syntax and their resolution, like mdBook, but with an error where mdBook is silent. Knows no
//! page and no rule about the includes of a page.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A directive as written in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The line it is in, counted from 1.
    pub line: usize,
    /// The file, as written.
    pub path: String,
    /// The anchor, if it is not for the whole file.
    pub anchor: Option<String>,
}

/// The reason why a directive yields no text for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeError {
    /// `{{#playground …}}`, or another directive than `include`.
    Unknown(String),
    /// `{{#include path:3:7}}`: lines move, anchors stay.
    LineNumbers(String),
    /// No such file, or one that is not text.
    Unreadable(PathBuf),
    /// The file has no such anchor.
    NoAnchor(String),
    /// The anchor occurs several times in the file; mdBook would show the first.
    Ambiguous(String),
    /// The anchor's end is missing, so it would reach to the end of the file.
    NoEnd(String),
    /// It contains only white space.
    Empty,
}

impl fmt::Display for IncludeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(f, "`{text}` is not an include of a file or an anchor"),
            Self::LineNumbers(text) => {
                write!(f, "`{text}` includes by line numbers; lines move, use an anchor")
            }
            Self::Unreadable(path) => write!(f, "the included {} cannot be read", path.display()),
            Self::NoAnchor(anchor) => write!(f, "the included file has no anchor `{anchor}`"),
            Self::Ambiguous(anchor) => write!(f, "the anchor `{anchor}` begins more than once"),
            Self::NoEnd(anchor) => write!(f, "the anchor `{anchor}` does not end"),
            Self::Empty => f.write_str("the include is empty"),
        }
    }
}

/// Finds the directives of a page. An escaped one (`\{{#include …}}`) is text.
pub fn find(text: &str) -> Vec<Result<Include, (usize, IncludeError)>> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(start) = rest.find("{{#") {
            let escaped = rest[..start].ends_with('\\');
            let end = rest[start..].find("}}").map_or(rest.len(), |length| start + length + 2);
            if !escaped {
                found.push(parse(&rest[start..end], index + 1).map_err(|error| (index + 1, error)));
            }
            rest = &rest[end..];
        }
    }
    found
}

fn parse(text: &str, line: usize) -> Result<Include, IncludeError> {
    let unknown = || IncludeError::Unknown(text.to_owned());
    let inside = text.strip_prefix("{{#include").and_then(|rest| rest.strip_suffix("}}"));
    let target = inside.ok_or_else(unknown)?.trim();
    if target.is_empty() || target.contains(char::is_whitespace) {
        return Err(unknown());
    }
    let Some((path, anchor)) = target.split_once(':') else {
        return Ok(Include { line, path: target.to_owned(), anchor: None });
    };
    // mdBook takes everything that is not a number or a range for an anchor.
    if anchor.split(':').any(|part| part.is_empty() || part.parse::<usize>().is_ok()) {
        return Err(IncludeError::LineNumbers(text.to_owned()));
    }
    Ok(Include { line, path: path.to_owned(), anchor: Some(anchor.to_owned()) })
}

impl Include {
    /// Returns the file that it names, for a page in `folder`.
    pub fn file(&self, folder: &Path) -> PathBuf {
        let mut file = PathBuf::new();
        for component in folder.join(&self.path).components() {
            match component {
                std::path::Component::ParentDir => drop(file.pop()),
                std::path::Component::CurDir => {}
                other => file.push(other),
            }
        }
        file
    }

    /// Returns the text that a page in `folder` gets from it.
    ///
    /// # Errors
    ///
    /// When it does not resolve, or to an empty text.
    pub fn resolve(&self, folder: &Path) -> Result<String, IncludeError> {
        let file = self.file(folder);
        let text = fs::read_to_string(&file)
            .map_err(|_| IncludeError::Unreadable(PathBuf::from(&self.path)))?;
        let text = match &self.anchor {
            None => text,
            Some(anchor) => anchored(&text, anchor)?,
        };
        if text.trim().is_empty() { Err(IncludeError::Empty) } else { Ok(text) }
    }
}

/// The lines between an anchor's begin and its end, without the marks of other anchors.
fn anchored(text: &str, anchor: &str) -> Result<String, IncludeError> {
    let begins = text.lines().filter(|line| mark(line, "ANCHOR:") == Some(anchor)).count();
    match begins {
        0 => return Err(IncludeError::NoAnchor(anchor.to_owned())),
        1 => {}
        _ => return Err(IncludeError::Ambiguous(anchor.to_owned())),
    }
    let mut inside = String::new();
    let begin = text.lines().skip_while(|line| mark(line, "ANCHOR:") != Some(anchor)).skip(1);
    for line in begin {
        if mark(line, "ANCHOR_END:") == Some(anchor) {
            return Ok(inside);
        }
        if mark(line, "ANCHOR:").or(mark(line, "ANCHOR_END:")).is_none() {
            inside.push_str(line);
            inside.push('\n');
        }
    }
    Err(IncludeError::NoEnd(anchor.to_owned()))
}

/// Returns the names of the anchors that begin in `text`, each with its line.
pub fn anchors(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, mark(line, "ANCHOR:")?)))
}

/// Returns the anchor that `line` marks with `keyword`.
fn mark<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (_, name) = line.split_once(keyword)?;
    let name = name.trim_start();
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let end = name.find(|c| !word(c)).unwrap_or(name.len());
    (end > 0).then(|| &name[..end])
}
