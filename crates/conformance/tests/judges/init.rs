//! Histories of initializers.

use procpool_conformance::cases;
use procpool_conformance::history::place_of;
use procpool_contract::{ErrorClass, EventKind, Policies, policy};
use serde_json::json;

use crate::made::Made;
use crate::{Bad, Entry};

const NOT_BROKEN: &str = "failed, but not as broken: task";

/// An initializer failed, and every task with it.
fn all_broken(id: &'static str) -> Entry {
    let bad: Bad = vec![
        (|made| made.returns("result a", 1), "\"result a\" returned 1 where broken was due"),
        (|made| made.fails("result b", ErrorClass::Task), NOT_BROKEN),
        (|made| made.hangs("result c"), "\"result c\" did not return"),
        (|made| made.and(EventKind::Begin, "a", 200), "1 tasks ran in workers that had not"),
        (|made| made.without(EventKind::InitBegin, "init"), "no initializer was called"),
    ];
    match id {
        "init.exit-breaks" => (|| Made::of("init.exit-breaks"), bad),
        "init.kill-breaks" => (|| Made::of("init.kill-breaks"), bad),
        _ => (|| Made::of("init.raising-breaks"), bad),
    }
}

fn cancelled() -> Made {
    let made = Made::of("init.cancelled-stay-cancelled").without(EventKind::InitEnd, "init");
    let made = ["a", "b", "c", "d", "e"].into_iter().fold(made, Made::unrun);
    let made = made.returns("cancel e", true).fails("result a", ErrorClass::Broken);
    made.fails("result e", ErrorClass::Cancelled)
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("init.before-the-first-task"),
            vec![
                (
                    |made| made.unrun("a").and_first(EventKind::Begin, "a", 200),
                    "the task began while the initializer ran",
                ),
                (|made| made.without(EventKind::InitEnd, "init"), "it did not return"),
                (|made| made.fails("result a", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("init.state-of-its-own-worker"),
            vec![(
                |made| made.returns("result c", json!({"pid": 200, "state": null})),
                "\"c\" found the state null",
            )],
        ),
        (
            || Made::of("init.not-for-each-task"),
            vec![(
                |made| made.and(EventKind::InitBegin, "init", 200),
                "it was called 2 times for 1 workers",
            )],
        ),
        all_broken("init.raising-breaks"),
        all_broken("init.exit-breaks"),
        all_broken("init.kill-breaks"),
        (
            || Made::of("init.failing-starts-no-storm"),
            vec![
                (|made| made.without(EventKind::InitBegin, "init"), "no initializer was called"),
                (
                    |made| {
                        (0..4).fold(made, |made, more| {
                            made.and(EventKind::InitBegin, "init", 300 + more)
                        })
                    },
                    "5 workers were started for 2 places",
                ),
            ],
        ),
        (
            || {
                Made::of("init.error-is-reported")
                    .fails_with("result a", "panic: the disk is on fire")
            },
            vec![(
                |made| made.fails_with("result a", "a process was terminated"),
                "its message was: a process was terminated",
            )],
        ),
        (
            || Made::of("init.failing-and-nothing-submitted"),
            vec![(|made| made.fails("shutdown p", ErrorClass::Broken), "failed: broken")],
        ),
        (
            || Made::of("init.failing-then-shutdown"),
            vec![(|made| made.hangs("shutdown p"), "did not return")],
        ),
        (
            cancelled,
            vec![
                (|made| made.returns("cancel e", false), "\"cancel e\" returned false, not true"),
                (|made| made.fails("result e", ErrorClass::Broken), "not as cancelled: broken"),
                (|made| made.returns("result a", 1), "returned 1 where broken was due"),
                (|made| made.and(EventKind::Begin, "e", 201), "the cancelled task ran"),
            ],
        ),
        (
            // If another worker replaces it, the task may run.
            || {
                let made = cancelled().returns("result a", 1);
                let made = made.choosing(|it| it.worker_death = Some(policy::WorkerDeath::Replace));
                made.and(EventKind::InitEnd, "init", 201).and(EventKind::Begin, "a", 201).and(
                    EventKind::End,
                    "a",
                    201,
                )
            },
            vec![(|made| made.fails("result e", ErrorClass::Broken), "not as cancelled: broken")],
        ),
        (
            || Made::of("init.in-replacements"),
            vec![
                (
                    |made| made.returns("result t5", json!({"pid": 202, "state": null})),
                    "task 5 found the state null",
                ),
                (|made| made.ran_in("t2", 200).ran_in("t3", 200), "3 workers ran 8 tasks, 2 each"),
            ],
        ),
        (
            || {
                let made = Made::of("init.hanging-does-not-hold-up-timeouts");
                made.fails("result a", ErrorClass::Timeout)
            },
            vec![
                (|made| made.returns("result a", 1), "returned 1 where timeout was due"),
                (|made| made.fails("result a #2", ErrorClass::Timeout), "failed: timeout"),
                (
                    |made| made.and_first(EventKind::InitEnd, "init", 200),
                    "only when the initializer",
                ),
            ],
        ),
        (
            || Made::of("init.pools-side-by-side"),
            vec![(
                |made| made.returns("result t2", json!({"pid": 400, "state": 3})),
                "pool 2 found the state 3",
            )],
        ),
        (
            || Made::of("init.in-many-replacements"),
            vec![(
                |made| made.returns("result t19", json!({"pid": 219, "state": null})),
                "task 19 found the state null",
            )],
        ),
        (
            || Made::of("init.same-arguments-in-each"),
            vec![(
                |made| made.returns("result t1", json!({"pid": 201, "state": [1, 2, 3, 4]})),
                "task 1 found the state [1,2,3,4]",
            )],
        ),
        (
            || Made::of("init.empty-arguments"),
            vec![
                (
                    |made| made.returns("result t0", json!({"pid": 200, "state": null})),
                    "the state was null, not 0",
                ),
                (
                    |made| made.returns("result t4", json!({"pid": 600, "state": []})),
                    "the state was [], not {}",
                ),
                (|made| made.hangs("result t1"), "\"result t1\" did not return"),
            ],
        ),
        (
            || Made::of("init.state-lasts"),
            vec![(
                |made| made.returns("result t50", json!({"pid": 200, "state": null})),
                "task 50 found the state null",
            )],
        ),
        (
            || Made::of("init.of-its-own-pool"),
            vec![
                (
                    |made| made.returns("result t-q", json!({"pid": 300, "state": 0})),
                    "a worker of \"q\" had the state 0, not null",
                ),
                (
                    |made| made.returns("result t-r", json!({"pid": 400, "state": 0})),
                    "a worker of \"r\" had the state 0, not 2",
                ),
                (
                    |made| made.returns("result t-s", json!({"pid": 500, "state": null})),
                    "a worker of \"s\" had the state null, not 2",
                ),
            ],
        ),
        (
            || {
                let made = Made::of("init.next-pool-after-a-failing-one");
                made.fails("result a", ErrorClass::Broken)
            },
            vec![(
                |made| made.fails("result b", ErrorClass::Broken),
                "\"result b\" failed: broken",
            )],
        ),
        (
            || Made::of("init.each-worker-when-it-starts"),
            vec![
                (|made| made.ran_in("a", 299), "{200, 202, 299} ran tasks"),
                (|made| made.ran_in("a", 200), "2 workers ran, not 3"),
            ],
        ),
    ]
}

#[test]
fn a_constructor_may_report_that_the_initializer_failed() {
    let ids = [
        "init.raising-breaks",
        "init.exit-breaks",
        "init.kill-breaks",
        "init.error-is-reported",
        "init.failing-and-nothing-submitted",
        "init.failing-then-shutdown",
        "init.failing-starts-no-storm",
        "init.cancelled-stay-cancelled",
    ];
    for id in ids {
        // Then there is no pool for the later steps.
        let reports = |start: fn(&mut Policies)| {
            let made = Made::of(id).choosing(start).fails_with("new p", "the disk is on fire");
            let scenario = cases::find(id).expect("it is there").scenario();
            let submitted = ["a", "b", "c", "d", "e"].into_iter();
            submitted
                .flat_map(|tag| [format!("submit {tag}"), format!("result {tag}")])
                .chain(["cancel e".to_owned(), "shutdown p".to_owned()])
                .filter(|step| place_of(&scenario, step).is_some())
                .fold(made, |made, step| made.fails(&step, ErrorClass::Invalid))
        };
        reports(|policies| policies.start = Some(policy::Start::AtConstruction)).passes();
        if id != "init.failing-starts-no-storm" {
            // If workers start with the first task, the initializer cannot have been called.
            reports(|policies| policies.start = Some(policy::Start::OnDemand)).is_found("failed");
        }
    }
}

#[test]
fn nothing_is_cancelled_while_a_constructor_waits_for_the_initializer() {
    let made = Made::of("init.cancelled-stay-cancelled").returns("cancel e", false);
    made.clone().and_first(EventKind::InitEnd, "init", 200).passes();
    made.is_found("\"cancel e\" returned false, not true");
}
