//! Histories of workers that retire.

use procpool_contract::ErrorClass;

use crate::Entry;
use crate::made::Made;

/// All tasks ran, no worker more than its limit.
macro_rules! all_ran {
    ($id:literal, $last:literal, $from:literal, $to:literal, $said:literal) => {
        (
            || Made::of($id),
            vec![
                (
                    |made| made.fails(concat!("result ", $last), ErrorClass::Broken),
                    "failed: broken",
                ),
                (|made| made.hangs(concat!("result ", $last)), "did not return"),
                (|made| made.ran_in($from, $to), $said),
            ],
        )
    };
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("recycle.after-so-many-tasks"),
            vec![
                (|made| made.ran_in("t3", 200), "worker 200 ran 4 tasks, and may run 3"),
                (|made| made.ran_in("t2", 299), "6 workers ran 7 tasks, 3 each"),
                (|made| made.fails("result t3", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        all_ran!("recycle.backlog-one-worker", "t5", "t2", 200, "ran 3 tasks, and may run 2"),
        all_ran!("recycle.backlog-two-workers", "t11", "t4", 200, "ran 3 tasks, and may run 2"),
        all_ran!("recycle.one-task-each", "t7", "t1", 200, "ran 2 tasks, and may run 1"),
        all_ran!("recycle.early-shutdown", "t5", "t3", 200, "ran 2 tasks, and may run 1"),
        all_ran!("recycle.shutdown-without-waiting", "t2", "t1", 200, "ran 2 tasks, and may run 1"),
        (
            || Made::of("recycle.failing-tasks-count"),
            vec![
                (|made| made.ran_in("t2", 200).ran_in("t3", 200), "1 workers ran 4 tasks, 2 each"),
                (|made| made.fails("result t1", ErrorClass::Broken), "not as task: broken"),
            ],
        ),
        (
            || Made::of("recycle.bad-results-count"),
            vec![
                (|made| made.ran_in("t2", 200).ran_in("t3", 200), "1 workers ran 4 tasks, 2 each"),
                (|made| made.returns("result t1", 1), "returned 1 where"),
            ],
        ),
        (
            || Made::of("recycle.items-count"),
            vec![(|made| made.ran_in("t2", 200), "worker 200 ran 3 tasks, and may run 2")],
        ),
        (
            || Made::of("recycle.failing-task-and-shutdown"),
            vec![(|made| made.hangs("result a"), "did not return")],
        ),
        (
            || Made::of("recycle.retired-are-reaped").sees("after", &[]),
            vec![
                (
                    |made| made.saw(|it| it.zombies.extend([200, 201, 202])),
                    "3 zombies were left of 10 workers",
                ),
                (|made| made.ran_in("t1", 200), "worker 200 ran 2 tasks, and may run 1"),
            ],
        ),
        all_ran!("recycle.retiring-is-no-crash", "t19", "t2", 200, "ran 2 tasks, and may run 1"),
        (
            || Made::of("recycle.nonsense-is-refused").fails("new p", ErrorClass::Invalid),
            vec![(
                |made| made.returns("new p", ()),
                "\"new p\" returned null where invalid was due",
            )],
        ),
    ]
}
