//! Histories of futures.

use procpool_contract::{ErrorClass, EventKind};
use serde_json::json;

use crate::Entry;
use crate::made::{Made, ok};

/// Waits for `a` ended without a result.
fn gave_up(id: &str, steps: &[&str]) -> Made {
    steps.iter().fold(Made::of(id), |made, step| made.fails(step, ErrorClass::Timeout))
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("future.state-running").returns("state a", "running"),
            vec![
                (
                    |made| made.returns("state a", "done"),
                    "\"state a\" returned \"done\", not running",
                ),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
            ],
        ),
        (
            || Made::of("future.state-done"),
            vec![(
                |made| made.returns("state a #3", "pending"),
                "\"state a #3\" returned \"pending\", not done",
            )],
        ),
        (
            || Made::of("future.state-failed"),
            vec![
                (|made| made.returns("state a", "cancelled"), "returned \"cancelled\", not done"),
                (|made| made.returns("result a", 1), "\"result a\" returned 1 where task was due"),
            ],
        ),
        (
            || Made::of("future.state-cancelled").cancelled(&["f"]).returns("state f", "cancelled"),
            vec![
                (|made| made.returns("state f", "done"), "returned \"done\", not cancelled"),
                (|made| made.returns("cancel f", false), "\"cancel f\" returned false, not true"),
            ],
        ),
        (
            || Made::of("future.same-outcome-every-time"),
            vec![
                (|made| made.returns("result a #2", json!([])), "\"result a #2\" returned [], not"),
                (|made| made.fails("result a #3", ErrorClass::Rejected), "failed: rejected"),
                (|made| made.returns("result c #2", ()), "\"result c #2\" returned null, not"),
            ],
        ),
        (
            || Made::of("future.wakes-who-waits"),
            vec![(|made| made.hangs("result a"), "\"result a\" did not return")],
        ),
        (
            || Made::of("future.wakes-everybody"),
            vec![(|made| made.hangs("result a #3"), "\"result a #3\" did not return")],
        ),
        (
            || gave_up("future.timeout-raises", &["result a", "result a #2"]),
            vec![(
                |made| made.returns("result a #2", "a"),
                "\"result a #2\" returned \"a\" where timeout was due",
            )],
        ),
        (
            || gave_up("future.timeout-not-early", &["result a #31", "result a #32"]),
            vec![
                (|made| made.lasts("result a #31", 75), "it gave up after 76 ms of 300 ms"),
                (|made| made.lasts("result a #32", 25), "it gave up after 26 ms of 100 ms"),
                (|made| made.returns("result a #32", "a"), "where timeout was due"),
                (|made| made.hangs("result a #33"), "\"result a #33\" did not return"),
            ],
        ),
        (
            || gave_up("future.timeout-changes-nothing", &["result a"]),
            vec![(
                |made| made.fails("result a #2", ErrorClass::Cancelled),
                "\"result a #2\" failed: cancelled",
            )],
        ),
        (
            || Made::of("future.timeout-of-what-is-done"),
            vec![
                (|made| made.fails("result a #2", ErrorClass::Timeout), "failed: timeout"),
                (
                    |made| made.fails("result b #2", ErrorClass::Timeout),
                    "\"result b #2\" failed, but not as task: timeout",
                ),
            ],
        ),
        (
            || Made::of("future.callback-once"),
            vec![
                (|made| made.and(EventKind::Callback, "c", 100), "was called 2 times, not 1"),
                (|made| made.without(EventKind::Callback, "c"), "was called 0 times, not 1"),
                (|made| made.after("result a", &["a"]), "called before the task had returned"),
            ],
        ),
        (
            || Made::of("future.callback-of-what-is-done"),
            vec![
                (|made| made.without(EventKind::Callback, "c"), "\"c\" was called 0 times, not 1"),
                (|made| made.without(EventKind::Callback, "d"), "\"d\" was called 0 times, not 1"),
            ],
        ),
        (
            || Made::of("future.callback-of-an-error"),
            vec![
                (|made| made.without(EventKind::Callback, "c"), "was called 0 times, not 1"),
                (|made| made.returns("result a", 1), "where task was due"),
            ],
        ),
        (
            || Made::of("future.callback-of-a-cancellation").cancelled(&["f"]),
            vec![
                (
                    |made| made.and(EventKind::Callback, "cancelled", 100),
                    "the callback \"cancelled\" was called 2 times",
                ),
                (|made| made.returns("cancel f", false), "returned false, not true"),
            ],
        ),
        (
            || Made::of("future.callback-of-a-death").dies("a"),
            vec![
                (|made| made.without(EventKind::Callback, "a"), "\"a\" was called 0 times, not 1"),
                (|made| made.without(EventKind::Callback, "f"), "\"f\" was called 0 times, not 1"),
                (|made| made.fails("result a", ErrorClass::Other), "but not as broken: other"),
            ],
        ),
        (
            || {
                let made = Made::of("future.callback-of-a-cancelling-shutdown");
                made.cancelled(&["b", "c", "d", "e", "f"])
            },
            vec![
                (|made| made.without(EventKind::Callback, "b"), "\"b\" was called 0 times, not 1"),
                (|made| made.and(EventKind::Callback, "f", 100), "\"f\" was called 2 times, not 1"),
                (|made| made.returns("result f", 1), "returned 1 where cancelled was due"),
            ],
        ),
        (
            || Made::of("future.callbacks-do-not-know-each-other"),
            vec![
                (|made| made.without(EventKind::Callback, "last"), "\"last\" was called 0 times"),
                (
                    |made| made.without(EventKind::Callback, "g last"),
                    "\"g last\" was called 0 times",
                ),
                (|made| made.hangs("result b"), "\"result b\" did not return"),
            ],
        ),
        (
            || Made::of("future.callback-after-the-result"),
            vec![
                (
                    |made| {
                        let made = made.without(EventKind::Callback, "c done");
                        made.and(EventKind::Callback, "c running", 100)
                    },
                    "they saw [\"c running\", \"d done\"]",
                ),
                (|made| made.returns("result b", ()), "where task was due"),
            ],
        ),
        (
            || Made::of("future.callbacks-in-order"),
            vec![
                (
                    |made| {
                        let made = made.without(EventKind::Callback, "c1");
                        made.and(EventKind::Callback, "c1", 100)
                    },
                    "they ran as [\"c0\", \"c2\", \"c3\"",
                ),
                (|made| made.without(EventKind::Callback, "c39"), "\"c37\", \"c38\"]"),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
            ],
        ),
        (
            || Made::of("future.task-beside-a-failing-map"),
            vec![
                (|made| made.fails("result a", ErrorClass::Cancelled), "failed: cancelled"),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
                (|made| made.gives("map p", &[ok(4), ok(9)]), "no item failed"),
            ],
        ),
        (
            || Made::of("future.task-beside-a-closed-map"),
            vec![
                (|made| made.fails("result b", ErrorClass::Cancelled), "failed: cancelled"),
                (|made| made.hangs("map_close m"), "\"map_close m\" did not return"),
            ],
        ),
        (
            || Made::of("future.results-in-any-order"),
            vec![(|made| made.hangs("result t0"), "\"result t0\" did not return")],
        ),
        (
            || Made::of("future.discarded-futures-hold-up-nobody"),
            vec![
                (|made| made.unrun("t49"), "50 of 51 tasks ran"),
                (|made| made.hangs("result last"), "\"result last\" did not return"),
            ],
        ),
    ]
}
