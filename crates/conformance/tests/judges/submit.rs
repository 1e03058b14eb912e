//! Histories of single tasks.

use procpool_contract::{Capability, ErrorClass, EventKind};

use crate::Entry;
use crate::made::{Made, ok};

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("submit.returns-the-result"),
            vec![
                (|made| made.returns("result a", 255), "returned 255, not 256"),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
                (|made| made.fails("result a", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("submit.values-arrive-unchanged"),
            vec![
                (|made| made.returns("result t0", ()), "\"result t0\" returned null, not 0"),
                (|made| made.returns("result t4", ()), "\"result t4\" returned null, not []"),
            ],
        ),
        (
            || Made::of("submit.error-is-the-tasks-own"),
            vec![
                (|made| made.returns("result b", ()), "\"result b\" returned null"),
                (|made| made.fails("result c", ErrorClass::Task), "\"result c\" failed: task"),
            ],
        ),
        (
            || Made::of("submit.error-says-what-the-task-said"),
            vec![(|made| made.fails("result a", ErrorClass::Task), "its message was: made up")],
        ),
        (
            || Made::of("submit.many-errors"),
            vec![
                (|made| made.returns("result t38", ()), "\"result t38\" returned null"),
                (|made| made.fails("result t39", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("submit.hundreds-of-errors"),
            vec![(|made| made.returns("result t249", ()), "\"result t249\" returned null")],
        ),
        (
            || Made::of("submit.next-pool-after-an-error"),
            vec![
                (|made| made.returns("result a", ()), "\"result a\" returned null"),
                (|made| made.fails("result b", ErrorClass::Task), "\"result b\" failed: task"),
            ],
        ),
        (
            || {
                let made = Made::of("submit.after-shutdown-is-rejected").unrun("b").unrun("c");
                made.fails("submit b", ErrorClass::Rejected).fails("submit c", ErrorClass::Rejected)
            },
            vec![
                (|made| made.returns("submit b", ()), "\"submit b\" returned null"),
                (|made| made.returns("submit c", ()), "\"submit c\" returned null"),
                (|made| made.and(EventKind::Begin, "b", 200), "the refused task ran"),
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed"),
            ],
        ),
        (
            || Made::of("submit.does-not-wait"),
            vec![(|made| made.hangs("result t1499"), "did not return")],
        ),
        (
            || Made::of("submit.many-tasks"),
            vec![(|made| made.returns("result t1999", 1998), "returned 1998, not 1999")],
        ),
        (
            || Made::of("submit.two-workers-two-processes"),
            vec![
                (|made| made.ran_in("b", 200), "processes {200} ran the tasks"),
                (|made| made.ran_in("b", 100), "processes {100, 200} ran the tasks of process 100"),
            ],
        ),
        (
            || Made::of("submit.large-argument"),
            vec![(|made| made.returns("result a", "0123"), "4 bytes were returned")],
        ),
        (
            || Made::of("submit.large-result"),
            vec![(
                |made| made.returns("result a", "x".repeat((16 << 20) - 1)),
                "16777215 bytes were returned",
            )],
        ),
        (
            || Made::of("submit.large-argument-while-busy"),
            vec![(|made| made.returns("result b", ""), "returned \"\"")],
        ),
        (
            || Made::of("submit.several-threads"),
            vec![
                (|made| made.returns("result c2-3", 204), "returned 204, not 203"),
                (|made| made.gives("map p #4", &[ok(0)]), "the map gave"),
            ],
        ),
        (
            || Made::of("submit.pools-do-not-mix"),
            vec![(|made| made.returns("result q7", "r 7"), "returned \"r 7\", not \"q 7\"")],
        ),
        (
            || Made::of("submit.after-an-idle-time"),
            vec![(|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed")],
        ),
    ]
}

#[test]
fn every_message_is_its_tasks_own_in_a_pool_that_has_messages() {
    let made = || Made::of("submit.hundreds-of-errors").with(Capability::ErrorMessage);
    made().passes();
    made().fails("result t7", ErrorClass::Task).is_found("the message of task 7 was: made up");
}
