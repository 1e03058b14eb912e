//! The steps of the page on adapters, from nothing to a first verdict, work as written there.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use procpool_book::layout::Layout;
use procpool_testkit::program;

/// Returns the commands of the page that begin so.
fn commands<'a>(page: &'a str, beginning: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.starts_with(beginning)).collect()
}

/// Runs a command of the page for a reader who has installed the suite.
fn shell(command: &str, folder: &Path) -> Output {
    let suite = program::path("conformance");
    let mut path = OsString::from(suite.parent().expect("a program is in a folder"));
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    shell.output().unwrap_or_else(|error| panic!("`{command}` cannot be run: {error}"))
}

#[test]
#[ignore = "needs python3: runs the adapter with which the book has readers begin"]
fn the_adapter_page_leads_to_a_verdict() {
    let page = Layout::procpool().pages().join("adapter.md");
    let page = fs::read_to_string(page).expect("the page can be read");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let [init] = commands(&page, "conformance init ")[..] else { panic!("the page begins once") };
    let said = shell(init, folder.path());
    assert!(said.status.success(), "{init}: {}", String::from_utf8_lossy(&said.stderr));
    let [enter] = commands(&page, "cd ")[..] else { panic!("the page changes the folder once") };
    let folder = folder.path().join(enter.trim_start_matches("cd "));

    let runs = commands(&page, "conformance run ");
    let first = runs.first().expect("the page shows how a pool is judged");
    let said = shell(first, &folder);
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
    assert!(text.contains("test spawn::article.initargs") && text.contains(" 0 failed"), "{text}");
    // The others are about more cases and about files of the reader.
    for run in &runs {
        assert!(run.starts_with("conformance run 'python3 adapter.py'"), "{run}");
    }
    let [check] = commands(&page, "conformance check ")[..] else { panic!("it checks once") };
    let said = shell(check, &folder);
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && text.contains("✓ describe: template (spawn)"), "{text}");

    fs::remove_file(folder.join("runtime.py")).expect("it was written");
    let said = shell(first, &folder);
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success(), "an adapter without its runtime is none");
    assert!(text.contains("No module named 'runtime'"), "{text}");
}
