//! The catalogue: every case, by area.
//!
//! A file or a folder is an area. Cases are data; what they share is in [`plan`](crate::plan) and
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
mod start;
mod submit;
mod timeout;
mod wait;

use crate::case::Case;

/// The areas in the order in which people read them, with what each is about.
pub const AREAS: &[(&str, &str)] = &[
    ("article", "What the article promises of an initializer and of a pool."),
    ("init", "Initializers: when they run, with what, and what their failure does."),
    ("config", "How a pool is made, and what it refuses."),
    ("submit", "One task: submitting it, its result, its error."),
    ("map", "Many items."),
    ("start", "When workers start, how many, and in which order tasks do."),
    ("recycle", "Workers that retire after so many tasks."),
    ("future", "What a future says of its task: outcomes, states, callbacks."),
    ("cancel", "Which tasks can be cancelled, and what becomes of them."),
    ("wait", "Waiting for several futures at once."),
    ("shutdown", "The ends of a pool, by shutdown, by dropping it, and by the end of its program."),
    ("death", "Workers that die, and what that does to their pool."),
    ("timeout", "Limits of time: for who waits, for tasks, for workers without one."),
    ("codec", "What cannot be encoded or decoded."),
    ("parent", "The program that has the pool dies."),
    ("nested", "Pools and processes in tasks."),
    ("fork", "What workers inherit, and must not."),
    ("output", "What workers print and read, and what a pool says unasked."),
    ("leak", "What a pool leaves behind in a program that lives on."),
    ("property", "Whole scenarios, drawn at random and judged by what must hold for all."),
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
        start::CASES,
        recycle::CASES,
        future::CASES,
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
        leak::CASES,
        property::CASES,
    ]
    .concat()
}

/// Returns the case of a name.
pub fn find(id: &str) -> Option<Case> {
    all().into_iter().find(|case| case.id == id)
}

/// Returns the behaviours that no case is about, with the reasons.
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
