//! Judges of cases on histories that are made up: each passes what an ideal pool does, and finds what
//! a bad one does, in words that say what that is.

mod config;
mod ideal;
mod made;
mod map;
mod output;
mod submit;
mod timeout;

use std::collections::BTreeSet;

use made::Made;
use procpool_conformance::case::Level;
use procpool_conformance::cases;

/// A good history, and bad ones with the words that are due.
type Entry = (fn() -> Made, Vec<(fn(Made) -> Made, &'static str)>);

/// The areas whose judges are tested here.
const AREAS: [&str; 5] = ["config", "submit", "map", "timeout", "output"];

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
fn config_judges_find_what_is_wrong() {
    check(&config::entries());
}

#[test]
fn submit_judges_find_what_is_wrong() {
    check(&submit::entries());
}

#[test]
fn map_judges_find_what_is_wrong() {
    check(&map::entries());
}

#[test]
fn timeout_judges_find_what_is_wrong() {
    check(&timeout::entries());
}

#[test]
fn output_judges_find_what_is_wrong() {
    check(&output::entries());
}

#[test]
fn every_judge_of_a_must_is_here() {
    let entries = [
        config::entries(),
        submit::entries(),
        map::entries(),
        timeout::entries(),
        output::entries(),
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
