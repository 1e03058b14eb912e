//! Names of tests are short, plain sentences: the behaviour, and the condition under which it holds.

use std::fs;
use std::path::{Path, PathBuf};

use procpool_testkit::program;

/// The most characters of a name. Longer ones are cut off in reports; shorter ones lose the condition.
const LONGEST: usize = 70;

/// Words of unclear names, and their replacements.
const BANNED: [(&str, &str); 11] = [
    ("what", "the noun"),
    ("who", "the noun"),
    ("whyever", "the condition"),
    ("somebody", "the noun"),
    ("told", "reported"),
    ("come", "start or arrive"),
    ("comes", "starts or arrives"),
    ("came", "started or arrived"),
    ("so_many", "the limit's name"),
    ("so_long", "the limit's name"),
    ("goes_on", "continues"),
];

/// First words that have no noun to refer to.
const OPENINGS: [&str; 3] = ["that_", "whose_", "it_"];

/// Returns the names of the tests in a Rust or Python source.
fn names(source: &str) -> Vec<&str> {
    fn name<'s>(line: &'s str, keyword: &str) -> Option<&'s str> {
        let line = line.trim_start();
        let is_code = !line.starts_with('#') && !line.starts_with("//");
        let (_, rest) = line.split_once(keyword).filter(|_| is_code)?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    }
    let mut lines = source.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim() == "#[test]" {
            found.extend(lines.by_ref().find_map(|line| name(line, "fn ")));
        } else if line.trim_start().starts_with("def test_") {
            found.extend(name(line, "def test_"));
        }
    }
    found
}

/// Returns the fault of a name.
fn fault(name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return Some(format!("{} characters, {LONGEST} at most", name.len()));
    }
    if let Some(opening) = OPENINGS.iter().find(|opening| name.starts_with(*opening)) {
        return Some(format!("`{opening}` refers to nothing: name it"));
    }
    let words = format!("_{name}_");
    let (banned, instead) = BANNED.iter().find(|(word, _)| words.contains(&format!("_{word}_")))?;
    Some(format!("instead of `{banned}` write {instead}"))
}

/// Returns the sources below `folder`, without build output and installed packages.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it is a folder") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_ours = !name.starts_with('.') && !["target", "node_modules"].contains(&name);
        if path.is_dir() && !path.is_symlink() && is_ours {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "py") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_has_a_plain_name() {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        sources(&program::root().join(folder), &mut files);
    }
    let (mut tests, mut faults) = (0, Vec::new());
    for file in files {
        let source = fs::read_to_string(&file).expect("sources are text");
        for name in names(&source) {
            tests += 1;
            faults.extend(fault(name).map(|it| format!("{}: {name}: {it}", file.display())));
        }
    }
    assert!(tests > 1000, "the tests were found: {tests}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_riddle_is_found_as_the_name_of_a_test() {
    // Not the word itself, so that these are no tests of this file.
    let source = "
        #[TEST]
        #[ignore = \"the fn is slow\"]
        fn what_is_left_is_reported() {}
        fn told_to_nobody() {}
        // A comment.
        #[TEST]
        fn a_cancelled_task_never_runs() {}
        def TEST_a_result_comes(self):
    "
    .replace("TEST", "test");
    assert_eq!(
        names(&source),
        ["what_is_left_is_reported", "a_cancelled_task_never_runs", "a_result_comes"]
    );
    assert_eq!(fault("a_cancelled_task_never_runs"), None);
    assert_eq!(fault("somewhat_slow_tasks_welcome"), None, "whole words only");
    assert_eq!(
        fault("a_result_comes").as_deref(),
        Some("instead of `comes` write starts or arrives")
    );
    assert_eq!(fault("it_runs_once").as_deref(), Some("`it_` refers to nothing: name it"));
    assert_eq!(fault(&"a".repeat(71)).as_deref(), Some("71 characters, 70 at most"));
}
