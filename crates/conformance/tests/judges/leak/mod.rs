//! Histories of resources that pools leave behind.

use procpool_conformance::history::Sample;
use procpool_contract::{ErrorClass, EventKind};

mod uses;

use crate::Entry;
use crate::made::Made;

/// Nothing has changed after six pools.
fn clean(id: &str) -> Made {
    seen(Made::of(id), |_| {})
}

/// The same if every worker has died.
fn broken(id: &str) -> Made {
    let tags = ["t", "t1", "t2", "t3", "t4", "t5"];
    let made = tags.iter().fold(clean(id), |made, tag| made.without(EventKind::End, tag));
    let nth = |made: Made, nth| made.fails(&format!("result t #{nth}"), ErrorClass::Broken);
    (1..=tags.len()).fold(made, nth)
}

/// The last look.
fn seen(made: Made, see: fn(&mut Sample)) -> Made {
    made.looks("early", "gate early", |_| {}).looks("late", "gate late", see)
}

fn a_temporary_file(made: Made) -> Made {
    seen(made, |sample| _ = sample.temporary.insert("tmp/pool".to_owned()))
}

fn four_descriptors(made: Made) -> Made {
    seen(made, |sample| sample.descriptors += 4)
}

fn a_thread(made: Made) -> Made {
    seen(made, |sample| sample.threads += 1)
}

fn a_process(made: Made) -> Made {
    seen(made, |sample| sample.alive.extend([300]))
}

fn a_zombie(made: Made) -> Made {
    seen(made, |sample| sample.zombies.extend([300]))
}

const DESCRIPTORS: &str = "10 descriptors after two pools, 14 after six";
const THREADS: &str = "2 threads after two pools, 3 after six";
const PROCESSES: &str = "0 processes after two pools, 1 after six";
const ZOMBIES: &str = "0 zombies after two pools, 1 after six";

/// The open descriptors or the memory of a worker, before its tasks and after them.
fn worker(id: &str, last: &str) -> Made {
    Made::of(id).looks("before", "gate go", in_use).looks("after", last, in_use)
}

/// The looks before a pool, and after the end of its program.
fn after_the_end(id: &str, see: fn(&mut Sample)) -> Made {
    Made::of(id).looks("before", "gate go", |_| {}).looks("after", "shutdown p", see)
}

/// The same with a worker that was killed.
fn killed_and_ended(see: fn(&mut Sample)) -> Made {
    let made = after_the_end("leak.files-of-broken-pools", see);
    made.looks("used", "submit a", |_| {}).ended(&["a"], ErrorClass::Broken)
}

/// The memory of a worker, in KiB, at each look.
fn uses(memory: [u64; 5]) -> Made {
    let looks = ["first", "second", "third", "fourth", "fifth"];
    looks.iter().zip(memory).fold(Made::of("leak.memory-of-workers"), |made, (look, kib)| {
        made.looks(look, &format!("gate {look}"), move |sample| sample.memory.extend([(200, kib)]))
    })
}

fn in_use(sample: &mut Sample) {
    sample.memory.extend([(200, 5_000)]);
    sample.opened.push((200, vec![(0, "/dev/null".to_owned())]));
}

pub(crate) fn entries() -> Vec<Entry> {
    [of_pools(), uses::entries()].concat()
}

fn of_pools() -> Vec<Entry> {
    vec![
        (
            || clean("leak.descriptors"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (|made| made.unrun("t5"), "5 of 6 tasks began"),
                (|_| Made::of("leak.descriptors"), "the run did not reach the look \"early\""),
            ],
        ),
        (|| broken("leak.descriptors-of-broken-pools"), vec![(four_descriptors, DESCRIPTORS)]),
        (|| clean("leak.threads"), vec![(a_thread, THREADS)]),
        (|| broken("leak.threads-of-broken-pools"), vec![(a_thread, THREADS)]),
        (|| clean("leak.processes"), vec![(a_process, PROCESSES)]),
        (|| clean("leak.zombies"), vec![(a_zombie, ZOMBIES)]),
        (|| broken("leak.zombies-of-broken-pools"), vec![(a_zombie, ZOMBIES)]),
        (
            || Made::of("leak.many-pools"),
            vec![(|made| made.fails("result t99", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || clean("leak.dropped-pools"),
            vec![
                (four_descriptors, DESCRIPTORS),
                (a_thread, THREADS),
                (a_process, PROCESSES),
                (a_temporary_file, "temporary files"),
            ],
        ),
        (
            || {
                let made = Made::of("leak.shared-memory").looks("before", "gate go", |_| {});
                let made = made.looks("used", "submit a", |_| {});
                made.looks("after", "shutdown p", |_| {})
            },
            vec![
                (
                    |made| {
                        made.looks("after", "shutdown p", |sample| {
                            sample.shared_memory.extend(["ring-7".to_owned()]);
                        })
                    },
                    "it left [\"ring-7\"] in /dev/shm",
                ),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
            ],
        ),
        (
            || after_the_end("leak.temporary-files", |_| {}),
            vec![
                (
                    |_| {
                        after_the_end("leak.temporary-files", |sample| {
                            sample.temporary.extend(["spool-7".to_owned()]);
                        })
                    },
                    "it left [\"spool-7\"] in TMPDIR",
                ),
                (|made| made.hangs("result a"), "\"result a\" did not return"),
            ],
        ),
        (
            || killed_and_ended(|_| {}),
            vec![
                (
                    |_| killed_and_ended(|sample| sample.shared_memory.extend(["r".to_owned()])),
                    "it left [\"r\"] in /dev/shm",
                ),
                (
                    |_| killed_and_ended(|sample| sample.temporary.extend(["s".to_owned()])),
                    "it left [\"s\"] in TMPDIR",
                ),
                (|made| made.returns("result a", "a"), "where broken was due"),
            ],
        ),
        (
            // A garbage collector runs once.
            || uses([5_000, 46_000, 87_000, 30_000, 71_000]),
            vec![
                (
                    |_| uses([5_000, 46_000, 87_000, 128_000, 169_000]),
                    "each 40 results of 1 MiB took more: [5000, 46000, 87000, 128000, 169000] KiB",
                ),
                (
                    |made| made.looks("fifth", "gate fifth", |_| {}),
                    "the worker 200 was not seen at the look \"fifth\"",
                ),
                (|made| made.ran_in("t0", 299), "2 workers ran the tasks of one"),
            ],
        ),
        (
            || worker("leak.descriptors-of-workers", "gate end"),
            vec![(
                |made| {
                    made.looks("after", "gate end", |sample| {
                        let open = (0..91).map(|number| (number, "/dev/null".to_owned()));
                        sample.opened.push((200, open.collect()));
                    })
                },
                "90 tasks took it from 1 to 91 descriptors",
            )],
        ),
        (
            || worker("leak.descriptors-of-workers-with-bad-results", "gate end"),
            vec![(
                |made| {
                    made.looks("after", "gate end", |sample| {
                        let open = (0..91).map(|number| (number, "/dev/null".to_owned()));
                        sample.opened.push((200, open.collect()));
                    })
                },
                "90 tasks took it from 1 to 91 descriptors",
            )],
        ),
    ]
}
