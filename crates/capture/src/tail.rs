//! The last lines of a stream: a fixed number of them, each of limited length.
//!
//! Knows bytes and line ends, not their origin.

use std::collections::VecDeque;

/// How much of the beginning of a line is kept. More takes more memory for each line of each
/// worker; less cuts messages short.
const LINE: usize = 4 << 10;

/// The end of everything pushed so far.
#[derive(Debug)]
pub(crate) struct Tail {
    /// How many lines are kept.
    limit: usize,
    lines: VecDeque<Vec<u8>>,
    /// Whether the last line is unfinished.
    open: bool,
}

impl Tail {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, lines: VecDeque::new(), open: false }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            if !self.open {
                if self.lines.len() >= self.limit {
                    self.lines.pop_front();
                }
                self.lines.push_back(Vec::new());
            }
            if let Some(line) = self.lines.back_mut() {
                let room = LINE - line.len();
                line.extend_from_slice(&text[..text.len().min(room)]);
            }
            self.open = text.len() == part.len();
        }
    }

    /// Returns the lines, separated by line ends. Bytes that are not UTF-8 are replaced.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(limit: usize, parts: &[&str]) -> Tail {
        let mut tail = Tail::new(limit);
        parts.iter().for_each(|part| tail.push(part.as_bytes()));
        tail
    }

    #[test]
    fn the_last_lines_are_kept_however_they_are_cut() {
        assert_eq!(tail(2, &[]).text(), "");
        assert_eq!(tail(2, &["a\nb\nc\n"]).text(), "b\nc");
        assert_eq!(tail(2, &["a\nb", "b", "\n", "c"]).text(), "bb\nc");
        assert_eq!(tail(3, &["a\n\nb\n"]).text(), "a\n\nb");
    }

    #[test]
    fn memory_is_bounded_for_any_input() {
        let long = "x".repeat(3 * LINE);
        let tail = tail(2, &["first\n", &long, &long, "\nlast"]);
        assert_eq!(tail.text(), format!("{}\nlast", "x".repeat(LINE)));
        assert!(tail.lines.iter().all(|line| line.capacity() <= 2 * LINE));
    }
}
