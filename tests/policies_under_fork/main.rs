//! How workers live and end, again, of pools whose workers are forked from this program.
//!
//! These are the tests of `policies`, all of them. Each case runs in a copy of this program, which has
//! one thread, because a program with more is not forked.

include!("modules.rs");

procpool_testkit::run_in_copies!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "fork";

/// How these tests start to make a pool.
fn start() -> procpool::Builder {
    procpool_testkit::start::builder(START_METHOD)
}

#[test]
fn every_module_of_tests_is_here() {
    let this = include_str!("modules.rs");
    let modules = procpool_testkit::program::root().join("tests/policies");
    for entry in std::fs::read_dir(modules).expect("it is a folder") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain");
        let is_here = this.contains(&format!("#[path = \"../policies/{name}\"]"));
        assert!(is_here || name == "main.rs", "{name} is not here");
    }
}
