//! An adapter as a command, and what can be wrong with one.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::limits::Limits;
use super::process;
use crate::contract::{Description, FOLDER_VARIABLE, VERSION};

/// A command that speaks the contract.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// For `sh -c`, without `describe` or `run`.
    pub command: String,
    /// Where it runs.
    pub folder: PathBuf,
}

/// Why an answer is not one of the contract's. Never a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Adapter {
    /// Whether the shell can become it.
    pub(super) fn is_one_program(&self) -> bool {
        !become_it(&self.command).is_empty()
    }

    /// Starts it with `verb` in a process group of its own, its streams files of `scratch`.
    pub(super) fn start(&self, verb: &str, scratch: &Path, stdin: Stdio) -> Result<Child, Fault> {
        let file = |name: &str| {
            File::options()
                .append(true)
                .create(true)
                .open(scratch.join(name))
                .map_err(|error| Fault(format!("{}: {error}", scratch.join(name).display())))
        };
        let (stdout, stderr) = (file(STDOUT)?, file(STDERR)?);
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{}{} {verb}", become_it(&self.command), self.command)])
            .current_dir(&self.folder)
            .env(FOLDER_VARIABLE, scratch)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        process::start(&mut command)
            .map_err(|error| Fault(format!("sh could not be started: {error}")))
    }

    /// Asks what it is.
    ///
    /// # Errors
    ///
    /// It does not answer as the contract says.
    pub fn describe(&self, limits: Limits) -> Result<Description, Fault> {
        let scratch = scratch()?;
        let mut child = self.start("describe", scratch.path(), Stdio::null())?;
        let deadline = Instant::now() + limits.must;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                _ => break None,
            }
        };
        let what = format!("`{} describe`", self.command);
        process::kill_all(&mut child, scratch.path());
        let stdout = std::fs::read(scratch.path().join(STDOUT)).unwrap_or_default();
        let stderr = std::fs::read(scratch.path().join(STDERR)).unwrap_or_default();
        let complaint = match String::from_utf8_lossy(&stderr).trim() {
            "" => String::new(),
            text => format!("; it says: {text}"),
        };
        let Some(status) = status else {
            return Err(Fault(format!("{what} did not end within {:?}{complaint}", limits.must)));
        };
        if !status.success() {
            return Err(Fault(format!("{what} ended with {status}, not 0{complaint}")));
        }
        let description: Description = parse(&stdout)
            .map_err(|error| Fault(format!("{what} printed no description: {error}{complaint}")))?;
        description.check().map_err(|error| Fault(format!("{what}: {error}")))?;
        Ok(description)
    }
}

/// Returns what lets the shell become a command, so that the process which has the pool is the one that
/// was started. A command of several parts stays in the shell's care, and its process is its only child.
fn become_it(command: &str) -> &'static str {
    let assigns = command.split_whitespace().next().is_some_and(|word| word.contains('='));
    let has_parts = command.contains([';', '&', '|', '(', ')', '<', '>', '{', '}', '\n']);
    if assigns || has_parts { "" } else { "exec " }
}

/// The file of a run's standard output.
pub(super) const STDOUT: &str = "stdout";

/// The file of a run's standard error.
pub(super) const STDERR: &str = "stderr";

/// Makes the folder of a run.
pub(super) fn scratch() -> Result<tempfile::TempDir, Fault> {
    tempfile::Builder::new()
        .prefix("conformance-")
        .tempdir()
        .map_err(|error| Fault(format!("no folder could be made for a run: {error}")))
}

/// Decodes a message, or says where in it something is wrong.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let place = error.path().to_string();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        match place.as_str() {
            "." => format!("{} in {text:?}", error.inner()),
            _ => format!("at `{place}`: {} in {text:?}", error.inner()),
        }
    })?;
    from.end().map_err(|error| format!("something follows the message: {error}"))?;
    Ok(value)
}

impl Description {
    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// The version is another, or a policy is missing that a capability needs.
    pub fn check(&self) -> Result<(), String> {
        use crate::contract::Capability as Has;
        if self.contract != VERSION {
            return Err(format!(
                "it speaks version {} of the contract, this suite version {VERSION}",
                self.contract
            ));
        }
        let policies = &self.policies;
        let needed = [
            (Some(Has::Map), "map_error", policies.map_error.is_some()),
            (Some(Has::Drop), "drop", policies.drop.is_some()),
            (Some(Has::WorkerDeath), "worker_death", policies.worker_death.is_some()),
            (Some(Has::Cancel), "cancel_running", policies.cancel_running.is_some()),
            (Some(Has::PoisonDecodeArgument), "bad_argument", policies.bad_argument.is_some()),
            (Some(Has::PoisonDecodeResult), "bad_result", policies.bad_result.is_some()),
            (Some(Has::ShutdownCancel), "second_shutdown", policies.second_shutdown.is_some()),
            (Some(Has::Callbacks), "callback_thread", policies.callback_thread.is_some()),
            (None, "start", policies.start.is_some()),
            (None, "program_end", policies.program_end.is_some()),
        ];
        for (capability, policy, is_there) in needed {
            if is_there {
                continue;
            }
            match capability {
                None => {
                    return Err(format!("the policy `{policy}` is missing, which every pool has"));
                }
                Some(capability) if self.capabilities.contains(&capability) => {
                    let word = capability.word();
                    return Err(format!("the capability `{word}` needs the policy `{policy}`"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::become_it;

    #[test]
    fn a_shell_becomes_a_command_that_is_one() {
        for command in ["python3 a.py spawn", "'/with space/adapter' fork"] {
            assert_eq!(become_it(command), "exec ", "{command}");
        }
        for command in ["cd x && ./a", "A=1 ./a", "./a 2>log", "(./a)", "./a; ./b"] {
            assert_eq!(become_it(command), "", "{command}");
        }
    }
}
