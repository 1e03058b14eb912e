//! Judges of cases on made-up histories: each passes the actions of an ideal pool, and finds those of a
//! bad one, with a message that describes them.

mod cancel;
mod codec;
mod config;
mod death;
mod fork;
mod future;
mod ideal;
mod init;
mod leak;
mod made;
mod map;
mod mapped;
mod nested;
mod output;
mod parent;
mod recycle;
mod rules;
mod shutdown;
mod start;
mod submit;
mod surroundings;
mod timeout;
mod values;
mod wait;

use std::collections::BTreeSet;

use made::Made;
use procpool_conformance::case::Level;
use procpool_conformance::cases;

/// A good history, and bad ones with the required messages.
type Entry = (fn() -> Made, Bad);

/// Edits that make a history bad, each with the required message.
type Bad = Vec<(fn(Made) -> Made, &'static str)>;

/// The areas whose judges are tested here.
const AREAS: [&str; 20] = [
    "init",
    "config",
    "submit",
    "map",
    "values",
    "start",
    "recycle",
    "future",
    "cancel",
    "wait",
    "shutdown",
    "death",
    "timeout",
    "codec",
    "parent",
    "nested",
    "fork",
    "output",
    "leak",
    "surroundings",
];

fn check(entries: &[Entry]) {
    for (good, bad) in entries {
        good().passes();
        assert!(!bad.is_empty(), "{} has no bad history", good().id());
        for (change, words) in bad {
            change(good()).is_found(words);
        }
    }
}

#[test]
fn config_judges_find_faults() {
    check(&config::entries());
}

#[test]
fn submit_judges_find_faults() {
    check(&submit::entries());
}

#[test]
fn map_judges_find_faults() {
    check(&map::entries());
}

#[test]
fn values_judges_find_faults() {
    check(&values::entries());
}

#[test]
fn timeout_judges_find_faults() {
    check(&timeout::entries());
}

#[test]
fn output_judges_find_faults() {
    check(&output::entries());
}

#[test]
fn init_judges_find_faults() {
    check(&init::entries());
}

#[test]
fn start_judges_find_faults() {
    check(&start::entries());
}

#[test]
fn recycle_judges_find_faults() {
    check(&recycle::entries());
}

#[test]
fn death_judges_find_faults() {
    check(&death::entries());
}

#[test]
fn codec_judges_find_faults() {
    check(&codec::entries());
}

#[test]
fn parent_judges_find_faults() {
    check(&parent::entries());
}

#[test]
fn nested_judges_find_faults() {
    check(&nested::entries());
}

#[test]
fn fork_judges_find_faults() {
    check(&fork::entries());
}

#[test]
fn future_judges_find_faults() {
    check(&future::entries());
}

#[test]
fn cancel_judges_find_faults() {
    check(&cancel::entries());
}

#[test]
fn wait_judges_find_faults() {
    check(&wait::entries());
}

#[test]
fn shutdown_judges_find_faults() {
    check(&shutdown::entries());
}

#[test]
fn leak_judges_find_faults() {
    check(&leak::entries());
}

#[test]
fn surroundings_judges_find_faults() {
    check(&surroundings::entries());
}

#[test]
fn every_judge_of_a_must_is_tested() {
    let entries = [
        config::entries(),
        submit::entries(),
        map::entries(),
        values::entries(),
        timeout::entries(),
        output::entries(),
        init::entries(),
        start::entries(),
        recycle::entries(),
        death::entries(),
        codec::entries(),
        parent::entries(),
        nested::entries(),
        fork::entries(),
        future::entries(),
        cancel::entries(),
        wait::entries(),
        shutdown::entries(),
        leak::entries(),
        surroundings::entries(),
    ]
    .concat();
    let there: BTreeSet<&str> = entries.iter().map(|(good, _)| good().id()).collect();
    let all = cases::all();
    let missing: Vec<&str> = all
        .iter()
        .filter(|case| case.level == Level::Must && AREAS.contains(&case.area()))
        .map(|case| case.id)
        .filter(|id| !there.contains(id))
        .collect();
    assert!(missing.is_empty(), "without a bad history: {missing:?}");
}
