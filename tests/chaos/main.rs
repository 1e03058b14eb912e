//! Chaos: pools of every kind, asked for everything at once, while their workers are signalled at
//! random instants and there is, for moments, no room for new ones.
//!
//! Whatever happens: every future settles, once, and to what its task's workers wrote down; no
//! accepted task runs more often than once and its retries; a death leaves one task in doubt; every
//! worker's start, end, initializer and finalizer are as the events and hooks say; and after each
//! pool no process, thread or descriptor is left.
//!
//! `CHAOS_SECONDS` says for how long (5 by default), `CHAOS_SEED` how it begins. The seed is printed,
//! and a round that fails says its own, with which it can be started again: the same plan, though
//! never the same instants. The program is `crates/testkit/src/bin/chaos`; limits are a process's
//! own, so each kind of limit has a run of its own.

use std::process::{Command, Stdio};

use procpool_testkit::program;
use rand::Rng;

/// For how long there is chaos, in seconds, if nothing else is said. More finds more.
const SECONDS: u64 = 5;

fn knob(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// Runs the program for `share` of 5 parts of the time, and asserts that it found nothing.
fn chaos(limit: Option<&str>, share: u64) {
    let seed = knob("CHAOS_SEED").unwrap_or_else(|| rand::rng().next_u32().into());
    let seconds = knob("CHAOS_SECONDS").unwrap_or(SECONDS) * share / 5;
    println!("CHAOS_SEED={seed}");
    let mut command = Command::new(program::path("chaos"));
    command.args([seed.to_string(), seconds.to_string()]).args(limit);
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    println!("{stdout}");
    assert!(output.status.success(), "CHAOS_SEED={seed}: {}\n{stderr}", output.status);
}

// Behaviours: CAN-02, CAN-07, BRK-05, BRK-17, BRK-24, MTC-04, LEAK-03.
#[test]
fn a_pool_survives_chaos() {
    chaos(None, 3);
}

// Behaviours: LEAK-01.
#[test]
fn a_pool_survives_chaos_with_moments_without_descriptors() {
    chaos(Some("descriptors"), 1);
}

// Behaviours: SHUT-32.
#[test]
fn a_pool_survives_chaos_with_moments_without_processes() {
    chaos(Some("processes"), 1);
}
