//! Histories of the ends of pools.

use procpool_conformance::history::End;
use procpool_contract::{ErrorClass, EventKind};
use serde_json::json;

use crate::Entry;
use crate::made::Made;

/// The names of numbered tasks.
fn tags(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("t{number}")).collect()
}

fn cancelled(made: Made, from: usize, to: usize) -> Made {
    tags(from, to).iter().fold(made, |made, tag| made.cancelled(&[tag]))
}

/// Two of `count` tasks ran when the workers were killed.
fn killed(made: Made, count: usize) -> Made {
    let made = tags(2, count).iter().fold(made, |made, tag| made.unrun(tag));
    tags(0, count).iter().fold(made, |made, tag| made.ended(&[tag], ErrorClass::Broken))
}

/// Two looks at the pool `q`, of which nothing is left.
fn dropped() -> Made {
    let made = Made::of("shutdown.drop-unused").looks("before", "shutdown p", |_| {});
    made.looks("after", "drop q", |_| {})
}

pub(crate) fn entries() -> Vec<Entry> {
    [waiting(), nowait_and_second(), cancelling(), killing(), dropping(), ending()].concat()
}

fn waiting() -> Vec<Entry> {
    vec![
        (
            || Made::of("shutdown.waits-for-tasks"),
            vec![
                (|made| made.after("result t0", &["t9"]), "1 tasks returned after shutdown had"),
                (|made| made.fails("result t9", ErrorClass::Cancelled), "failed: cancelled"),
            ],
        ),
        (
            || Made::of("shutdown.futures-are-done-after"),
            vec![(
                |made| made.returns("state c", "running"),
                "\"c\" was not done when shutdown had returned",
            )],
        ),
        (
            || Made::of("shutdown.ends-workers").looks("after", "shutdown p", |_| {}),
            vec![
                (
                    |made| made.looks("after", "shutdown p", |sample| sample.alive.extend([201])),
                    "the workers [201] were there after it",
                ),
                (
                    |made| made.looks("after", "shutdown p", |sample| sample.zombies.extend([200])),
                    "the workers [200] were there after it",
                ),
            ],
        ),
        (
            || Made::of("shutdown.is-idempotent"),
            vec![(|made| made.fails("shutdown p #3", ErrorClass::Rejected), "failed: rejected")],
        ),
        (
            || Made::of("shutdown.by-several-threads"),
            vec![
                (|made| made.hangs("shutdown p #2"), "\"shutdown p #2\" did not return"),
                (|made| made.unrun("a"), "the trace has no \"end\" of \"a\""),
            ],
        ),
        (
            || Made::of("shutdown.right-after-submitting"),
            vec![(|made| made.unrun("t4-2"), "14 of 15 tasks ran")],
        ),
        (
            || Made::of("shutdown.right-after-cancelling"),
            vec![(|made| made.hangs("shutdown p9"), "\"shutdown p9\" did not return")],
        ),
        (
            || Made::of("shutdown.death-while-it-waits").ended(&["a"], ErrorClass::Broken),
            vec![
                (|made| made.hangs("shutdown p"), "\"shutdown p\" did not return"),
                (|made| made.fails("result a", ErrorClass::Other), "not as broken: other"),
            ],
        ),
        (
            || Made::of("shutdown.unused"),
            vec![(|made| made.fails("shutdown p", ErrorClass::Other), "failed: other")],
        ),
        (
            || Made::of("shutdown.other-pools-go-on"),
            vec![
                (|made| made.ran_in("c", 399), "worker 399 took the place of 300"),
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed"),
                (|made| made.fails("result c", ErrorClass::Rejected), "\"result c\" failed"),
            ],
        ),
    ]
}

fn nowait_and_second() -> Vec<Entry> {
    vec![
        (
            || Made::of("shutdown.without-waiting-returns"),
            vec![(|made| made.fails("result t5", ErrorClass::Cancelled), "failed: cancelled")],
        ),
        (
            || {
                let made = Made::of("shutdown.without-waiting-refuses").unrun("b");
                made.fails("submit b", ErrorClass::Rejected)
            },
            vec![
                (|made| made.returns("submit b", json!(null)), "returned null where rejected"),
                (|made| made.fails("submit b", ErrorClass::Broken), "not as rejected: broken"),
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed"),
            ],
        ),
        (
            || Made::of("shutdown.without-waiting-ends-workers"),
            vec![(|made| made.unrun("t3"), "3 of 4 tasks ran")],
        ),
        (
            || Made::of("shutdown.second-is-honoured"),
            vec![(|made| made.after("shutdown p #2", &["a"]), "it returned while the task ran")],
        ),
        (
            || Made::of("shutdown.second-cancels").cancelled(&["f"]),
            vec![
                (|made| made.returns("result f", "f"), "returned \"f\" where cancelled was due"),
                (|made| made.fails("result a", ErrorClass::Cancelled), "\"result a\" failed"),
            ],
        ),
        (
            || Made::of("shutdown.second-is-ignored").after("shutdown p #2", &["a"]),
            vec![
                (
                    |_| Made::of("shutdown.second-is-ignored"),
                    "it waited for the task, which it is declared not to",
                ),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
            ],
        ),
    ]
}

fn cancelling() -> Vec<Entry> {
    vec![
        (
            || cancelled(Made::of("shutdown.cancels"), 5, 30),
            vec![
                (|_| Made::of("shutdown.cancels"), "0 of 30 were cancelled"),
                (|made| made.fails("result t0", ErrorClass::Cancelled), "\"result t0\" failed"),
                (|made| made.hangs("result t29"), "\"result t29\" did not return"),
            ],
        ),
        (
            || {
                let made = Made::of("shutdown.cancelling-wakes-who-waits").cancelled(&["t9"]);
                made.fails("result t9 #2", ErrorClass::Cancelled)
            },
            vec![
                (|made| made.hangs("result t9"), "\"result t9\" did not return"),
                (|made| made.hangs("result t9 #2"), "\"result t9 #2\" did not return"),
            ],
        ),
        (
            || Made::of("shutdown.cancelling-nothing"),
            vec![
                (|made| made.fails("result a #2", ErrorClass::Cancelled), "failed: cancelled"),
                (|made| made.fails("result b", ErrorClass::Cancelled), "failed: cancelled"),
            ],
        ),
        (
            || Made::of("shutdown.cancelled-among-large-results"),
            vec![
                (
                    |made| made.returns("wait #2", json!({"done": ["t0"], "not_done": []})),
                    "1 of 10 futures were done after it",
                ),
                (|made| made.hangs("shutdown p"), "\"shutdown p\" did not return"),
            ],
        ),
    ]
}

fn killing() -> Vec<Entry> {
    vec![
        (
            || killed(Made::of("shutdown.kill-ends-running-tasks"), 8),
            vec![
                (|made| made.and(EventKind::End, "t0", 200), "1 tasks returned"),
                (|made| made.hangs("result t7"), "\"result t7\" did not return"),
                (|made| made.returns("result t1", "t1"), "where broken or cancelled was due"),
            ],
        ),
        (
            || {
                let made = Made::of("shutdown.kill-rejects-later-tasks").unrun("b");
                made.fails("submit b", ErrorClass::Rejected).fails("result b", ErrorClass::Other)
            },
            vec![(
                |made| made.returns("submit b", json!(null)).returns("result b", 2),
                "\"result b\" returned 2 where rejected",
            )],
        ),
        (
            || Made::of("shutdown.kill-of-nothing"),
            vec![(|made| made.fails("kill_workers p #2", ErrorClass::Other), "failed: other")],
        ),
        (
            || Made::of("shutdown.kill-when-broken").ended(&["a"], ErrorClass::Broken),
            vec![
                (|made| made.fails("kill_workers p", ErrorClass::Broken), "failed: broken"),
                (|made| made.hangs("shutdown p"), "\"shutdown p\" did not return"),
            ],
        ),
        (
            || {
                let made = Made::of("shutdown.kill-while-a-worker-retires").unrun("b");
                made.fails("result b", ErrorClass::Broken)
            },
            vec![
                (|made| made.after_all(EventKind::Begin, "b", 299), "a task began afterwards"),
                (|made| made.hangs("result b"), "\"result b\" did not return"),
            ],
        ),
        (
            || {
                let made = Made::of("shutdown.kill-while-a-large-argument-travels").unrun("b");
                made.ended(&["a", "b"], ErrorClass::Broken)
            },
            vec![
                (|made| made.hangs("kill_workers p"), "\"kill_workers p\" did not return"),
                (|made| made.hangs("result b"), "\"result b\" did not return"),
            ],
        ),
        (
            || {
                let made = Made::of("shutdown.kill-ends-workers-that-ignore-sigterm");
                made.ended(&["a"], ErrorClass::Broken)
            },
            vec![(|made| made.hangs("kill_workers p"), "\"kill_workers p\" did not return")],
        ),
    ]
}

fn dropping() -> Vec<Entry> {
    vec![
        (
            || Made::of("shutdown.drop-drains-and-waits"),
            vec![
                (|made| made.after("drop p", &["t3"]), "1 tasks returned after it was gone"),
                (|made| made.fails("result t3", ErrorClass::Cancelled), "failed: cancelled"),
            ],
        ),
        (
            || Made::of("shutdown.drop-drains"),
            vec![(|made| made.hangs("result t3"), "\"result t3\" did not return")],
        ),
        (
            || Made::of("shutdown.drop-kills").ended(&["a"], ErrorClass::Broken),
            vec![(|made| made.hangs("result a"), "\"result a\" did not return")],
        ),
        (
            || Made::of("shutdown.death-after-drop").ended(&["a"], ErrorClass::Broken),
            vec![(|made| made.hangs("result a"), "\"result a\" did not return")],
        ),
        (
            || Made::of("shutdown.drop-ends-workers"),
            vec![(|made| made.hangs("drop p"), "\"drop p\" did not return")],
        ),
        (
            || Made::of("shutdown.drop-while-workers-retire").ended(&["c"], ErrorClass::Broken),
            vec![
                (|made| made.hangs("result c"), "\"result c\" did not return"),
                (|made| made.fails("result b", ErrorClass::Cancelled), "not as broken"),
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed"),
            ],
        ),
        (
            dropped,
            vec![
                (
                    |made| made.looks("after", "drop q", |sample| sample.alive.extend([300])),
                    "1 processes were there, and 0 before",
                ),
                (|made| made.hangs("drop q"), "\"drop q\" did not return"),
            ],
        ),
    ]
}

const LEFT: &str = "left after the program: 300 worker";

fn ending() -> Vec<Entry> {
    vec![
        (
            || Made::of("shutdown.program-end-drains"),
            vec![(|made| made.unrun("t3"), "3 of 4 tasks ran")],
        ),
        (
            || Made::of("shutdown.program-end-drains-every-pool"),
            vec![(|made| made.unrun("p1"), "5 of 6 tasks ran")],
        ),
        (
            || Made::of("shutdown.program-end-abandons").without(EventKind::End, "a"),
            vec![(
                |made| made.and(EventKind::End, "a", 200),
                "the task returned, though its gate is shut",
            )],
        ),
        (
            || Made::of("shutdown.program-end-after-nowait"),
            vec![(|made| made.without(EventKind::End, "a"), "the trace has no \"end\" of \"a\"")],
        ),
        (
            || Made::of("shutdown.program-end-after-shutdown"),
            vec![
                (|made| made.leaves("300 worker"), LEFT),
                (|made| made.program_ends(End::Exit(1)), "the program ended with Exit(1)"),
                (|made| made.unrun("a"), "the trace has no \"begin\" of \"a\""),
            ],
        ),
        (
            || Made::of("shutdown.program-end-with-idle-workers"),
            vec![
                (|made| made.leaves("300 worker"), LEFT),
                (|made| made.unrun("b"), "1 workers ran tasks, not 2"),
            ],
        ),
        (
            || Made::of("shutdown.program-end-with-results-unread"),
            vec![(|made| made.program_ends(End::Signal(11)), "the program ended with Signal(11)")],
        ),
    ]
}
