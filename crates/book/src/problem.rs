//! A problem: one sentence about one place. Owns its format, and nothing about the rules.

use std::fmt;

/// A violation of a rule of the book.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the layout's root.
    pub file: String,
    /// The line, counted from 1; none if it is about the whole file.
    pub line: Option<usize>,
    /// The fault, in words that name the remedy.
    pub message: String,
}

impl Problem {
    /// A problem with a whole file.
    pub fn with_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, message: message.into() }
    }

    /// A problem in one line of a file.
    pub fn in_line(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}
