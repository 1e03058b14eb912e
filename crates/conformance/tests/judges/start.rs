//! Histories of the start of workers.

use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::Made;

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("start.none-with-the-pool").sees("before", &[150]).sees("after", &[150]),
            vec![
                (
                    |made| made.saw(|it| it.alive.extend([301, 302])),
                    "[301, 302] started with the pool",
                ),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("start.unused-pool-shuts-down"),
            vec![
                (|made| made.fails("shutdown p", ErrorClass::Other), "failed: other"),
                (|made| made.hangs("shutdown p #2"), "did not return"),
            ],
        ),
        (
            || {
                let made = Made::of("start.idle-worker-is-reused").sees("one", &[200]);
                made.ran_in("b", 200).ran_in("c", 200).sees("end", &[200])
            },
            vec![
                (|made| made.ran_in("c", 201), "2 workers ran tasks one by one"),
                (
                    |made| made.saw(|it| it.alive.extend([201])),
                    "there were 1 processes, and 2 after two tasks",
                ),
            ],
        ),
        (
            || {
                let made = Made::of("start.one-for-each-that-waits").sees("one", &[299, 300]);
                made.sees("three", &[299, 300, 301, 302])
            },
            vec![
                (|made| made.saw(|it| it.alive.extend([303])), "3 processes were started"),
                (
                    |made| made.saw(|it| it.alive.retain(|pid| *pid < 302)),
                    "1 processes were started",
                ),
            ],
        ),
        (
            || Made::of("start.all-at-first-submit").sees("running", &[200, 201, 202]),
            vec![(
                |made| made.saw(|it| it.alive.retain(|pid| *pid < 201)),
                "there were 1 processes",
            )],
        ),
        (
            || Made::of("start.all-at-construction").sees("made", &[200, 201, 202]),
            vec![(|made| made.saw(|it| it.alive.clear()), "there were 0 processes")],
        ),
        (
            || {
                let made = Made::of("start.never-more-than-max-workers").sees("saturated", &[]);
                made.looked_after(EventKind::Begin, "t1")
            },
            vec![(|made| made.looked_after(EventKind::Begin, "t2"), "3 tasks ran in 2 workers")],
        ),
        (
            || Made::of("start.as-many-as-max-workers"),
            vec![(|made| made.ran_in("t5", 200), "5 workers ran six tasks at a time")],
        ),
        (
            || Made::of("start.in-order-of-submission"),
            vec![(
                |made| made.unrun("t3").and(EventKind::Begin, "t3", 200),
                "they began as [\"t0\", \"t1\", \"t2\", \"t4\"",
            )],
        ),
        (
            || Made::of("start.in-order-with-several-workers"),
            vec![
                (
                    |made| made.unrun("t1").and(EventKind::Begin, "t1", 200),
                    "they began as [\"t0\", \"t2\", \"t3\"]",
                ),
                (
                    |made| made.unrun("t5").and_first(EventKind::Begin, "t5", 200),
                    "they began as [\"t5\", \"t0\", \"t1\"]",
                ),
            ],
        ),
        (
            || Made::of("start.no-idle-worker-while-tasks-wait"),
            vec![(|made| made.fails("result long", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || Made::of("start.as-many-in-the-next-pool"),
            vec![(|made| made.ran_in("q1", 300), "worker 300 ran both tasks of \"q\"")],
        ),
        (
            || Made::of("start.as-many-after-hundreds-of-tasks"),
            vec![
                (|made| made.hangs("result b"), "\"result b\" did not return"),
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed: broken"),
            ],
        ),
        (
            || Made::of("start.as-many-after-each-kind-of-end"),
            vec![
                (|made| made.fails("result t3", ErrorClass::Cancelled), "failed: cancelled"),
                (|made| made.hangs("result t0"), "\"result t0\" did not return"),
            ],
        ),
        (
            || Made::of("start.default-number-of-workers"),
            vec![(|made| made.fails("result a", ErrorClass::Invalid), "failed: invalid")],
        ),
    ]
}
