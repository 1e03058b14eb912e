//! The list of peers, and how each is started.
//!
//! Owns the meaning of `peers/peers.json`. Must not know the protocol.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Outcome;

/// One peer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The program and its arguments. `python` stands for the one that `peers/install` prepares,
    /// `cargo-bin` with a name for a program of this workspace, built beside this one.
    command: Vec<String>,
    /// The command that makes the program startable, unless it is `peers/install`.
    #[serde(default)]
    prepare: Option<String>,
    /// The folder in which it is started.
    #[serde(skip)]
    folder: PathBuf,
}

impl Entry {
    /// Returns the command that starts it, or `None` when it is empty.
    pub(crate) fn command(&self) -> Option<Command> {
        let (program, mut arguments) = self.command.split_first()?;
        let program = match program.as_str() {
            "python" => self.folder.join("peers/.venv/bin/python"),
            "cargo-bin" => {
                let (name, rest) = arguments.split_first()?;
                arguments = rest;
                std::env::current_exe().unwrap_or_default().with_file_name(name)
            }
            // A path is relative to the folder, a plain name is looked up in PATH.
            path if path.contains('/') => self.folder.join(path),
            name => PathBuf::from(name),
        };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        Some(command)
    }

    /// The remedy if it cannot be started; follows the reason.
    pub(crate) fn advice(&self) -> String {
        let prepare = self.prepare.as_deref().unwrap_or("crates/bench/peers/install");
        format!("; to prepare it: {prepare}")
    }

    /// The same, started in `folder`.
    #[must_use]
    pub(crate) fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }
}

/// Reads the list in `folder`, to which its paths are relative. Without a list there are no peers.
pub(crate) fn read(folder: &Path) -> Outcome<Vec<Entry>> {
    let path = folder.join("peers/peers.json");
    if !path.exists() {
        eprintln!("there is no {}, so there are no peers", path.display());
        return Ok(Vec::new());
    }
    let entries: Vec<Entry> = serde_json::from_str(&fs::read_to_string(&path)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(entries.into_iter().map(|entry| entry.in_folder(folder)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(text: &str) -> Vec<Entry> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("peers")).unwrap();
        fs::write(folder.path().join("peers/peers.json"), text).unwrap();
        let entries = read(folder.path()).unwrap();
        entries.into_iter().map(|entry| entry.in_folder("/bench")).collect()
    }

    fn program(entry: &Entry) -> PathBuf {
        entry.command().unwrap().get_program().into()
    }

    #[test]
    fn programs_are_found_in_their_folders() {
        let entries = roster(
            r#"[{"name":"a","command":["python","peers/python/peer.py","loky"],"prepare":"x"},
                {"name":"b","command":["node","peers/node/peer.mjs"]},
                {"name":"c","command":["peers/c"]},
                {"name":"d","command":["cargo-bin","procpool-bench-procspawn","x"]}]"#,
        );
        assert_eq!(program(&entries[0]), Path::new("/bench/peers/.venv/bin/python"));
        assert_eq!(entries[0].command().unwrap().get_args().last().unwrap(), "loky");
        assert_eq!(program(&entries[1]), Path::new("node"));
        assert_eq!(program(&entries[2]), Path::new("/bench/peers/c"));
        let beside = std::env::current_exe().unwrap().with_file_name("procpool-bench-procspawn");
        assert_eq!(program(&entries[3]), beside);
        assert_eq!(entries[3].command().unwrap().get_args().collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn a_command_may_be_missing() {
        assert!(roster(r#"[{"name":"x","command":[]}]"#)[0].command().is_none());
        assert!(roster(r#"[{"name":"x","command":["cargo-bin"]}]"#)[0].command().is_none());
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_empty(), "there need not be one");
        fs::create_dir(folder.path().join("peers")).unwrap();
        fs::write(folder.path().join("peers/peers.json"), "{").unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("peers.json"));
    }
}
