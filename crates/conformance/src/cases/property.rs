//! Cases that are drawn: see [`property`](crate::property).

use procpool_contract::Capability as Has;

use crate::case::{CASE, Case, Kind};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "property.futures",
        requirement: "The pool MUST give every future the outcome of its own task, for any number of workers and tasks, with errors and cancellations among them.",
        source: "the combined promises of submit, result and cancel (CPython: test_concurrent_futures)",
        needs: &[Has::Submit],
        kills: &["lies-about-a-value"],
        property: Some(Kind::Futures),
        ..CASE
    },
    Case {
        id: "property.maps",
        requirement: "The pool MUST give every item of a map its own result, in the order of the inputs, for chunks of any size.",
        source: "the combined promises of map and chunksize (CPython: test_map, test_map_chunksize)",
        needs: &[Has::Map],
        kills: &["map-by-completion"],
        property: Some(Kind::Maps),
        ..CASE
    },
    Case {
        id: "property.deaths",
        requirement: "The pool MUST give every future an outcome, and none a wrong one, when some of the tasks kill their workers.",
        source: "CPython: test_deadlock.py, BrokenProcessPool; loky: crash_cases",
        needs: &[Has::Submit, Has::WorkerDeath],
        kills: &["hides-a-death", "cancels-tasks-of-a-broken-pool", "map-is-empty-when-broken"],
        property: Some(Kind::Deaths),
        ..CASE
    },
    Case {
        id: "property.lives",
        requirement: "The pool MUST give every call its own outcome in a program that makes several pools, one after another, and uses each in many ways.",
        source: "the combined promises of all calls; long-lived programs",
        needs: &[Has::Submit],
        kills: &[
            "true-becomes-one",
            "as-completed-repeats-one",
            "timeout-too-early",
            "repeats-the-first-message",
            "has-four-workers-at-most",
            "mixes-up-like-messages",
            "hides-an-error-without-a-message",
            "makes-no-pool-after-a-refused-one",
        ],
        property: Some(Kind::Lives),
        ..CASE
    },
    Case {
        id: "property.retirements",
        requirement: "The pool MUST give every call its own outcome when its workers retire, whatever else the program does with it.",
        source: "the combined promises of all calls; CPython: issue 115634",
        needs: &[Has::Submit, Has::MaxTasksPerChild],
        kills: &["retires-late"],
        property: Some(Kind::Retirements),
        ..CASE
    },
    Case {
        id: "property.leftovers",
        requirement: "The pool MUST NOT leave more behind when a program does the same once more.",
        source: "CPython: threading_cleanup and reap_children of its test suite",
        needs: &[Has::Submit],
        kills: &["changes-the-programs-umask", "leaks-with-a-rejected-task"],
        property: Some(Kind::Leftovers),
        ..CASE
    },
];
