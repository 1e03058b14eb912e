//! How workers live and end, again, of pools whose workers are forked from this program.
//!
//! These are the tests of `policies`, all of them. Each case runs in a copy of this program, which has
//! one thread, because a program with more is not forked.

#[path = "../policies/breaker.rs"]
mod breaker;
#[path = "../api/crossing.rs"]
mod crossing;
#[path = "../policies/events.rs"]
mod events;
#[path = "../policies/finalizer.rs"]
mod finalizer;
#[path = "../policies/hooks.rs"]
mod hooks;
#[path = "../policies/idle.rs"]
mod idle;
#[path = "../policies/kill.rs"]
mod kill;
#[path = "../policies/limits.rs"]
mod limits;
#[path = "../policies/moments.rs"]
mod moments;
#[path = "../policies/nesting.rs"]
mod nesting;
#[path = "../policies/numbers.rs"]
mod numbers;
#[path = "../policies/places.rs"]
mod places;
#[path = "../policies/recycling.rs"]
mod recycling;
#[path = "../policies/replace.rs"]
mod replace;
#[path = "../policies/replacements.rs"]
mod replacements;
#[path = "../policies/shutdown.rs"]
mod shutdown;
#[path = "../policies/support.rs"]
mod support;
#[path = "../policies/terminate.rs"]
mod terminate;
#[path = "../policies/warm_up.rs"]
mod warm_up;

procpool_testkit::run_in_copies!();

/// How these tests start to make a pool.
fn start() -> procpool::Builder {
    procpool_testkit::start::builder("fork")
}

#[test]
fn every_module_of_tests_is_here() {
    let this = include_str!("main.rs");
    let modules = procpool_testkit::program::root().join("tests/policies");
    for entry in std::fs::read_dir(modules).expect("it is a folder") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain");
        let is_here = this.contains(&format!("#[path = \"../policies/{name}\"]"));
        assert!(is_here || name == "main.rs", "{name} is not here");
    }
}
