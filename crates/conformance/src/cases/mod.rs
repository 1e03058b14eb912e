//! The catalogue: every case, by area.
//!
//! A file or a folder is an area. Cases are data; they share [`plan`](crate::plan) and
//! [`history`](crate::history).

mod article;
mod cancel;
mod codec;
mod config;
mod death;
mod fork;
mod future;
mod init;
mod leak;
mod map;
mod nested;
mod output;
mod parent;
mod property;
mod recycle;
mod shutdown;
mod soak;
mod start;
mod submit;
mod surroundings;
mod timeout;
mod values;
mod wait;

use crate::case::Case;

/// The areas in reading order, with their topics.
pub const AREAS: &[(&str, &str)] = &[
    ("article", "The promises of the article: initializers, and a pool with a map."),
    ("init", "Initializers: when they run, their arguments, and their failures."),
    ("config", "How a pool is created, and which settings it refuses."),
    ("submit", "One task: submitting it, its result, its error."),
    ("map", "Many items."),
    ("values", "Values and texts at the edges of JSON and of languages."),
    ("start", "When workers start, how many, and the order in which tasks start."),
    ("recycle", "Workers that retire after a number of tasks."),
    ("future", "Futures: outcomes, states, callbacks."),
    ("cancel", "Cancellation: which tasks can be cancelled, and their outcomes."),
    ("wait", "Waiting for several futures at once."),
    ("shutdown", "The ends of a pool, by shutdown, by dropping it, and by the end of its program."),
    ("death", "Workers that die, and the effect on their pool."),
    ("timeout", "Time limits: of waits, of tasks, of idle workers."),
    ("codec", "Values that cannot be encoded or decoded."),
    ("parent", "The death of the program that has the pool."),
    ("nested", "Pools and processes in tasks."),
    ("fork", "Resources that workers must not inherit."),
    ("output", "Input and output of workers, and unrequested output of a pool."),
    (
        "surroundings",
        "Working folder, umask, environment and signals of the program and of workers.",
    ),
    ("leak", "Resources that a pool leaves behind in a long-lived program."),
    ("property", "Whole scenarios, drawn at random and judged by rules for all of them."),
    ("soak", "Thousands of tasks, and hundreds of pools and deaths; only with `--tier soak`."),
];

/// Returns every case, in the order of the areas.
pub fn all() -> Vec<Case> {
    [
        article::CASES,
        init::CASES,
        config::CASES,
        submit::CASES,
        map::ORDER,
        map::CHUNKED,
        map::ERRORS,
        map::INPUT,
        map::ENDS,
        values::CASES,
        start::CASES,
        recycle::CASES,
        future::CASES,
        future::CALLBACKS,
        cancel::CASES,
        wait::CASES,
        shutdown::waiting::CASES,
        shutdown::nowait::CASES,
        shutdown::cancelling::CASES,
        shutdown::killing::CASES,
        shutdown::dropping::CASES,
        shutdown::ending::CASES,
        death::TASK,
        death::BROKEN,
        death::REPLACED,
        death::OTHERS,
        timeout::RESULT,
        timeout::TASK,
        timeout::IDLE,
        codec::CASES,
        parent::CASES,
        nested::CASES,
        fork::CASES,
        output::CASES,
        surroundings::CASES,
        leak::CASES,
        leak::USES,
        property::CASES,
        soak::CASES,
    ]
    .concat()
}

/// Returns the case of a name.
pub fn find(id: &str) -> Option<Case> {
    all().into_iter().find(|case| case.id == id)
}

/// Returns the behaviours that no case covers, with the reasons.
pub fn not_tested() -> Vec<(&'static str, &'static str)> {
    [
        init::NOT_TESTED,
        config::NOT_TESTED,
        submit::NOT_TESTED,
        map::NOT_TESTED,
        start::NOT_TESTED,
        recycle::NOT_TESTED,
        future::NOT_TESTED,
        cancel::NOT_TESTED,
        wait::NOT_TESTED,
        shutdown::NOT_TESTED,
        death::NOT_TESTED,
        timeout::NOT_TESTED,
        codec::NOT_TESTED,
        parent::NOT_TESTED,
        nested::NOT_TESTED,
        fork::NOT_TESTED,
        output::NOT_TESTED,
        leak::NOT_TESTED,
    ]
    .concat()
}
