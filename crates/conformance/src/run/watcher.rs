//! The watcher: ends the runs of a suite that was ended itself.
//!
//! ```text
//! suite ── a pipe, never written to ──▶ sh watch.sh: at its end, kills what is left and removes the folders
//! ```
//!
//! It needs no signal handler, so it works for every signal, SIGKILL too, and for every other end. It is
//! in a process group of its own: signals to the suite's group, such as that of Ctrl-C, do not reach it.
//! Owns the folder that contains the folders of all runs.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::{Builder, TempDir};

use super::fault::Fault;
use super::process;

/// The folder of all runs of this suite, and its watcher.
#[derive(Debug)]
struct Watched {
    runs: PathBuf,
    /// Kept for its standard input, which is closed when this process exits.
    _watcher: Child,
}

/// Creates the folder of a run.
pub(super) fn scratch() -> Result<TempDir, Fault> {
    static WATCHED: OnceLock<Result<Watched, String>> = OnceLock::new();
    let watched = WATCHED.get_or_init(|| watch().map_err(|error| error.to_string()));
    let made = watched.as_ref().map_err(Clone::clone).and_then(|watched| {
        let made = Builder::new().prefix("run-").tempdir_in(&watched.runs);
        made.map_err(|error| format!("{}: {error}", watched.runs.display()))
    });
    made.map_err(|error| Fault(format!("no folder could be made for a run: {error}")))
}

fn watch() -> std::io::Result<Watched> {
    let runs = Builder::new().prefix("conformance-").tempdir()?;
    // Its time is the start of the suite.
    std::fs::write(runs.path().join("began"), "")?;
    let mut command = Command::new("sh");
    command
        .args(["-c", include_str!("watch.sh"), "watch"])
        .arg(runs.path())
        .current_dir("/")
        .stdin(Stdio::piped())
        // A reader of the suite's output waits for the suite, not for the watcher.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let watcher = process::start(&mut command)?;
    // From here on the watcher removes it.
    Ok(Watched { runs: runs.keep(), _watcher: watcher })
}
