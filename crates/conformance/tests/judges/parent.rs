//! Histories of programs that die.

use procpool_conformance::history::End;
use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::Made;

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("parent.killed-with-idle-workers").program_ends(End::KilledByCase),
            vec![
                (|made| made.fails("result a", ErrorClass::Broken), "failed: broken"),
                (|made| made.unrun("a").unrun("b").unrun("c").unrun("d"), "no worker ran"),
            ],
        ),
        (
            || Made::of("parent.killed-with-busy-workers").program_ends(End::KilledByCase),
            vec![(|made| made.unrun("b"), "1 of 2 tasks began")],
        ),
        (
            || Made::of("parent.killed-and-the-task-returns").program_ends(End::KilledByCase),
            vec![(|made| made.unrun("a"), "the trace has no \"begin\" of \"a\"")],
        ),
        (
            || Made::of("parent.terminated").program_ends(End::KilledByCase),
            vec![(|made| made.fails("result a", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || {
                Made::of("parent.killed-starts-nothing-more")
                    .program_ends(End::KilledByCase)
                    .unrun("b")
                    .unrun("c")
            },
            vec![(
                |made| made.and(EventKind::Begin, "b", 200),
                "1 tasks began after their program was killed",
            )],
        ),
        (
            || Made::of("parent.thread-ends"),
            vec![
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed: broken"),
                (|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed: broken"),
            ],
        ),
    ]
}
