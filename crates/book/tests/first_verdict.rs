//! The steps of the page on adapters, from nothing to a first verdict, work as written there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use procpool_book::layout::Layout;

/// The page's name for the reader's adapter.
const ADAPTER: &str = "my_adapter.py";

/// Returns the lines of the page that begin so.
fn commands<'a>(page: &'a str, beginning: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.starts_with(beginning)).collect()
}

fn shell(command: &str, folder: &Path) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).stdin(Stdio::null());
    shell.output().unwrap_or_else(|error| panic!("`{command}` cannot be run: {error}"))
}

/// Follows the page with the adapter in a folder of its own, and returns the suite's output at the end.
fn verdict(copies: &[&str], judges: &str) -> Output {
    let root = Layout::procpool().root;
    let folder = tempfile::tempdir().expect("there is room for a folder");
    // Copied files are named relative to the top folder.
    symlink(root.join("crates"), folder.path().join("crates")).expect("the folder is empty");
    for copy in copies {
        let output = shell(copy, folder.path());
        assert!(output.status.success(), "`{copy}`: {}", String::from_utf8_lossy(&output.stderr));
    }
    let adapter = folder.path().join(ADAPTER);
    let judges = judges.replace(ADAPTER, adapter.to_str().expect("a plain name"));
    // The page runs everything; its own transcripts show only one area.
    shell(&format!("{judges} -- article"), &root)
}

#[test]
#[ignore = "needs python3: runs the adapter that the book has readers copy"]
fn the_adapter_page_leads_to_a_verdict() {
    let page = Layout::procpool().pages().join("adapter.md");
    let page = fs::read_to_string(page).expect("the page can be read");
    let copies = commands(&page, "cp ");
    let judges = commands(&page, "PROCPOOL_ADAPTER=");
    assert_eq!(copies.len(), 2, "the adapter and its runtime are copied");
    let judges = judges.first().expect("the page shows how an adapter is judged");

    let said = verdict(&copies, judges);
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
    assert!(text.contains("test spawn::article.initargs") && text.contains(" 0 failed"), "{text}");

    let said = verdict(&copies[..1], judges);
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success(), "an adapter without its runtime is none");
    assert!(text.contains("No module named 'runtime'"), "{text}");
}
