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

/// Transcripts of commands that fail, since failing is what they show.
const FAILING: [&str; 2] = ["forgetful_adapter", "replay"];

/// Transcripts that tell what happened when, in which process. In their lines that begin with a space,
/// and in those that sum up, a number may be another one each time. Trials end in any order, and what
/// workers did may stand before or after what the client did.
const TIMED: [&str; 3] = ["template_adapter", "forgetful_adapter", "replay"];

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
        self.command.contains("python3 ")
    }

    /// Runs the command in `root` and returns what it prints.
    ///
    /// A shell reads the command, as it does where a reader types it. What it prints of files in
    /// `root` is made relative to it, since `root` is another folder for everybody.
    ///
    /// # Errors
    ///
    /// When it cannot be run, fails (or does not, if it is to fail), or prints what is not text.
    pub fn run(&self, root: &Path) -> Result<String> {
        let output = Command::new("sh")
            .args(["-c", &self.command])
            .current_dir(root)
            .stdin(Stdio::null())
            // Set in many containers. Python then writes a line's text and its end separately,
            // and lines of two workers mix.
            .env_remove("PYTHONUNBUFFERED")
            .output()
            .with_context(|| format!("`{}` cannot be run", self.command))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        match (output.status.success(), self.is_among(&FAILING)) {
            (false, false) => bail!("`{}` failed: {}\n{errors}", self.command, output.status),
            (true, true) => bail!("`{}` did not fail, which it is to show", self.command),
            _ => {}
        }
        let text = String::from_utf8(output.stdout).with_context(|| self.command.clone())?;
        Ok(text.replace(&format!("{}/", root.display()), ""))
    }

    /// Compares what the command printed now with the transcript.
    ///
    /// # Errors
    ///
    /// Both texts, when they differ in more than the places of unordered lines, and times.
    pub fn compare(&self, output: &str) -> Result<(), String> {
        let unordered = UNORDERED.iter().find(|(stem, _)| self.is_among(&[stem]));
        let unordered = unordered.map_or(&[][..], |(_, lines)| lines);
        let timed = self.is_among(&TIMED);
        let plain = |text| {
            let moves = |line: &str| unordered.contains(&line) || (timed && is_trial(line));
            let lines = normalised(text, moves).into_iter();
            let line = |line: &str| if timed { without_numbers(line) } else { line.to_owned() };
            let mut lines: Vec<String> = lines.map(line).collect();
            // Nobody promises which of two processes comes first.
            lines.sort_by_key(|line| line.starts_with(WORKER));
            lines
        };
        if plain(&self.output) == plain(output) {
            return Ok(());
        }
        let mut message = format!("{} is not what `{}` prints", self.path.display(), self.command);
        let _ = write!(message, "\n--- transcript\n{}--- now\n{output}", self.output);
        Err(message)
    }

    fn is_among(&self, stems: &[&str]) -> bool {
        let name = self.path.file_stem().unwrap_or_default();
        stems.iter().any(|stem| name == *stem)
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

/// Moves the lines that `moves` picks to the front, sorted. Nothing is left out and nothing is changed.
fn normalised(output: &str, moves: impl Fn(&str) -> bool) -> Vec<&str> {
    let (mut front, rest): (Vec<_>, Vec<_>) = output.split('\n').partition(|line| moves(line));
    front.sort_unstable();
    front.extend(rest);
    front
}

fn is_trial(line: &str) -> bool {
    line.starts_with("test ") && line.contains("::")
}

/// How a line begins, without numbers, that tells when and in which worker something happened.
const WORKER: &str = "#ms#";

/// Leaves one sign of each number, with the spaces around it, in a line that tells of times: a shorter
/// number has more of them, before or after it.
fn without_numbers(line: &str) -> String {
    if !line.starts_with(' ') && !line.starts_with("test result: ") {
        return line.to_owned();
    }
    let mut plain = String::new();
    for word in line.split_inclusive(|letter: char| !letter.is_ascii_digit() && letter != '.') {
        let rest = word.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        if rest.len() < word.len() {
            plain.truncate(plain.trim_end_matches(' ').len());
            plain.push('#');
        }
        if plain.ends_with('#') {
            plain.push_str(rest.trim_start_matches(' '));
        } else {
            plain.push_str(rest);
        }
    }
    plain
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
    fn unordered_lines_in_any_order_are_a_transcript() {
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
    fn a_message_may_be_anywhere() {
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
    fn only_times_and_process_ids_may_differ() {
        let timed = Transcript {
            path: "replay.console".into(),
            output:
                "test a::1\ntest b::2\na 1\n   0.3 ms  main  new p …\n  16.1 ms  7396   end \"a\"\n"
                    .to_owned(),
            ..article()
        };
        let later =
            "test b::2\ntest a::1\na 1\n   2.0 ms   41  end \"a\"\n 116.1 ms  main  new p …\n";
        assert_eq!(timed.compare(later), Ok(()));
        for (from, to) in
            [("a 1", "a 2"), ("b::2", "b::3"), ("new p", "new q"), ("end", "begin"), ("…\n", "…")]
        {
            let other = later.replace(from, to);
            assert!(timed.compare(&other).is_err(), "{other} is the same to it");
        }
        let exact = Transcript { path: "late_message.console".into(), ..timed.clone() };
        assert!(exact.compare(later).is_err());
    }

    #[test]
    fn a_transcript_of_a_failure_fails() {
        let transcript = |stem: &str, command: &str| Transcript {
            path: format!("{stem}.console").into(),
            command: command.to_owned(),
            output: String::new(),
        };
        let run = |stem, command| transcript(stem, command).run(Path::new("/usr"));
        assert_eq!(run("forgetful_adapter", "echo $PWD/no; false").expect("it fails"), "no\n");
        let error = run("forgetful_adapter", "true").expect_err("it does not fail");
        assert_eq!(error.to_string(), "`true` did not fail, which it is to show");
        assert!(run("template_adapter", "false").is_err());
        assert!(FAILING.iter().all(|stem| TIMED.contains(stem)), "the suite's failures have times");
    }

    #[test]
    fn other_transcripts_are_compared_literally() {
        let exact = Transcript { path: "late_message.console".into(), ..article() };
        let moved = "Initializing worker process.\n0\nInitializing worker process.\n1\n";
        assert!(exact.compare(moved).is_err());
        assert_eq!(exact.compare(&exact.output), Ok(()));
    }
}
