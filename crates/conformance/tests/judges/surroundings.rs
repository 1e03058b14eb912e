//! Histories of the surroundings of programs and workers.

use procpool_conformance::history::Surroundings;
use procpool_contract::ErrorClass;

use crate::Entry;
use crate::ideal::OWNER;
use crate::made::Made;

/// The worker of the first task, and that of the second one.
const WORKERS: [u32; 2] = [200, 201];

fn usual() -> Surroundings {
    let signals = [("SIGPIPE", "ignored"), ("SIGTERM", "default")];
    Surroundings {
        folder: "/home".to_owned(),
        umask: "0022".to_owned(),
        signals: signals.map(|(name, does)| (name.to_owned(), does.to_owned())).into(),
        lacks: Default::default(),
    }
}

/// The looks of a case; the named one is different for one process.
fn seen(id: &str, look: &str, pid: u32, change: fn(&mut Surroundings)) -> Made {
    // Each scenario makes "p"; the tags of its tasks differ.
    let all = [("before", "gate before"), ("during", "new p"), ("after", "gate after")];
    let looks = if id.ends_with("of-replacements") { &all[1..2] } else { &all[..] };
    looks.iter().fold(Made::of(id), |made, (name, step)| {
        made.looks(name, step, |sample| {
            for process in [OWNER].into_iter().chain(200..204) {
                let mut its = usual();
                if *name == look && process == pid {
                    change(&mut its);
                }
                sample.surroundings.insert(process, its);
            }
        })
    })
}

/// The worker of the only task was killed.
fn after_a_death(look: &str, change: fn(&mut Surroundings)) -> Made {
    let made = seen("surroundings.of-the-program-after-a-death", look, OWNER, change);
    made.ended(&["a"], ErrorClass::Broken)
}

/// Two workers have been replaced by others, of which one may be different.
fn replaced(look: &str, change: fn(&mut Surroundings)) -> Made {
    seen("surroundings.of-replacements", look, 203, change)
}

fn same(id: &str) -> Made {
    seen(id, "none", OWNER, |_| {})
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || same("surroundings.folder-of-the-program"),
            vec![
                (
                    |made| seen(made.id(), "after", OWNER, |its| its.folder = "/".to_owned()),
                    "the program's working folder was changed, to \"/\"",
                ),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
            ],
        ),
        (
            || same("surroundings.umask-of-the-program"),
            vec![(
                |made| seen(made.id(), "after", OWNER, |its| its.umask = "0077".to_owned()),
                "the program's umask was changed, to \"0077\"",
            )],
        ),
        (
            || same("surroundings.signals-of-the-program"),
            vec![
                (
                    |made| {
                        seen(made.id(), "after", OWNER, |its| {
                            its.signals.insert("SIGTERM".to_owned(), "ignored".to_owned());
                        })
                    },
                    "SIGTERM was default in the program before the pool, and ignored after it",
                ),
                (
                    |made| seen(made.id(), "after", OWNER, |its| its.signals.clear()),
                    "SIGPIPE was ignored in the program before the pool, and unknown after it",
                ),
            ],
        ),
        (
            || after_a_death("none", |_| {}),
            vec![
                (
                    |_| after_a_death("after", |its| its.umask = "0077".to_owned()),
                    "the program's umask was changed, to \"0077\"",
                ),
                (
                    |_| after_a_death("after", |its| its.folder = "/".to_owned()),
                    "the program's working folder was changed, to \"/\"",
                ),
                (
                    |_| after_a_death("after", |its| its.signals.clear()),
                    "SIGPIPE was ignored in the program before the pool, and unknown after it",
                ),
                (|made| made.returns("result a", "a"), "where broken was due"),
            ],
        ),
        (
            || same("surroundings.of-the-program-after-each-kind-of-end"),
            vec![
                (
                    |made| seen(made.id(), "after", OWNER, |its| its.umask = "0077".to_owned()),
                    "the program's umask was changed, to \"0077\"",
                ),
                (
                    |made| {
                        seen(made.id(), "after", OWNER, |its| {
                            its.signals.insert("SIGTERM".to_owned(), "blocked".to_owned());
                        })
                    },
                    "SIGTERM was default in the program before the pool, and blocked after it",
                ),
                (|made| made.hangs("result q0"), "\"result q0\" did not return"),
            ],
        ),
        (
            || {
                let made = Made::of("surroundings.environment-of-one-pool");
                made.returns("result a", "first").returns("result b", ())
            },
            vec![
                (|made| made.returns("result b", "first"), "returned \"first\", not null"),
                (|made| made.returns("result a", ()), "returned null, not \"first\""),
            ],
        ),
        (
            || same("surroundings.folder-of-workers"),
            vec![
                (
                    |made| seen(made.id(), "during", WORKERS[0], |its| its.folder = "/".to_owned()),
                    "a worker's working folder is \"/\", not the program's",
                ),
                (
                    |made| seen(made.id(), "during", WORKERS[1], |its| its.folder = "/".to_owned()),
                    "a worker's working folder is \"/\", not the program's",
                ),
                (|made| made.ran_in("a", 299), "process 299 was not seen at the look \"during\""),
            ],
        ),
        (
            || same("surroundings.umask-of-workers"),
            vec![(
                |made| seen(made.id(), "during", WORKERS[0], |its| its.umask = "0000".to_owned()),
                "a worker's umask is \"0000\", not the program's",
            )],
        ),
        (
            || replaced("none", |_| {}),
            vec![
                (
                    |_| replaced("during", |its| its.umask = "0000".to_owned()),
                    "a worker's umask is \"0000\", not the program's",
                ),
                (
                    |_| replaced("during", |its| its.folder = "/".to_owned()),
                    "a worker's working folder is \"/\", not the program's",
                ),
            ],
        ),
        (
            || same("surroundings.environment-of-workers"),
            vec![(
                |made| {
                    seen(made.id(), "during", WORKERS[1], |its| {
                        its.lacks.insert("HOME".to_owned());
                    })
                },
                "a worker lacks, or has with another value: {\"HOME\"}",
            )],
        ),
    ]
}
