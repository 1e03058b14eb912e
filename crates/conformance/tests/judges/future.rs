//! Histories of futures.

use procpool_contract::{ErrorClass, EventKind};
use serde_json::json;

use crate::Entry;
use crate::made::{Made, ok};

/// A wait for `a` of this duration ended without a result.
fn gave_up(id: &str, millis: u64) -> Made {
    Made::of(id).fails("result a", ErrorClass::Timeout).lasts("result a", millis)
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
            || {
                let made = gave_up("future.timeout-raises", 60);
                made.fails("result a #2", ErrorClass::Timeout)
            },
            vec![(
                |made| made.returns("result a #2", "a"),
                "\"result a #2\" returned \"a\" where timeout was due",
            )],
        ),
        (
            || gave_up("future.timeout-not-early", 300),
            vec![
                (|_| gave_up("future.timeout-not-early", 75), "it gave up after 76 ms"),
                (|made| made.returns("result a", "a"), "where timeout was due"),
            ],
        ),
        (
            || gave_up("future.timeout-changes-nothing", 20),
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
            vec![(|made| made.without(EventKind::Callback, "c"), "was called 0 times, not 1")],
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
            || Made::of("future.callback-of-a-death").ended(&["a"], ErrorClass::Broken),
            vec![
                (|made| made.without(EventKind::Callback, "c"), "was called 0 times, not 1"),
                (|made| made.fails("result a", ErrorClass::Other), "but not as broken: other"),
            ],
        ),
        (
            || Made::of("future.callbacks-do-not-know-each-other"),
            vec![
                (|made| made.without(EventKind::Callback, "last"), "\"last\" was called 0 times"),
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
                        let made = made.without(EventKind::Callback, "2nd");
                        made.and(EventKind::Callback, "2nd", 100)
                    },
                    "they ran as [\"1st\", \"3rd\", \"4th\", \"2nd\"]",
                ),
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
