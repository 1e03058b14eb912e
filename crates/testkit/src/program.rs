//! Programs that tests run in processes of their own, built before they are run.
//!
//! `cargo test --test NAME` builds that test and nothing else, so the program it runs may be missing or
//! stale. Calling cargo here costs a fraction of a second when everything is built.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The executable that has most programs of this crate.
const PROGRAMS: &str = "programs";

/// Returns the executable of the example or of the program in this crate called `name`, which has one of
/// its own.
///
/// # Panics
///
/// When it does not build, or there is none of that name.
pub fn path(name: &str) -> PathBuf {
    find(built(), name)
}

/// Returns the command of the example or of the program in this crate called `name`. A program without an
/// executable of its own is part of the executable `programs`, whose first argument is `name`.
///
/// # Panics
///
/// When it does not build.
pub fn command(name: &str) -> Command {
    match built().get(name) {
        Some(executable) => Command::new(executable),
        None => in_programs(built(), name),
    }
}

/// Returns the command of a program in the executable `programs`, built so that a panic aborts.
///
/// # Panics
///
/// As for [`command`].
pub fn command_with_abort(name: &str) -> Command {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        say("the pool is compiled once more, so that panics abort: about 10 s");
        // This program is target/debug/deps/NAME. In the folder of users' packages there are the macros of
        // the pool's dependencies already, and no other programs of these names.
        let target = std::env::current_exe().expect("this program is in a folder of cargo's");
        let users =
            target.ancestors().nth(3).expect("it is in target/debug/deps").join("tmp/users");
        let users = users.to_str().expect("the workspace's path is text");
        let abort = ["--config", "profile.dev.panic='abort'", "--target-dir", users];
        // Built once.
        let whole = ["--config", "profile.dev.incremental=false"];
        let programs = ["--package", "procpool-testkit", "--bin", PROGRAMS];
        build(&[&abort[..], &whole, &programs].concat())
    });
    in_programs(built, name)
}

/// Says something past the harness, which shows what is printed of tests that fail only: for programs that are silent
/// for long.
pub fn say(text: &str) {
    // Where nobody hears it, nobody misses it.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns the executable of a program in this crate, building nothing else.
///
/// # Panics
///
/// As for [`path`].
pub fn path_alone(name: &str) -> PathBuf {
    find(&build(&["--package", "procpool-testkit", "--bin", name]), name)
}

/// Returns the executable of the test called `name`, which has a main function of its own.
///
/// # Panics
///
/// As for [`path`].
pub fn test(name: &str) -> PathBuf {
    find(&build(&["--test", name]), name)
}

/// Returns the workspace's folder.
pub fn root() -> &'static Path {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).expect("this crate is in the workspace's crates folder")
}

/// The programs and examples of the workspace, by name.
fn built() -> &'static HashMap<String, PathBuf> {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    // The same packages and kinds of targets as `cargo test` builds, so nothing is built twice.
    BUILT.get_or_init(|| build(&["--bins", "--examples"]))
}

fn in_programs(built: &HashMap<String, PathBuf>, name: &str) -> Command {
    let mut command = Command::new(find(built, PROGRAMS));
    command.arg(name);
    command
}

fn find(built: &HashMap<String, PathBuf>, name: &str) -> PathBuf {
    built.get(name).unwrap_or_else(|| panic!("there is no program called {name}")).clone()
}

fn build(arguments: &[&str]) -> HashMap<String, PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build").args(arguments).arg("--message-format=json").current_dir(root());
    if !cfg!(debug_assertions) && !arguments.contains(&"--config") {
        cargo.arg("--release");
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::piped()).output().expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    if !output.status.success() {
        let errors: String =
            messages.filter_map(|m| m["message"]["rendered"].as_str().map(str::to_owned)).collect();
        panic!("{cargo:?} failed:\n{}{errors}", String::from_utf8_lossy(&output.stderr));
    }
    messages
        .filter_map(|message| {
            let executable = message["executable"].as_str()?.into();
            Some((message["target"]["name"].as_str()?.to_owned(), executable))
        })
        .collect()
}
