//! Histories of time limits.

use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::{Made, error, ok};

/// The task `a` was ended by its worker after its time.
fn ended(id: &str) -> Made {
    let made = Made::of(id).fails("result a", ErrorClass::Timeout).without(EventKind::End, "a");
    made.lasts("result a", 1000).ran_in("b", 299)
}

/// Four waits timed out, each after so many milliseconds.
fn four(id: &str, millis: u64) -> Made {
    let steps = ["result a", "result a #2", "result a #3", "result a #4"];
    steps
        .iter()
        .fold(Made::of(id), |made, step| made.fails(step, ErrorClass::Timeout).lasts(step, millis))
}

/// Three tasks were ended, each after so many milliseconds.
fn three(millis: u64) -> Made {
    [("a", 200), ("b", 201), ("c", 202)].iter().fold(
        Made::of("timeout.task-in-time"),
        |made, (tag, pid)| {
            let made = made.ended(&[tag], ErrorClass::Timeout).ran_in(tag, *pid);
            made.lasts(&format!("result {tag}"), millis)
        },
    )
}

const OVER: &str = "the next task ran in worker 200, where nothing had ended it";

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || {
                let made = Made::of("timeout.of-zero-does-not-wait");
                made.fails("result a", ErrorClass::Timeout).fails("result b", ErrorClass::Timeout)
            },
            vec![
                (|made| made.returns("result b", 2), "\"result b\" returned 2"),
                (|made| made.fails("result a #2", ErrorClass::Timeout), "failed: timeout"),
                (|made| made.fails("result b #3", ErrorClass::Timeout), "failed: timeout"),
            ],
        ),
        (
            || {
                let made = Made::of("timeout.of-a-task-in-the-queue").lasts("result b", 100);
                made.fails("result b", ErrorClass::Timeout)
            },
            vec![
                (|made| made.fails("result b #2", ErrorClass::Cancelled), "failed: cancelled"),
                (
                    |_| {
                        let made = Made::of("timeout.of-a-task-in-the-queue");
                        made.fails("result b", ErrorClass::Timeout).lasts("result b", 24)
                    },
                    "it gave up after 25 ms, of 100",
                ),
            ],
        ),
        (
            || Made::of("timeout.is-one-waiters-own").fails("result a", ErrorClass::Timeout),
            vec![(|made| made.fails("result a #2", ErrorClass::Timeout), "failed: timeout")],
        ),
        (
            || four("timeout.in-time", 400),
            vec![
                (|made| made.returns("result a #3", "a"), "\"result a #3\" returned \"a\""),
                (
                    |_| four("timeout.in-time", 1200),
                    "of 4 waits of 400 ms, the soonest ended after 120",
                ),
                (|made| made.fails("result a #5", ErrorClass::Timeout), "failed: timeout"),
            ],
        ),
        (
            || three(1000),
            vec![
                (|_| three(3000), "of 3 waits of 1000 ms, the soonest ended after 300"),
                (|made| made.returns("result c", "c"), "\"result c\" returned \"c\""),
            ],
        ),
        (
            || ended("timeout.task-is-ended"),
            vec![
                (|made| made.returns("result a", "a"), "\"result a\" returned \"a\""),
                (|made| made.and(EventKind::End, "a", 200), "the task ran on after its time limit"),
                (|made| made.ran_in("b", 200), OVER),
                (|made| made.fails("result b", ErrorClass::Timeout), "failed: timeout"),
                (
                    |_| {
                        let made = Made::of("timeout.task-is-ended").ran_in("b", 299);
                        made.fails("result a", ErrorClass::Timeout).without(EventKind::End, "a")
                    },
                    "it was ended after 5 ms, of 1000",
                ),
            ],
        ),
        (
            // Its worker started late, and that of the next task not in time.
            || {
                let made = ended("timeout.task-is-ended").unrun("a").unrun("b");
                made.after_all(EventKind::Begin, "a", 200).fails("result b", ErrorClass::Timeout)
            },
            vec![
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
                (|made| made.and(EventKind::Begin, "b", 299), "failed: timeout"),
                (|made| made.unrun("a"), "failed: timeout"),
            ],
        ),
        (
            || ended("timeout.next-task-in-another-worker"),
            vec![
                (|made| made.ran_in("b", 200), OVER),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || ended("timeout.task-that-ignores-sigterm"),
            vec![(
                |made| made.and(EventKind::End, "a", 200),
                "the task ran on after its time limit",
            )],
        ),
        (
            || Made::of("timeout.others-go-on").fails("result a", ErrorClass::Timeout),
            vec![
                (|made| made.fails("result t9", ErrorClass::Broken), "\"result t9\" failed"),
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\""),
            ],
        ),
        (
            || Made::of("timeout.workers-of-quick-tasks-stay"),
            vec![
                (
                    |made| made.returns("result c", serde_json::json!({"pid": 299})),
                    "worker 200 was replaced by 299",
                ),
                (|made| made.fails("result b", ErrorClass::Timeout), "failed: timeout"),
            ],
        ),
        (
            || Made::of("timeout.quick-tasks-are-let-be"),
            vec![(|made| made.fails("result t5", ErrorClass::Timeout), "failed: timeout")],
        ),
        (
            || {
                let late = error(ErrorClass::Timeout, "late");
                Made::of("timeout.item-of-a-map").gives("map p", &[ok(1), late, ok(3)])
            },
            vec![
                (|made| made.gives("map p", &[ok(1), ok("b"), ok(3)]), "it gave"),
                (
                    |made| {
                        let late = error(ErrorClass::Timeout, "late");
                        made.gives("map p", &[ok(1), late, ok(())])
                    },
                    "the items beside it were 1 and null",
                ),
            ],
        ),
        (
            || Made::of("timeout.idle-workers-leave").ran_in("c", 299),
            vec![
                (|made| made.ran_in("c", 200), "2 processes ran the three tasks, not 3"),
                (|made| made.fails("result c", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("timeout.idle-again-and-again"),
            vec![(|made| made.gives("map p #5", &[]), "map 5 gave []")],
        ),
        (
            || Made::of("timeout.idle-does-not-end-busy-ones"),
            vec![(|made| made.fails("result a", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || Made::of("timeout.idle-loses-no-task"),
            vec![(|made| made.fails("result t39", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || Made::of("timeout.idle-while-shutdown-waits"),
            vec![(|made| made.fails("result a", ErrorClass::Cancelled), "failed: cancelled")],
        ),
        (
            || Made::of("timeout.idle-and-shutdown"),
            vec![(|made| made.fails("result t5", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || {
                let made = Made::of("timeout.idle-workers-successor-is-initialized");
                let made = made.and_first(EventKind::InitEnd, "init", 298);
                let made = made.and_first(EventKind::InitEnd, "init", 299);
                made.ran_in("b", 298).ran_in("c", 299)
            },
            vec![
                (|made| made.ran_in("c", 298), "2 processes ran the three tasks, not 3"),
                (
                    |made| made.returns("result c", serde_json::json!({"state": null})),
                    "the worker of \"c\" began with the state null",
                ),
            ],
        ),
    ]
}
