//! Histories of pools and processes in tasks.

use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::Made;

/// The nested calls of a task `a` of depth 6.
const NESTED: [&str; 6] = ["a.5", "a.5.4", "a.5.4.3", "a.5.4.3.2", "a.5.4.3.2.1", "a.5.4.3.2.1.0"];

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("nested.task-starts-a-process"),
            vec![
                (|made| made.returns("result a", ()), "\"result a\" returned null, not 3"),
                (|made| made.returns("result a", 0), "\"result a\" returned 0, not 3"),
                (|made| made.fails("result b", ErrorClass::Task), "\"result b\" failed"),
            ],
        ),
        (
            || Made::of("nested.task-makes-a-pool"),
            vec![
                (|made| made.returns("result a", 2), "returned 2, not 1"),
                (|made| made.fails("result a", ErrorClass::Task), "failed: task"),
                (
                    |made| {
                        let inner = ["a.0", "c.0", "d.0", "e.0", "f.0", "g.0", "h.0"];
                        inner.iter().fold(made, |made, tag| made.unrun(tag))
                    },
                    "tasks ran in 1 processes, where each of 2 has",
                ),
                (|made| made.fails("result g", ErrorClass::Task), "\"result g\" failed: task"),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("nested.process-after-a-pool"),
            vec![
                (|made| made.returns("result b", 0), "\"result b\" returned 0, not 3"),
                (|made| made.fails("result a", ErrorClass::Task), "\"result a\" failed: task"),
            ],
        ),
        (
            || Made::of("nested.three-deep"),
            vec![
                (|made| made.returns("result a", 1), "returned 1, not 3"),
                (
                    |made| made.ran_in("a.2.1.0", 1001),
                    "tasks ran in 3 processes, where each of 4 has",
                ),
            ],
        ),
        (
            || Made::of("nested.several-at-once"),
            vec![
                (|made| made.hangs("result d"), "did not return"),
                (
                    |made| made.unrun("a.0").unrun("b.0"),
                    "tasks ran in 4 processes, where each of 5 has",
                ),
            ],
        ),
        (
            || Made::of("nested.dies-with-its-owner").dies("a"),
            vec![
                (|made| made.leaves("17 worker"), "left after the program: 17 worker"),
                (|made| made.fails("result a", ErrorClass::Other), "not as broken"),
                (
                    |made| NESTED.iter().fold(made, |made, tag| made.unrun(tag)),
                    "tasks ran in 1 processes",
                ),
            ],
        ),
        (
            // Everything was over before the signal arrived.
            || Made::of("nested.dies-with-its-owner"),
            vec![(|made| made.leaves("17 worker"), "17 worker")],
        ),
    ]
}

#[test]
fn rules_apply_to_tasks_of_nested_pools() {
    let made = || Made::of("nested.task-makes-a-pool");
    made().passes();
    made().and(EventKind::Begin, "a.0", 1002).is_against("at-most-once");
    made().and(EventKind::Begin, "a.1", 1002).is_against("no-phantom");
}
