//! Transcripts: a command as it is typed, and what it prints.
//!
//! A transcript's first line is `$ ` and the command; the rest is its standard output. So a file
//! with nothing but the first line is a transcript to be: `bless` writes the rest. Owns the
//! running and the comparing; knows no page.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::layout::{Layout, files_below};
use anyhow::{Context, Result, bail};

/// Lines that two workers print in an order that nobody promises, by transcript.
///
/// Such lines may stand anywhere in the output. How often each comes, what it says and the order
/// of all other lines are compared.
const UNORDERED: [(&str, &[&str]); 4] = [
    ("initializer_worker", &["Initializing worker process."]),
    ("initializer_worker_py", &["Initializing worker process."]),
    ("initargs", LOG),
    ("initargs_py", LOG),
];

/// Two workers write to one log.
const LOG: &[&str] =
    &["worker is ready", "task 0 done", "task 1 done", "task 2 done", "task 3 done"];

/// A checked-in transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Its file.
    pub path: PathBuf,
    /// The command, without the `$ `.
    pub command: String,
    /// What the command printed when the transcript was made.
    pub output: String,
}

/// Reads all transcripts of a book.
///
/// # Errors
///
/// When one cannot be read, or does not begin with a command.
pub fn all(layout: &Layout) -> Result<Vec<Transcript>> {
    files_below(&layout.transcripts())?.iter().map(|path| Transcript::read(path)).collect()
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or does not begin with a command.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (first, output) = text.split_once('\n').unwrap_or((&text, ""));
        let Some(command) = first.strip_prefix("$ ") else {
            bail!("{} does not begin with `$ ` and a command", path.display());
        };
        Ok(Self { path: path.to_owned(), command: command.to_owned(), output: output.to_owned() })
    }

    /// Returns whether the command is Python's.
    pub fn needs_python(&self) -> bool {
        self.command.starts_with("python3 ")
    }

    /// Runs the command in `root` and returns what it prints.
    ///
    /// Words are separated by spaces; there is no shell.
    ///
    /// # Errors
    ///
    /// When it cannot be run, fails, or prints what is not text.
    pub fn run(&self, root: &Path) -> Result<String> {
        let mut words = self.command.split(' ');
        let program = words.next().unwrap_or_default();
        let output = Command::new(program)
            .args(words)
            .current_dir(root)
            .stdin(Stdio::null())
            // Set in many containers. Python then writes a line's text and its end separately,
            // and lines of two workers mix.
            .env_remove("PYTHONUNBUFFERED")
            .output()
            .with_context(|| format!("`{}` cannot be run", self.command))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed: {}\n{errors}", self.command, output.status);
        }
        String::from_utf8(output.stdout).with_context(|| self.command.clone())
    }

    /// Compares what the command printed now with the transcript.
    ///
    /// # Errors
    ///
    /// Both texts, when they differ in more than the places of unordered lines.
    pub fn compare(&self, output: &str) -> Result<(), String> {
        let name = self.path.file_stem().unwrap_or_default();
        let unordered = UNORDERED.iter().find(|(stem, _)| name == *stem);
        let unordered = unordered.map_or(&[][..], |(_, lines)| lines);
        if normalised(&self.output, unordered) == normalised(output, unordered) {
            return Ok(());
        }
        let mut message = format!("{} is not what `{}` prints", self.path.display(), self.command);
        let _ = write!(message, "\n--- transcript\n{}--- now\n{output}", self.output);
        Err(message)
    }

    /// Writes the transcript with a new output.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, output: &str) -> Result<()> {
        fs::write(&self.path, format!("$ {}\n{output}", self.command))
            .with_context(|| self.path.display().to_string())
    }
}

/// Moves the unordered lines to the front, sorted. Nothing is left out and nothing is changed.
fn normalised<'a>(output: &'a str, unordered: &[&str]) -> Vec<&'a str> {
    let (mut front, rest): (Vec<_>, Vec<_>) =
        output.split('\n').partition(|line| unordered.contains(line));
    front.sort_unstable();
    front.extend(rest);
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article() -> Transcript {
        Transcript {
            path: "initializer_worker.console".into(),
            command: "program".to_owned(),
            output: "Initializing worker process.\nInitializing worker process.\n0\n1\n".to_owned(),
        }
    }

    #[test]
    fn whatever_is_unordered_is_a_transcript() {
        let layout = Layout::procpool();
        for (stem, lines) in UNORDERED {
            let path = layout.transcripts().join(stem).with_extension("console");
            let transcript = Transcript::read(&path).expect("it is there");
            for line in lines {
                let found = transcript.output.lines().any(|it| it == *line);
                assert!(found, "{stem} has no line {line:?}");
            }
        }
    }

    #[test]
    fn a_message_may_stand_anywhere() {
        let moved = "Initializing worker process.\n0\nInitializing worker process.\n1\n";
        assert_eq!(article().compare(moved), Ok(()));
    }

    #[test]
    fn contents_are_compared() {
        let message = "Initializing worker process.\n";
        for other in [
            format!("{message}0\n1\n"),
            format!("{message}{message}{message}0\n1\n"),
            format!("{message}{message}1\n0\n"),
            format!("{message}{message}0\n"),
            format!("{message}{message}0\n1\n2\n"),
            format!("{message}{message}0\n1"),
            format!("{message}initializing worker process.\n0\n1\n"),
        ] {
            let error = article().compare(&other).expect_err(&other);
            assert!(error.contains("initializer_worker.console is not what `program` prints"));
        }
    }

    #[test]
    fn other_transcripts_are_compared_as_they_are() {
        let exact = Transcript { path: "late_message.console".into(), ..article() };
        let moved = "Initializing worker process.\n0\nInitializing worker process.\n1\n";
        assert!(exact.compare(moved).is_err());
        assert_eq!(exact.compare(&exact.output), Ok(()));
    }
}
