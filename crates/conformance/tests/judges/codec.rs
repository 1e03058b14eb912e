//! Histories of values that cannot be encoded or decoded.

use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::Made;

use crate::made::{error, ok};

const DUE: &str = "where serialisation or task was due";

/// The bad task fails alone.
macro_rules! fails_alone {
    ($id:literal $(, $more:expr)*) => {
        (
            || Made::of($id),
            vec![
                (|made| made.returns("result a", 1), DUE),
                (|made| made.hangs("result a"), "did not return"),
                (|made| made.fails("result a", ErrorClass::Broken), "not as serialisation or task"),
                (|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed: broken"),
                $($more,)*
            ],
        )
    };
}

/// A pool that breaks leaves no future unsettled.
macro_rules! breaks {
    ($id:literal) => {
        (
            || {
                let made = Made::of($id).fails("result a", ErrorClass::Broken).unrun("b");
                made.fails("result b", ErrorClass::Broken)
            },
            vec![
                (|made| made.hangs("result a"), "did not return"),
                (|made| made.returns("result a", 1), "was due"),
                (|made| made.hangs("result b"), "did not return"),
                (|made| made.fails("result b", ErrorClass::Other), "not as broken: other"),
            ],
        )
    };
}

macro_rules! map_has_it {
    ($id:literal) => {
        (
            || {
                let bad = error(ErrorClass::Serialisation, "it cannot be encoded");
                Made::of($id).gives("map p", &[ok(0), ok(1), bad])
            },
            vec![
                (|made| made.gives("map p", &[ok(0), ok(1)]), "the map gave 2 items and no error"),
                (|made| made.gives("map p", &[ok(0), ok(1), ok(4)]), "item 2 is 4"),
                (|made| made.gives("map p", &[ok(0), ok(1), ok(9)]), "item 2 is 9"),
                (
                    |made| made.gives("map p", &[error(ErrorClass::Broken, "no")]),
                    "item 0 failed: broken (no)",
                ),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        )
    };
}

macro_rules! calls_back {
    ($id:literal) => {
        (
            || Made::of($id),
            vec![
                (|made| made.without(EventKind::Callback, "called"), "the callback ran 0 times"),
                (|made| made.and(EventKind::Callback, "called", 100), "the callback ran 2 times"),
                (|made| made.returns("result a", 1), DUE),
            ],
        )
    };
}

const RAN: &str = "the task ran, though its argument never arrived";
const NO_END: &str = "the trace has no \"end\" of \"a\"";

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        fails_alone!(
            "codec.argument-that-cannot-be-encoded",
            (|made| made.and(EventKind::Begin, "a", 200), RAN)
        ),
        fails_alone!(
            "codec.argument-that-cannot-be-decoded",
            (|made| made.and(EventKind::Begin, "a", 200), RAN)
        ),
        fails_alone!(
            "codec.result-that-cannot-be-encoded",
            (|made| made.without(EventKind::End, "a"), NO_END),
            (
                |made| made.fails("result d", ErrorClass::Serialisation),
                "\"result d\" failed, but not as task"
            )
        ),
        fails_alone!(
            "codec.result-that-cannot-be-decoded",
            (|made| made.without(EventKind::End, "a"), NO_END)
        ),
        breaks!("codec.argument-that-breaks"),
        breaks!("codec.result-that-breaks"),
        (
            || Made::of("codec.many-bad-arguments"),
            vec![
                (|made| made.hangs("result good49"), "did not return"),
                (|made| made.returns("result bad49", 1), DUE),
            ],
        ),
        (
            || Made::of("codec.many-bad-results"),
            vec![
                (|made| made.hangs("result good49"), "did not return"),
                (|made| made.returns("result bad49", 1), DUE),
            ],
        ),
        (
            || Made::of("codec.bad-argument-behind-a-running-task"),
            vec![
                (|made| made.fails("result a", ErrorClass::Broken), "\"result a\" failed"),
                (|made| made.fails("result b", ErrorClass::Broken), "\"result b\" failed"),
                (|made| made.returns("result bad", 1), DUE),
            ],
        ),
        (
            || Made::of("codec.bad-argument-and-shutdown"),
            vec![
                (|made| made.hangs("result t3"), "did not return"),
                (|made| made.fails("result t0", ErrorClass::Cancelled), "not as serialisation"),
            ],
        ),
        (
            || Made::of("codec.bad-argument-and-nowait"),
            vec![(|made| made.hangs("result a"), "did not return")],
        ),
        (
            || {
                let who = serde_json::json!({"pid": 200, "state": null});
                Made::of("codec.bad-result-keeps-its-worker").returns("result after", who)
            },
            vec![
                (
                    |made| made.returns("result after", serde_json::json!({"pid": 201})),
                    "worker 200 ran the task before it, and worker 201 the one after it",
                ),
                (|made| made.returns("result a", 1), DUE),
            ],
        ),
        map_has_it!("codec.map-with-a-bad-argument"),
        map_has_it!("codec.map-with-a-bad-result"),
        map_has_it!("codec.chunk-with-a-bad-result"),
        (
            || Made::of("codec.bad-argument-wakes-a-wait"),
            vec![
                (|made| made.hangs("wait"), "\"wait\" did not return"),
                (|made| made.returns("result a", 1), "returned 1 where"),
            ],
        ),
        calls_back!("codec.bad-argument-calls-back"),
        calls_back!("codec.bad-result-calls-back"),
    ]
}
