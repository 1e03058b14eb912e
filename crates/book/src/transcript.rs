//! Transcripts: a command as typed, and its output.
//!
//! A transcript's first line is `$ ` and the command; the rest is its standard output. A file with only
//! the first line is a new transcript: `bless` writes the rest. Owns the running and the comparing; knows
//! no page.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::layout::{Layout, files_below};
use anyhow::{Context, Result, bail};

/// Lines that two workers print in an order that is not guaranteed, by transcript.
///
/// Such lines may be anywhere in the output. Their number, their text and the order of all other lines are
/// compared.
const UNORDERED: [(&str, &[&str]); 7] = [
    ("initializer_worker", &["Initializing worker process."]),
    ("initializer_worker_py", &["Initializing worker process."]),
    ("hosts", &["Initializing worker process."]),
    ("hosts_batch", &["Initializing worker process."]),
    ("initargs", LOG),
    ("initargs_py", LOG),
    // A shell and a worker, which both see the end of a program.
    ("orphan_py", &["the program is gone, its task runs on"]),
];

/// Starts hosts with Slurm, runs a command on the first one, and ends them.
const CLUSTER: &str = "crates/hosts/tests/slurm/cluster";

/// Transcripts of commands that fail on purpose.
const FAILING: [&str; 2] = ["forgetful_adapter", "replay"];

/// Transcripts with the times and processes of events. In their lines that begin with a space, and in
/// those of totals, numbers may differ. Trials end in any order, and events of workers may be before or
/// after those of the client.
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
    /// The command's output when the transcript was made.
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

    /// Returns whether the command is Slurm's. It then runs on hosts made for it, which takes root and Slurm.
    pub fn needs_slurm(&self) -> bool {
        is_slurms(&self.command)
    }

    /// Runs the command in `root` and returns its output.
    ///
    /// A shell reads the command, as on a reader's machine. Paths of files in `root` in its output are
    /// made relative to it, since the folder differs between machines.
    ///
    /// # Errors
    ///
    /// When it cannot be run, fails (or does not, if it must), or prints text that is not UTF-8.
    pub fn run(&self, root: &Path) -> Result<String> {
        let hosts = tempfile::tempdir()?;
        let output = shell(&self.command, root, hosts.path())
            .stdin(Stdio::null())
            // Set in many containers. Python then writes a line's text and its end separately,
            // and lines of two workers mix.
            .env_remove("PYTHONUNBUFFERED")
            // Set, a backtrace is what a worker writes last.
            .env_remove("RUST_BACKTRACE")
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
    /// Both texts, when they differ in more than the positions of unordered lines, and times.
    pub fn compare(&self, output: &str) -> Result<(), String> {
        let unordered = UNORDERED.iter().find(|(stem, _)| self.is_among(&[stem]));
        let unordered = unordered.map_or(&[][..], |(_, lines)| lines);
        let timed = self.is_among(&TIMED);
        let plain = |text| {
            let moves = |line: &str| unordered.contains(&line) || (timed && is_trial(line));
            let lines = normalised(text, moves).into_iter();
            let line = |line: &str| if timed { without_numbers(line) } else { line.to_owned() };
            let mut lines: Vec<String> = lines.map(line).collect();
            // The order of two processes is not guaranteed.
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

fn is_slurms(command: &str) -> bool {
    ["salloc ", "sbatch "].iter().any(|start| command.starts_with(start))
}

/// Returns what runs a command in `root`. One of Slurm's runs on hosts that are made for it, in the folder `hosts`.
pub(crate) fn shell(command: &str, root: &Path, hosts: &Path) -> Command {
    let mut shell = Command::new("sh");
    if is_slurms(command) {
        shell = Command::new(root.join(CLUSTER));
        shell.arg(hosts).arg("sh");
    }
    shell.args(["-c", command]).current_dir(root);
    shell
}

/// Moves the lines that `moves` selects to the front, sorted. Nothing is left out and nothing is changed.
fn normalised(output: &str, moves: impl Fn(&str) -> bool) -> Vec<&str> {
    let (mut front, rest): (Vec<_>, Vec<_>) = output.split('\n').partition(|line| moves(line));
    front.sort_unstable();
    front.extend(rest);
    front
}

fn is_trial(line: &str) -> bool {
    line.starts_with("test ") && line.contains("::")
}

/// The beginnings, without numbers, of lines about the time and the worker of an event.
const WORKER: &str = "#ms#";

/// Replaces each number, with the spaces around it, by one sign in a line with times: a shorter number has
/// more spaces, before or after it.
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
