//! Every recipe, run as its user runs it, on its real parts, and when these fail.
//!
//! Tests that need a server or a tool are ignored; each says which. `just recipe` and the gate run
//! them.

mod c_library;
mod database;
mod device_slots;
mod embedding;
mod logs;
mod one_log;
mod sandbox;
mod support;
mod table;
mod threads;
mod thumbnails;
mod web_server;

use std::fs;
use std::path::Path;

/// A line of code is one that holds anything but a comment.
fn code_lines(text: &str) -> usize {
    let lines = text.lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn each_recipe_is_short_is_in_the_readme_and_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("the file exists");
    let (readme, tests) = (read("README.md"), read("tests/recipes/main.rs"));
    let programs = fs::read_dir(root.join("src/bin")).expect("the folder exists");
    let mut names: Vec<String> = programs
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let listed: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| [`")?.split_once('`').map(|(name, _)| name))
        .collect();
    assert_eq!(listed, names, "the table of the README has a line for each, in order");
    for name in names {
        let lines = code_lines(&read(&format!("src/bin/{name}.rs")));
        assert!(lines <= 100, "{name} has {lines} lines of code");
        assert!(tests.contains(&format!("mod {name};")), "{name} has no test");
    }
}
