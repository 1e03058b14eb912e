//! Histories of output.

use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::Made;

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("output.reaches-the-programs"),
            vec![
                (|made| made.silenced(), "\u{1b}[0m\" was printed 0 times, not 1"),
                (
                    |made| {
                        let unified = made.text("submit c").replace("\r\n", "\n");
                        made.silenced().says(&unified)
                    },
                    "\u{1b}[0m\" was printed 0 times, not 1",
                ),
                (
                    |made| {
                        let unusual = made.text("submit c");
                        made.silenced().says(&unusual)
                    },
                    "\"an apple\" was printed 0 times, not 1",
                ),
                (|made| made.says("an apple\n"), "\"an apple\" was printed 2 times, not 1"),
                (|made| made.says("a pear\n"), "\"a pear\" was printed 4 times, not 3"),
            ],
        ),
        (
            || Made::of("output.without-an-end-of-line"),
            vec![
                (|made| made.silenced(), "\"an apricot\" was printed 0 times, not 1"),
                (|made| made.hangs("result a"), "did not return"),
            ],
        ),
        (
            || Made::of("output.in-order"),
            vec![
                (
                    |made| made.silenced().says("medlar damson cherry damson cherry"),
                    "the order was [\"medlar\", \"damson\", \"cherry\", \"damson\", \"cherry\"]",
                ),
                (|made| made.says("cherry"), "\"medlar\", \"cherry\"]"),
            ],
        ),
        (
            || Made::of("output.of-a-worker-that-dies"),
            vec![
                (|made| made.silenced(), "\"a quince\" was printed 0 times, not 1"),
                (|made| made.returns("result b", ()), "where broken was due"),
            ],
        ),
        (
            || Made::of("output.of-a-task-with-a-bad-result"),
            vec![
                (|made| made.silenced(), "\"an apple\" was printed 0 times, not 1"),
                (|made| made.returns("result a", ()), "returned null where"),
            ],
        ),
        (
            || Made::of("output.of-a-map"),
            vec![
                (|made| made.silenced(), "\"a sloe\" was printed 0 times, not 3"),
                (|made| made.hangs("map p"), "did not return"),
            ],
        ),
        (
            || Made::of("output.printed-without-shutdown"),
            vec![
                (|made| made.silenced(), "\"an apple\" was printed 0 times, not 1"),
                (|made| made.without(EventKind::End, "b"), "no \"end\" of \"b\""),
            ],
        ),
        (
            || Made::of("output.all-of-it"),
            vec![
                (|made| made.silenced(), "\"a plum\" was printed 0 times, not 4096"),
                (
                    |made| made.silenced().says(&"a plum\n".repeat(4096)).says("a pear: ??"),
                    "was printed 0 times, not 1",
                ),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("output.does-not-disturb-the-pool"),
            vec![
                (|made| made.hangs("result t3"), "did not return"),
                (|made| made.returns("result a", ()), "returned null, not 1"),
            ],
        ),
        (
            || Made::of("output.is-not-taken-for-messages"),
            vec![
                (|made| made.returns("result echo3", "ok"), "returned \"ok\", not 3"),
                (|made| made.fails("result print9", ErrorClass::Broken), "failed: broken"),
                (|made| made.silenced(), "nothing was printed"),
            ],
        ),
        (
            || Made::of("output.of-an-initializer"),
            vec![
                (|made| made.says("a fig\n"), "\"a fig\" was printed 3 times, not 2"),
                (|made| made.unrun("init"), "0 workers were initialized"),
            ],
        ),
        (
            || Made::of("output.standard-input-has-an-end"),
            vec![
                (|made| made.returns("result a", 17), "returned 17, not 0"),
                (|made| made.hangs("result a"), "did not return"),
            ],
        ),
        (
            || Made::of("output.clean-run-is-silent"),
            vec![(|made| made.says("leaked semaphores"), "17 bytes were printed: leaked")],
        ),
        (
            || Made::of("output.silent-without-shutdown"),
            vec![(|made| made.says("Traceback"), "9 bytes were printed: Traceback")],
        ),
        (
            || Made::of("output.silent-about-errors-of-tasks"),
            vec![
                (|made| made.says("oh"), "2 bytes were printed: oh"),
                (|made| made.returns("result a", ()), "returned null"),
            ],
        ),
        (
            || Made::of("output.failing-task-does-not-end-the-program"),
            vec![
                (|made| made.hangs("result b"), "did not return"),
                (|made| made.without(EventKind::Failed, "a"), "no \"failed\" of \"a\""),
            ],
        ),
    ]
}
