//! Histories of waiting for several futures.

use procpool_contract::ErrorClass;
use serde_json::json;

use crate::Entry;
use crate::made::Made;

/// A wait that returns `done` and `not_done`.
fn told(id: &str, done: &[&str], not_done: &[&str]) -> Made {
    Made::of(id).returns("wait", json!({"done": done, "not_done": not_done}))
}

/// Futures that were yielded in some order.
fn came(made: Made, order: &[&str], timed_out: bool) -> Made {
    made.returns("as_completed", json!({"order": order, "timed_out": timed_out}))
}

/// Four waits for a future that was not done, each of so many milliseconds.
fn in_time(id: &str, step: &str, millis: u64) -> Made {
    (1..=4).map(|number| format!("{step} #{number}")).fold(Made::of(id), |made, step| {
        let over = json!({"done": [], "not_done": ["a"], "order": [], "timed_out": true});
        made.returns(&step, over).lasts(&step, millis)
    })
}

const TWELVE: [&str; 12] =
    ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10", "t11"];

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("wait.all-completed"),
            vec![
                (
                    |_| told("wait.all-completed", &["a", "b"], &["c"]),
                    "done were {\"a\", \"b\"}, not {\"a\", \"b\", \"c\"}",
                ),
                (|made| made.after("wait", &["c"]), "it returned before the last task had"),
                (|made| made.hangs("wait #2"), "\"wait #2\" did not return"),
            ],
        ),
        (
            || Made::of("wait.by-several-threads"),
            vec![
                (|made| made.hangs("wait"), "\"wait\" did not return"),
                (|made| made.hangs("wait #2"), "\"wait #2\" did not return"),
                (|made| came(made, &["a"], false), "they were yielded as [\"a\"]"),
            ],
        ),
        (
            || Made::of("wait.hundreds-in-two-pools"),
            vec![
                (
                    |_| told("wait.hundreds-in-two-pools", &["p0"], &["last"]),
                    "done were {\"p0\"}, not {\"last\", \"p0\", \"p1\",",
                ),
                (|made| came(made, &["p0", "q0"], false), "2 of 201 futures were returned"),
            ],
        ),
        (
            || came(told("wait.timeout-of-zero", &[], &["a"]), &[], true),
            vec![
                (
                    |made| made.returns("wait", json!({"done": ["a"], "not_done": []})),
                    "done were {\"a\"}, not {}",
                ),
                (|made| came(made, &["a"], false), "it yielded [\"a\"]"),
                (|made| made.hangs("as_completed"), "\"as_completed\" did not return"),
            ],
        ),
        (
            || Made::of("wait.as-completed-yields-what-is-cancelled").cancelled(&["f"]),
            vec![
                (|made| came(made, &["a"], false), "the futures were [\"a\"]"),
                (|made| made.returns("cancel f", false), "returned false, not true"),
                (|made| made.hangs("as_completed"), "\"as_completed\" did not return"),
            ],
        ),
        (
            || told("wait.first-completed", &["a"], &["b"]),
            vec![
                (
                    |_| told("wait.first-completed", &["a", "b"], &[]),
                    "done were {\"a\", \"b\"}, not {\"a\"}",
                ),
                (|_| told("wait.first-completed", &["a"], &[]), "not_done were {}, not {\"b\"}"),
            ],
        ),
        (
            || told("wait.first-completed-of-what-is-done", &["a"], &["b"]),
            vec![(|made| made.hangs("wait"), "\"wait\" did not return")],
        ),
        (
            || told("wait.first-exception", &["a", "c"], &["slow"]),
            vec![(
                |_| told("wait.first-exception", &["a"], &["slow", "c"]),
                "done were {\"a\"}, not {\"a\", \"c\"}",
            )],
        ),
        (
            || told("wait.first-exception-of-what-failed", &["a"], &["b"]),
            vec![(|made| made.hangs("wait"), "\"wait\" did not return")],
        ),
        (
            || Made::of("wait.first-exception-without-one"),
            vec![(
                |_| told("wait.first-exception-without-one", &["a"], &["b"]),
                "done were {\"a\"}, not {\"a\", \"b\"}",
            )],
        ),
        (
            || {
                told("wait.timeout-names-what-was-done-meanwhile", &["a"], &["b"])
                    .lasts("wait", 1500)
            },
            vec![(
                |_| {
                    let made = told("wait.timeout-names-what-was-done-meanwhile", &[], &["a", "b"]);
                    made.lasts("wait", 1500)
                },
                "done were {}, not {\"a\"}",
            )],
        ),
        (
            || Made::of("wait.as-completed-when-it-breaks").dies("a"),
            vec![
                (|made| made.hangs("as_completed"), "\"as_completed\" did not return"),
                (
                    |made| made.returns("as_completed", json!({"order": [], "timed_out": false})),
                    "it yielded []",
                ),
            ],
        ),
        (
            || told("wait.timeout", &["a"], &["b"]).lasts("wait", 200),
            vec![
                (
                    |_| told("wait.timeout", &["a"], &["b"]).lasts("wait", 50),
                    "it returned after 51 ms",
                ),
                (|_| told("wait.timeout", &[], &["a", "b"]), "done were {}, not {\"a\"}"),
            ],
        ),
        (
            || Made::of("wait.duplicates"),
            vec![(|_| told("wait.duplicates", &["a", "a"], &[]), "done were [\"a\",\"a\"]")],
        ),
        (
            || Made::of("wait.no-lost-wake-up"),
            vec![
                (|made| made.hangs("wait #20"), "\"wait #20\" did not return"),
                (
                    |made| made.returns("wait #3", json!({"done": [], "not_done": ["t2-9"]})),
                    "not done were [\"t2-9\"]",
                ),
            ],
        ),
        (
            || Made::of("wait.break-wakes").ended(&["a"], ErrorClass::Broken),
            vec![
                (|made| made.hangs("wait"), "\"wait\" did not return"),
                (|_| told("wait.break-wakes", &[], &["a"]), "done were {}, not {\"a\"}"),
            ],
        ),
        (
            || came(Made::of("wait.as-completed-by-completion"), &["b", "a"], false),
            vec![(|made| came(made, &["a", "b"], false), "the order was [\"a\", \"b\"]")],
        ),
        (
            || Made::of("wait.as-completed-each-once"),
            vec![
                (
                    |made| came(made, &["a", "b", "c", "a"], false),
                    "the futures were [\"a\", \"a\",",
                ),
                (|made| came(made, &["a", "b"], false), "the futures were [\"a\", \"b\"]"),
            ],
        ),
        (
            || in_time("wait.timeout-in-time", "wait", 400),
            vec![
                (
                    |made| made.returns("wait #2", json!({"done": ["a"], "not_done": []})),
                    "done were",
                ),
                (
                    |_| in_time("wait.timeout-in-time", "wait", 1200),
                    "of 4 waits of 400 ms, the soonest ended after 120",
                ),
            ],
        ),
        (
            || in_time("wait.as-completed-timeout-in-time", "as_completed", 400),
            vec![
                (
                    |made| {
                        made.returns("as_completed #4", json!({"order": [], "timed_out": false}))
                    },
                    "\"as_completed #4\" yielded [] and no timeout",
                ),
                (
                    |_| in_time("wait.as-completed-timeout-in-time", "as_completed", 1200),
                    "of 4 waits of 400 ms, the soonest ended after 120",
                ),
            ],
        ),
        (
            || came(Made::of("wait.as-completed-timeout"), &["a"], true),
            vec![
                (
                    |made| came(made, &["a"], false),
                    "the futures were [\"a\"], and the time was not over",
                ),
                (|made| came(made, &[], true), "the futures were [], and the time was over"),
            ],
        ),
        (
            || came(Made::of("wait.as-completed-ends-after-cancelling-shutdown"), &TWELVE, false),
            vec![
                (|made| made.hangs("as_completed"), "\"as_completed\" did not return"),
                (|made| came(made, &["t0"], false), "1 of 12 futures were returned"),
            ],
        ),
    ]
}
