//! Histories of maps.

use procpool_contract::{ErrorClass, EventKind, Outcome};

use crate::Entry;
use crate::made::{Made, error, ok};

fn squares(count: i64) -> Vec<Outcome> {
    (0..count).map(|number| ok(number * number)).collect()
}

/// The outcomes of the items with an error among them.
fn with_an_error(to: usize) -> Vec<Outcome> {
    let bad = error(ErrorClass::Task, "item 3 is bad");
    let all = [ok(0), ok(1), ok(4), bad, ok(16), ok(25)];
    all[..to].to_vec()
}

fn shorter(made: Made, step: &str, count: i64) -> Made {
    made.gives(step, &squares(count))
}

/// Maps gave a timeout and nothing else.
fn timed_out(id: &str, steps: &[&str]) -> Made {
    let late = || error(ErrorClass::Timeout, "late");
    steps.iter().fold(Made::of(id), |made, step| made.gives(step, &[late()]))
}

fn refused(id: &str) -> Made {
    let tags = ["t0", "t1", "t2"];
    tags.iter().fold(Made::of(id).fails("map p", ErrorClass::Invalid), |made, tag| made.unrun(tag))
}

const RAN: &str = "3 items ran";

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("map.in-order-whatever-completes-first"),
            vec![
                (|made| made.gives("map p", &[ok("quick"), ok("slow")]), "the results were"),
                (|made| made.hangs("map p"), "did not return"),
            ],
        ),
        (
            || Made::of("map.every-item-once"),
            vec![
                (|made| shorter(made, "map p", 499), "\"map p\" gave"),
                (|made| made.gives("map p", &[squares(500), squares(1)].concat()), "gave"),
            ],
        ),
        (
            || Made::of("map.thousands-of-items"),
            vec![
                (|made| shorter(made, "map p", 2499), "it gave 2499 results"),
                (
                    |made| made.gives("map p", &[&squares(1000)[..], &squares(1500)].concat()),
                    "it gave 2500 results, and number Some(1000) is wrong",
                ),
            ],
        ),
        (
            || Made::of("map.two-at-a-time"),
            vec![
                (|made| made.gives("map_next m #2", &[ok(121)]), "\"m\" gave"),
                (|made| made.gives("map_next n #5", &[ok(0)]), "\"n\" gave"),
            ],
        ),
        (
            || Made::of("map.beside-a-closed-one"),
            vec![
                (
                    |made| made.gives("map_next n #5", &[]),
                    "it gave [Number(0), Number(1), Number(4), Number(9), Number(25)",
                ),
                (
                    |made| made.gives("map_next n #2", &[error(ErrorClass::Cancelled, "closed")]),
                    "item 0 of \"map_next n #2\" failed: cancelled",
                ),
                (|made| made.hangs("map_next n"), "\"map_next n #1\" did not return"),
            ],
        ),
        (
            || Made::of("map.after-a-closed-one"),
            vec![
                (|made| shorter(made, "map p", 4), "\"map p\" gave"),
                (|made| shorter(made, "map q", 2), "\"map q\" gave"),
            ],
        ),
        (
            || Made::of("map.after-a-failed-one"),
            vec![
                (|made| shorter(made, "map p #2", 0), "\"map p #2\" gave []"),
                (|made| shorter(made, "map p #3", 2), "\"map p #3\" gave"),
            ],
        ),
        (
            || timed_out("map.timeout-in-time", &["map p", "map p #2", "map p #3", "map p #4"]),
            vec![
                (|made| made.gives("map p #2", &[ok("t1")]), "it gave"),
                (
                    |_| {
                        let steps = ["map p", "map p #2", "map p #3", "map p #4"];
                        let made = timed_out("map.timeout-in-time", &steps);
                        steps.iter().fold(made, |made, step| made.lasts(step, 800))
                    },
                    "of 4 waits of 400 ms, the soonest ended after 80",
                ),
            ],
        ),
        (
            || timed_out("map.timeout-of-the-whole", &["map p"]),
            vec![(|made| made.gives("map p", &squares(30)), "it gave 30 items and no timeout")],
        ),
        (
            || timed_out("map.timeout-of-a-slow-reader", &["map_next m #2"]),
            vec![
                (|made| made.gives("map_next m #2", &[ok("b")]), "it gave [Ok(String(\"b\"))]"),
                (|made| made.hangs("map_next m #2"), "\"map_next m #2\" did not return"),
            ],
        ),
        (
            || timed_out("map.timeout-of-the-whole-with-a-buffer", &["map p"]),
            vec![(|made| made.gives("map p", &squares(30)), "it gave 30 items and no timeout")],
        ),
        (
            || timed_out("map.timeout-of-zero", &["map p"]),
            vec![
                (|made| made.gives("map p", &[ok("a")]), "it gave [Ok(String(\"a\"))]"),
                (|made| made.hangs("map p"), "\"map p\" did not return"),
            ],
        ),
        (
            || timed_out("map.after-a-timed-out-one", &["map p"]).lasts("map p", 50),
            vec![
                (
                    |made| made.gives("map p #2", &[error(ErrorClass::Timeout, "late")]),
                    "it gave [Error(",
                ),
                (|made| made.gives("map p #2", &[ok("b")]), "it gave [Ok(String(\"b\"))]"),
            ],
        ),
        (|| Made::of("map.empty"), vec![(|made| shorter(made, "map p", 1), "gave [Number(0)]")]),
        (|| Made::of("map.one-item"), vec![(|made| shorter(made, "map p", 0), "gave []")]),
        (
            || Made::of("map.again-and-again"),
            vec![(|made| shorter(made, "map p #3", 20), "\"map p #3\" gave")],
        ),
        (
            || Made::of("map.together-with-submit"),
            vec![
                (|made| made.returns("result a", 2), "\"result a\" returned 2"),
                (|made| shorter(made, "map p", 19), "\"map p\" gave"),
            ],
        ),
        (
            || Made::of("map.chunks-that-do-not-divide"),
            vec![(|made| shorter(made, "map p", 39), "\"map p\" gave")],
        ),
        (
            || Made::of("map.chunks-of-everything"),
            vec![(|made| shorter(made, "map p #2", 39), "\"map p #2\" gave")],
        ),
        (
            || Made::of("map.chunk-one-by-one"),
            vec![(|made| shorter(made, "map p", 2), "\"map p\" gave")],
        ),
        (
            || refused("map.chunksize-zero-is-refused"),
            vec![
                (|_| Made::of("map.chunksize-zero-is-refused"), RAN),
                (|made| shorter(made, "map p", 3), "it gave 3 items and no refusal"),
            ],
        ),
        (
            || refused("map.chunksize-negative-is-refused"),
            vec![(|_| Made::of("map.chunksize-negative-is-refused"), RAN)],
        ),
        (
            || Made::of("map.error-in-its-place"),
            vec![
                (|made| made.gives("map p", &with_an_error(6)[3..]), "item 0 was"),
                (|made| shorter(made, "map p", 6), "item 3 was Some(Ok(Number(9)))"),
                (|made| shorter(made, "map p", 3), "item 3 was None, not the error"),
            ],
        ),
        (
            || Made::of("map.error-after-hundreds"),
            vec![
                (
                    |made| shorter(made, "map p", 300),
                    "the last item was Some(Ok(Number(89401))), not the error",
                ),
                (|made| made.gives("map p", &[]), "the last item was None, not the error"),
                (
                    |made| made.gives("map p", &[error(ErrorClass::Broken, "it died")]),
                    "the last item was Some(Error(",
                ),
            ],
        ),
        (
            || Made::of("map.error-ends-it").gives("map p", &with_an_error(4)),
            vec![(|made| made.gives("map p", &with_an_error(6)), "2 items followed the error")],
        ),
        (
            || Made::of("map.error-does-not-end-it"),
            vec![(
                |made| made.gives("map p", &with_an_error(4)),
                "the items after the error were []",
            )],
        ),
        (
            || {
                let late = [ok(1), error(ErrorClass::Timeout, "late")];
                Made::of("map.timeout").gives("map p", &late).lasts("map p", 300)
            },
            vec![
                (|_| Made::of("map.timeout"), "it gave"),
                (
                    |_| {
                        let late = [error(ErrorClass::Timeout, "late")];
                        Made::of("map.timeout").gives("map p", &late)
                    },
                    "it gave up after 5 ms",
                ),
            ],
        ),
        (
            || Made::of("map.timeout-not-reached"),
            vec![(|made| shorter(made, "map p", 9), "\"map p\" gave")],
        ),
        (
            || Made::of("map.unordered-gives-all"),
            vec![(|made| shorter(made, "map p", 49), "it gave")],
        ),
        (
            || Made::of("map.lazily-taken"),
            vec![
                (|made| made.gives("map_next m #2", &[ok(4)]), "\"map_next m #2\" gave"),
                (|made| made.gives("map_next m #13", &[ok(144)]), "1 more items followed the last"),
            ],
        ),
        (
            || Made::of("map.reads-its-input-at-once"),
            vec![(
                |made| made.without(EventKind::Pull, "t11"),
                "11 of 12 inputs were taken by the call",
            )],
        ),
        (
            || Made::of("map.buffer-bounds-what-is-taken"),
            vec![
                (
                    |made| made.without(EventKind::Pull, "t3"),
                    "3 inputs were taken, of a buffer of 4",
                ),
                (
                    |made| {
                        let made = made.lasts("gate one more", 100);
                        ["t4", "t5"].iter().fold(made, |made, tag| {
                            made.between("gate full", "gate one more", EventKind::Pull, tag)
                        })
                    },
                    "6 inputs were taken after one item",
                ),
                (
                    |made| {
                        let made = made.lasts("gate thirty", 100);
                        (4..36).fold(made, |made, number| {
                            let tag = format!("t{number}");
                            made.between("gate one more", "gate thirty", EventKind::Pull, &tag)
                        })
                    },
                    "36 inputs were taken after 30 items",
                ),
            ],
        ),
        (
            || Made::of("map.buffers-of-every-size"),
            vec![(|made| shorter(made, "map p #5", 9), "\"map p #5\" gave")],
        ),
        (
            || Made::of("map.buffers-and-chunks"),
            vec![(|made| shorter(made, "map p #12", 9), "\"map p #12\" gave")],
        ),
        (
            || refused("map.buffer-of-nothing-is-refused"),
            vec![(|_| Made::of("map.buffer-of-nothing-is-refused"), RAN)],
        ),
        (
            || {
                let broken = [error(ErrorClass::Broken, "it died")];
                let made = Made::of("map.death-ends-it-or-its-item").gives("map p", &broken);
                made.without(EventKind::End, "a").unrun("b")
            },
            vec![
                (|made| made.gives("map p", &[ok(())]), "it gave"),
                (|made| made.fails("map p", ErrorClass::Other), "other"),
                (|made| made.hangs("map p"), "did not return"),
            ],
        ),
        (
            || Made::of("map.spreads-over-workers"),
            vec![(|made| made.ran_in("b", 200), "1 worker ran both")],
        ),
        (
            || {
                let made = Made::of("map.after-shutdown-is-rejected").unrun("b0").unrun("b1");
                made.fails("map p #2", ErrorClass::Rejected)
            },
            vec![
                (|made| made.gives("map p #2", &[]), "it gave []"),
                (|made| made.and(EventKind::Begin, "b0", 200), "1 of its items ran"),
                (|made| made.fails("map p #2", ErrorClass::Broken), "broken"),
            ],
        ),
    ]
}
