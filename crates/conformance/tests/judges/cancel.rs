//! Histories of cancelling.

use procpool_contract::{ErrorClass, EventKind, policy};

use crate::Entry;
use crate::made::Made;

/// All but `count` of twenty tasks were cancelled.
fn refused(count: usize) -> Made {
    let tags: Vec<String> = (count..20).map(|number| format!("t{number}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    Made::of("cancel.few-cannot-be").cancelled(&tags)
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("cancel.pending").cancelled(&["f"]),
            vec![
                (|made| made.and(EventKind::Begin, "f", 200), "the cancelled task ran"),
                (|made| made.returns("cancel f", false), "\"cancel f\" returned false, not true"),
                (|made| made.returns("result f", "f"), "returned \"f\" where cancelled was due"),
                (|made| made.fails("result e", ErrorClass::Cancelled), "\"result e\" failed"),
            ],
        ),
        (
            || {
                let made = Made::of("cancel.after-a-wait-timed-out").cancelled(&["f"]);
                let made = made.fails("result f #2", ErrorClass::Cancelled);
                made.fails("result f", ErrorClass::Timeout).lasts("result f", 50)
            },
            vec![
                (|made| made.returns("cancel f", false), "\"cancel f\" returned false, not true"),
                (|made| made.returns("result f #2", "f"), "returned \"f\" where cancelled was due"),
                (|made| made.and(EventKind::Begin, "f", 200), "the cancelled task ran"),
            ],
        ),
        (
            || Made::of("cancel.after-many-tasks").cancelled(&["e"]),
            vec![
                (|made| made.returns("cancel e", false), "\"cancel e\" returned false, not true"),
                (|made| made.returns("result e", 4), "returned 4 where cancelled was due"),
                (|made| made.fails("result a", ErrorClass::Cancelled), "\"result a\" failed"),
            ],
        ),
        (
            || Made::of("cancel.after-a-shutdown-without-waiting").cancelled(&["f"]),
            vec![
                (|made| made.and(EventKind::Begin, "f", 200), "it was cancelled, and ran"),
                (|made| made.returns("result f", 1), "returned 1 where cancelled was due"),
                (|made| made.hangs("cancel f"), "\"cancel f\" did not return"),
            ],
        ),
        (
            || Made::of("cancel.after-a-shutdown-without-waiting"),
            vec![
                (|made| made.fails("result f", ErrorClass::Cancelled), "\"result f\" failed"),
                (|made| made.returns("cancel f", true), "returned 1 where cancelled was due"),
            ],
        ),
        (
            || Made::of("cancel.twice").cancelled(&["f"]).returns("cancel f #2", true),
            vec![(|made| made.returns("cancel f #2", false), "returned false, not true")],
        ),
        (
            || Made::of("cancel.running-is-refused"),
            vec![
                (|made| made.returns("cancel a", true), "\"cancel a\" returned true, not false"),
                (|made| made.fails("result a", ErrorClass::Cancelled), "failed: cancelled"),
            ],
        ),
        (
            || {
                let made = Made::of("cancel.running-is-killed").returns("cancel a", true);
                let made = made.ended(&["a"], ErrorClass::Cancelled).ran_in("b", 299);
                made.choosing(|it| it.cancel_running = Some(policy::CancelRunning::Kill))
            },
            vec![
                (|made| made.ran_in("b", 200), "the worker 200 ran the next task"),
                (|made| made.returns("cancel a", false), "returned false, not true"),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
                (|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed: broken"),
            ],
        ),
        (
            || Made::of("cancel.done-is-refused"),
            vec![
                (|made| made.returns("cancel b", true), "\"cancel b\" returned true, not false"),
                (|made| made.fails("result a #2", ErrorClass::Cancelled), "failed: cancelled"),
                (|made| made.fails("result b #2", ErrorClass::Cancelled), "not as task: cancelled"),
            ],
        ),
        (
            || Made::of("cancel.others-run").cancelled(&["e"]),
            vec![
                (|made| made.fails("result f", ErrorClass::Cancelled), "\"result f\" failed"),
                (|made| made.returns("cancel e", false), "returned false, not true"),
            ],
        ),
        (|| refused(5), vec![(|_| refused(6), "6 of 20 could not be cancelled, and 2 ran")]),
        (
            || Made::of("cancel.race-has-one-outcome").cancelled(&["t7", "t99"]),
            vec![
                (|made| made.returns("result t7", 7), "returned 7 where cancelled was due"),
                (|made| made.fails("result t8", ErrorClass::Cancelled), "\"result t8\" failed"),
            ],
        ),
    ]
}
