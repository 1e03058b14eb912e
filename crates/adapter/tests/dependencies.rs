//! An adapter reads the contract, and compiles no part of the suite for it.

use std::process::{Command, Stdio};

/// Crates that only the suite needs: a reader of command lines, a tester of properties, a runner of
/// trials.
const OF_THE_SUITE: [&str; 3] = ["clap", "libtest-mimic", "proptest"];

/// Returns the packages of [`OF_THE_SUITE`] on which a package of this workspace depends.
fn of_the_suite(package: &str) -> Vec<&'static str> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--offline", "--prefix", "none", "--format", "{p}", "--package", package]);
    let output = cargo.stdin(Stdio::null()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    let names = text.lines().filter_map(|line| line.split(' ').next());
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&package), "{text}");
    OF_THE_SUITE.into_iter().filter(|name| names.contains(name)).collect()
}

#[test]
fn an_adapter_depends_on_nothing_of_the_suite() {
    assert_eq!(of_the_suite("procpool-adapter"), [""; 0]);
    assert_eq!(of_the_suite("procpool-conformance"), OF_THE_SUITE, "the search finds them");
}
