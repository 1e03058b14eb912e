//! Chaos: pools of every kind, under all requests at once, while their workers are signalled at random
//! instants and new workers are, for moments, refused by the system.
//!
//! In every case, each future settles, once, with the outcome that its task's workers recorded; no
//! accepted task runs more often than once and its retries; a death leaves the outcome of one task
//! unknown; every worker's start, exit, initializer and finalizer agree with the events and hooks; and
//! after each pool no process, thread or descriptor is left.
//!
//! `CHAOS_SECONDS` sets the duration (5 by default), `CHAOS_SEED` the first seed. The seed is printed, and
//! a failing round prints its own, with which it can be started again: the same plan, though never the
//! same instants. The program is `crates/testkit/src/bin/programs/chaos`; limits belong to a process, so
//! each kind of limit has a run of its own.

use std::process::Stdio;

use procpool_testkit::program;
use rand::Rng;

/// The default duration of the chaos, in seconds. More finds more.
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
    let mut command = program::command("chaos");
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

#[test]
fn a_pool_survives_chaos_with_workers_behind_relays() {
    chaos(Some("relays"), 2);
}
