//! Histories of workers that die.

use procpool_contract::{ErrorClass, EventKind, policy};

use crate::Entry;
use crate::made::Made;

const DUE: &str = "where broken was due";

/// The only task died with its worker.
macro_rules! one_dies {
    ($id:literal) => {
        (
            || Made::of($id).dies("a"),
            vec![
                (|made| made.returns("result a", 1), DUE),
                (|made| made.fails("result a", ErrorClass::Task), "not as broken: task"),
                (|made| made.hangs("result a"), "did not return"),
                (|made| made.unrun("a"), "the trace has no \"begin\" of \"a\""),
            ],
        )
    };
}

/// `count` tasks never ran.
fn never_ran(made: Made, prefix: &str, count: usize) -> Made {
    (0..count).fold(made, |made, number| {
        let tag = format!("{prefix}{number}");
        made.unrun(&tag).fails(&format!("result {tag}"), ErrorClass::Broken)
    })
}

fn replaces(made: Made) -> Made {
    made.choosing(|it| it.worker_death = Some(policy::WorkerDeath::Replace))
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        one_dies!("death.killed-while-running"),
        one_dies!("death.terminated-while-running"),
        one_dies!("death.exit-with-a-code"),
        (
            || Made::of("death.exit-with-a-code").dies("a"),
            vec![(|made| made.returns("result exit-143", ()), DUE)],
        ),
        (
            || Made::of("death.by-other-signals"),
            vec![
                (|made| made.returns("result signal-14", ()), DUE),
                (|made| made.hangs("result signal-1"), "\"result signal-1\" did not return"),
            ],
        ),
        (
            || {
                let times = ["result a", "result a #2", "result a #3"];
                let made = Made::of("death.wakes-everybody");
                times.iter().fold(made, |made, time| made.fails(time, ErrorClass::Broken))
            },
            vec![
                (|made| made.hangs("result a #3"), "\"result a #3\" did not return"),
                (|made| made.returns("result a #2", "a"), DUE),
            ],
        ),
        one_dies!("death.exit-with-zero"),
        one_dies!("death.segmentation-fault"),
        one_dies!("death.abort"),
        one_dies!("death.after-a-shutdown-without-waiting"),
        (
            || Made::of("death.says-which-code").says_status("result a", "exit 99"),
            vec![
                (|made| made.says_status("result a", "exit 0"), "Some(\"exit 0\"), not exit 99"),
                (|made| made.fails("result a", ErrorClass::Broken), "None, not exit 99"),
            ],
        ),
        (
            || Made::of("death.says-which-signal").dies("a").says_status("result a", "signal 9"),
            vec![(|made| made.says_status("result a", "exit 9"), "Some(\"exit 9\"), not signal 9")],
        ),
        (
            || Made::of("death.results-stay"),
            vec![
                (|made| made.fails("result early #2", ErrorClass::Broken), "failed: broken"),
                (|made| made.returns("result a", 1), DUE),
            ],
        ),
        (
            || never_ran(Made::of("death.fails-everything").dies("a").dies("b"), "t", 50),
            vec![
                (|made| made.hangs("result t49"), "\"result t49\" did not return"),
                (|made| made.fails("result b", ErrorClass::Cancelled), "not as broken: cancelled"),
                (|made| made.returns("result t7", "t7"), DUE),
            ],
        ),
        (
            || Made::of("death.ends-the-siblings").dies("b"),
            vec![(|made| made.returns("result b", "b"), DUE)],
        ),
        (
            || Made::of("death.siblings-that-ignore-sigterm").dies("a").dies("deaf"),
            vec![(|made| made.hangs("result deaf"), "did not return")],
        ),
        (
            || {
                let made = Made::of("death.of-the-worker-that-started-last");
                (0..4).fold(made, |made, round| made.dies(&format!("a{round}")))
            },
            vec![
                (|made| made.hangs("result a2"), "\"result a2\" did not return"),
                (|made| made.returns("result a3", "a3"), DUE),
            ],
        ),
        (
            || {
                let made = Made::of("death.later-tasks-are-refused").unrun("b").unrun("c");
                ["b", "c"].iter().fold(made, |made, task| {
                    let made = made.fails(&format!("submit {task}"), ErrorClass::Broken);
                    made.fails(&format!("result {task}"), ErrorClass::Other)
                })
            },
            vec![
                (|made| made.fails("submit b", ErrorClass::Rejected), "not as broken: rejected"),
                (|made| made.returns("submit b", ()).returns("result b", 2), DUE),
                (
                    |made| made.returns("submit c", ()).returns("result c", 3),
                    "where broken was due",
                ),
            ],
        ),
        (
            || Made::of("death.idle-breaks").unrun("b").fails("result b", ErrorClass::Broken),
            vec![
                (|made| made.returns("result b", 2), DUE),
                (|made| made.hangs("result b"), "did not return"),
            ],
        ),
        (
            || Made::of("death.idle-is-replaced").ran_in("b", 201),
            vec![
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
                (|made| made.fails("submit b", ErrorClass::Broken), "\"submit b\" failed: broken"),
            ],
        ),
        (
            || replaces(Made::of("death.costs-its-own-task").dies("a")),
            vec![
                (|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed: broken"),
                (
                    |made| made.fails("result t9", ErrorClass::Broken),
                    "\"result t9\" failed: broken",
                ),
                (|made| made.returns("result a", "a"), DUE),
            ],
        ),
        (
            || replaces(Made::of("death.place-is-taken")),
            vec![(|made| made.fails("result c", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || Made::of("death.leaves-other-pools-alone").dies("a"),
            vec![
                (|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed: broken"),
                (|made| made.fails("result c", ErrorClass::Broken), "\"result c\" failed: broken"),
            ],
        ),
        (
            || Made::of("death.next-pool-works"),
            vec![(|made| made.fails("result b", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || Made::of("death.many-at-once"),
            vec![
                (|made| made.hangs("result t4-7"), "did not return"),
                (|made| made.returns("result t0-3", ()), DUE),
            ],
        ),
        (
            || {
                let made = never_ran(Made::of("death.with-large-arguments-queued"), "t", 8);
                made.choosing(|it| it.worker_death = Some(policy::WorkerDeath::Break))
            },
            vec![
                (|made| made.hangs("result t7"), "did not return"),
                (replaces, "\"result t0\" failed: broken"),
            ],
        ),
        (
            || Made::of("death.during-a-large-result").fails("result a", ErrorClass::Broken),
            vec![
                (|made| made.hangs("result a"), "did not return"),
                (|made| made.returns("result a", "xxx"), "3 bytes were returned, not 33554432"),
                (|made| made.fails("result a", ErrorClass::Serialisation), "not as broken"),
            ],
        ),
        (
            || {
                Made::of("death.while-cancelling")
                    .dies("a")
                    .fails("result a", ErrorClass::Broken)
                    .fails("result t3", ErrorClass::Cancelled)
                    .unrun("t3")
            },
            vec![
                (|made| made.hangs("result t39"), "did not return"),
                (|made| made.returns("result t5", 6), "\"result t5\" returned 6, not 5"),
                (|made| made.fails("result t5", ErrorClass::Other), "not as broken or cancelled"),
                (|made| made.returns("result a", ()), DUE),
            ],
        ),
        (
            || Made::of("death.sigint-is-ignored"),
            vec![
                (|made| made.fails("result a", ErrorClass::Broken), "failed: broken"),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || {
                let made = Made::of("death.sigint-has-an-end").without(EventKind::End, "a");
                made.fails("result a", ErrorClass::Task)
            },
            vec![
                (|made| made.hangs("result a"), "did not return"),
                (|made| made.fails("result a", ErrorClass::Other), "not as task or broken: other"),
                (|made| made.returns("result a", ()), "returned null, not \"a\""),
            ],
        ),
    ]
}
