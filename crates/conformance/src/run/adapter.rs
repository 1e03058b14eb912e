//! An adapter as a command, and its possible faults.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use procpool_contract::{Description, FOLDER_VARIABLE};

use super::fault::Fault;
use super::limits::Limits;
use super::patience::Patience;
use super::watcher::scratch;
use super::{end, process};
use crate::environment::{EMPTY, LINES, LINES_VALUE};

/// A command that speaks the contract.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// For `sh -c`, without `describe` or `run`.
    pub command: String,
    /// The folder in which it runs.
    pub folder: PathBuf,
}

impl Adapter {
    /// Whether the shell can replace itself by it.
    pub(super) fn is_one_program(&self) -> bool {
        !become_it(&self.command).is_empty()
    }

    /// Starts it with `verb` in a process group of its own; its streams are files in `scratch`.
    pub(super) fn start(&self, verb: &str, scratch: &Path, stdin: Stdio) -> Result<Child, Fault> {
        let file = |name: &str| {
            File::options()
                .append(true)
                .create(true)
                .open(scratch.join(name))
                .map_err(|error| Fault(format!("{}: {error}", scratch.join(name).display())))
        };
        let (stdout, stderr) = (file(STDOUT)?, file(STDERR)?);
        let temporary = scratch.join(TEMPORARY);
        std::fs::create_dir_all(&temporary)
            .map_err(|error| Fault(format!("{}: {error}", temporary.display())))?;
        // The watcher knows the group before the group has a process that could be left over.
        let group = format!("echo $$ >\"${FOLDER_VARIABLE}/{}\"", process::GROUP);
        let adapter = format!("{}{} {verb}", become_it(&self.command), self.command);
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{group}\n{adapter}")])
            .current_dir(&self.folder)
            .env(FOLDER_VARIABLE, scratch)
            .env("TMPDIR", temporary)
            .env(EMPTY, "")
            .env(LINES, LINES_VALUE)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        process::start(&mut command).map_err(|error| {
            Fault(format!("sh could not be started in {}: {error}", self.folder.display()))
        })
    }

    /// Asks for its description.
    ///
    /// # Errors
    ///
    /// It does not answer as the contract says.
    pub fn describe(&self, limits: Limits) -> Result<Description, Fault> {
        let scratch = scratch()?;
        let mut child = self.start("describe", scratch.path(), Stdio::null())?;
        let mut patience = Patience::new(limits.must, Instant::now() + limits.whole);
        let status = loop {
            let flood = [STDOUT, STDERR].iter().find_map(|name| flood(scratch.path(), name));
            match child.try_wait() {
                _ if flood.is_some() => break Err(flood.unwrap_or_default()),
                Ok(Some(status)) => break Ok(status),
                _ if patience.is_over(child.id(), scratch.path()) => {
                    break Err(format!("it did not end within {}", patience.described()));
                }
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let what = format!("`{} describe`", self.command);
        end::kill_all(&mut child, scratch.path(), BTreeSet::new());
        let stdout = std::fs::read(scratch.path().join(STDOUT)).unwrap_or_default();
        let complaint = match stderr(scratch.path()).trim() {
            "" => String::new(),
            text => format!("; it says: {}", text.chars().take(MOST_SAID).collect::<String>()),
        };
        let status = status.map_err(|error| Fault(format!("{what}: {error}{complaint}")))?;
        if !status.success() {
            return Err(Fault(format!("{what} ended with {status}, not 0{complaint}")));
        }
        let description = Description::from_json(&stdout)
            .map_err(|error| Fault(format!("{what} printed no description: {error}{complaint}")))?;
        description.check().map_err(|error| Fault(format!("{what}: {error}")))?;
        Ok(description.with_contained())
    }
}

/// Returns the prefix by which the shell replaces itself by a command, so that the process that has the
/// pool is the one that was started. A command of several parts stays a child of the shell, its only one.
fn become_it(command: &str) -> &'static str {
    let assigns = command.split_whitespace().next().is_some_and(|word| word.contains('='));
    let has_parts = command.contains([';', '&', '|', '(', ')', '<', '>', '{', '}', '\n']);
    if assigns || has_parts { "" } else { "exec " }
}

/// The file of a run's standard output.
pub(super) const STDOUT: &str = "stdout";

/// The folder for the temporary files of a run.
pub(super) const TEMPORARY: &str = "tmp";

/// The file of a run's standard error.
pub(super) const STDERR: &str = "stderr";

/// The largest size of a file that an adapter and its workers write. The largest case prints a quarter of
/// a megabyte and returns some; an adapter that writes more is at fault, before the disk is full.
const MOST: u64 = 64 << 20;

/// The number of bytes of a run's standard error that are kept.
const MOST_STDERR: u64 = 1 << 20;

/// The number of characters of it in a fault.
pub(super) const MOST_SAID: usize = 2000;

/// Returns a fault if a file of the run in `scratch` is too long.
pub(super) fn flood(scratch: &Path, name: &str) -> Option<String> {
    let length = std::fs::metadata(scratch.join(name)).map_or(0, |about| about.len());
    (length > MOST).then(|| format!("it has written more than {MOST} bytes to {name}"))
}

/// Returns the beginning of the standard error of the run in `scratch`.
pub(super) fn stderr(scratch: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(scratch.join(STDERR)) {
        // Unreadable text is left out.
        let _ = file.take(MOST_STDERR).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::become_it;

    #[test]
    fn a_shell_is_replaced_by_a_single_command() {
        for command in ["python3 a.py spawn", "'/with space/adapter' fork"] {
            assert_eq!(become_it(command), "exec ", "{command}");
        }
        for command in ["cd x && ./a", "A=1 ./a", "./a 2>log", "(./a)", "./a; ./b"] {
            assert_eq!(become_it(command), "", "{command}");
        }
    }
}
