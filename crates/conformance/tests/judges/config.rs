//! Histories of the creation of pools.

use procpool_contract::ErrorClass;

use crate::Entry;
use crate::made::Made;

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("config.no-workers-is-refused").fails("new p", ErrorClass::Invalid),
            vec![
                (|made| made.returns("new p", ()), "\"new p\" returned null"),
                (|made| made.fails("new p", ErrorClass::Other), "other"),
            ],
        ),
        (
            || {
                let made = Made::of("config.negative-workers-are-refused");
                (1..=4).fold(made, |made, nth| {
                    made.fails(&format!("new p #{nth}"), ErrorClass::Invalid)
                })
            },
            vec![
                (|made| made.returns("new p", ()), "\"new p #1\" returned null"),
                (|made| made.returns("new p #2", ()), "\"new p #2\" returned null"),
            ],
        ),
        (
            || Made::of("config.one-worker-is-enough"),
            vec![
                (|made| made.returns("result t3", 4), "\"result t3\" returned 4, not 3"),
                (|made| made.ran_in("t4", 299), "2 processes ran tasks"),
            ],
        ),
        (
            || Made::of("config.env-reaches-workers"),
            vec![(|made| made.returns("result a", ()), "returned null, not \"blue green\"")],
        ),
        (
            || Made::of("config.env-overrides"),
            vec![(|made| made.returns("result a", "/home"), "returned \"/home\"")],
        ),
        (
            || Made::of("config.env-is-one-pools-own"),
            vec![
                (|made| made.returns("result b", "blue"), "\"result b\" returned \"blue\""),
                (|made| made.returns("result a", ()), "\"result a\" returned null"),
            ],
        ),
        (
            || Made::of("config.environment-is-inherited"),
            vec![
                (|made| made.returns("result a", ()), "PATH is null"),
                (|made| made.returns("result b", ()), "\"result b\" returned null, not \"\""),
                (
                    |made| made.returns("result c", "one = 1"),
                    "\"result c\" returned \"one = 1\", not",
                ),
            ],
        ),
    ]
}
