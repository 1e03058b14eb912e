//! Histories of pools that are used in one way.

use procpool_conformance::history::Sample;
use procpool_contract::{ErrorClass, EventKind};

use super::{DESCRIPTORS, PROCESSES, THREADS, ZOMBIES};
use super::{a_process, a_thread, a_zombie, clean, four_descriptors, seen};
use crate::Entry;
use crate::made::{Made, error, ok};

/// A step of each of the six rounds has another outcome. It is the first of `each` of that name.
fn in_every_round(made: Made, step: &str, each: usize, change: fn(Made, &str) -> Made) -> Made {
    (0..6).fold(made, |made, round| change(made, &format!("{step} #{}", each * round + 1)))
}

fn cancelled() -> Made {
    let made = clean("leak.after-cancelled-tasks");
    in_every_round(made, "cancel f", 1, |made, step| made.returns(step, true))
}

fn timed_out() -> Made {
    let made = clean("leak.after-timeouts");
    in_every_round(made, "result t", 2, |made, step| made.fails(step, ErrorClass::Timeout))
}

/// The looks at a worker that has some descriptors open.
fn nested(late: usize) -> Made {
    let open = move |count: usize| {
        move |sample: &mut Sample| {
            let files = (0..count as i32).map(|number| (number, "/dev/null".to_owned()));
            sample.opened.push((200, files.collect()));
        }
    };
    let made = Made::of("leak.of-nested-pools").looks("early", "gate early", open(5));
    made.looks("late", "gate late", open(late))
}

pub(super) fn entries() -> Vec<Entry> {
    vec![
        (
            || clean("leak.after-maps"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (a_thread, THREADS),
                (a_process, PROCESSES),
                (a_zombie, ZOMBIES),
                (
                    |made| seen(made, |sample| sample.shared_memory.extend(["r".to_owned()])),
                    "0 objects in /dev/shm after two pools, 1 after six",
                ),
                (
                    |made| seen(made, |sample| sample.temporary.extend(["s".to_owned()])),
                    "0 temporary files after two pools, 1 after six",
                ),
                (|made| made.gives("map p #6", &[ok(0)]), "the results were"),
            ],
        ),
        (
            || clean("leak.after-closed-maps"),
            vec![
                (a_thread, THREADS),
                (|made| made.gives("map_next m #6", &[]), "the first item was []"),
            ],
        ),
        (
            || clean("leak.after-failed-maps"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (|made| made.gives("map p #6", &[ok(4)]), "no item failed"),
            ],
        ),
        (
            || {
                let failed = [ok(4), error(ErrorClass::Task, "oh")];
                clean("leak.after-failed-maps").gives("map p #6", &failed)
            },
            vec![(a_zombie, ZOMBIES)],
        ),
        (
            || clean("leak.after-failed-tasks"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (|made| made.returns("result t #6", 1), "where task was due"),
            ],
        ),
        (
            cancelled,
            vec![
                (a_thread, THREADS),
                (|made| made.returns("cancel f #6", false), "returned false, not true"),
            ],
        ),
        (
            timed_out,
            vec![
                (a_thread, THREADS),
                (|made| made.returns("result t #11", 1), "where timeout was due"),
            ],
        ),
        (
            || clean("leak.after-waits"),
            vec![
                (a_thread, THREADS),
                (|made| made.hangs("wait #6"), "did not return"),
                (|made| made.fails("as_completed #6", ErrorClass::Other), "failed: other"),
            ],
        ),
        (
            || clean("leak.after-callbacks"),
            vec![
                (a_thread, THREADS),
                (|made| made.without(EventKind::Callback, "d"), "6 of 12 callbacks were called"),
                (|made| made.returns("result t #6", 0), "returned 0, not 1"),
            ],
        ),
        (
            || clean("leak.after-failed-initializers"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (|made| made.returns("result t #6", 1), "the task ran"),
            ],
        ),
        (
            || clean("leak.after-initializers"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (|made| made.fails("result t #6", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || clean("leak.after-shutdowns-without-waiting"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (a_process, PROCESSES),
                (|made| made.hangs("result t #6"), "\"result t #6\" did not return"),
            ],
        ),
        (
            || clean("leak.after-bad-arguments"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (|made| made.fails("result t #6", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || clean("leak.after-killed-workers"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (a_zombie, ZOMBIES),
                (|made| made.hangs("kill_workers p #6"), "\"kill_workers p #6\" did not return"),
            ],
        ),
        (
            || nested(6),
            vec![
                (|_| nested(9), "it had 5 descriptors after two nested pools, 9 after six"),
                (|made| made.saw(|sample| sample.alive.extend([300])), PROCESSES),
                (|made| made.ran_in("t3", 299), "several workers ran the tasks of one"),
                (|made| made.returns("result t #6", 0), "returned 0, not 1"),
            ],
        ),
    ]
}
