//! The end of a program that does not shut its pool down.

use procpool_contract::{Capability as Has, EventKind, policy};

use crate::case::{CASE, Case, Only, Waiver};
use crate::history::{End, require};
use crate::plan::{Condition, begun, echo, gated, returned, tasks_begun, workers};

use super::{many, results, submit_gated};

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "shutdown.program-end-drains",
        requirement: "The pool MUST finish its tasks before the end of a program that does not shut it down, as it declares.",
        source: "CPython: test_interpreter_shutdown",
        rows: &["SHUT-15", "SHUT-16"],
        only: Some(Only {
            words: "program_end is drain",
            holds: |policies| policies.program_end == Some(policy::ProgramEnd::Drain),
        }),
        kills: &["drop-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 4);
            plan.until(begun("t0")).until(returned("submit t3")).quiet().open("go");
        },
        judge: |history| {
            let ran = history.events(EventKind::End).count();
            require(ran == 4, || format!("{ran} of 4 tasks ran"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.program-end-drains-every-pool",
        requirement: "The pool MUST finish its tasks before the end of a program that has several pools and shuts none down, as it declares.",
        source: "CPython: test_interpreter_shutdown",
        rows: &["SHUT-15", "SHUT-16"],
        needs: &[Has::SeveralPools, Has::Submit],
        only: Some(Only {
            words: "program_end is drain",
            holds: |policies| policies.program_end == Some(policy::ProgramEnd::Drain),
        }),
        kills: &["drop-cancels"],
        plan: |plan| {
            for pool in ["p", "q", "r"] {
                plan.new_pool(pool, workers(1));
                for number in 0..2 {
                    plan.submit(pool, gated(&format!("{pool}{number}"), "go"));
                }
            }
            for pool in ["p", "q", "r"] {
                plan.until(begun(&format!("{pool}0")));
            }
            plan.until(returned("submit r1")).quiet().open("go");
        },
        judge: |history| {
            let ran = history.events(EventKind::End).count();
            require(ran == 6, || format!("{ran} of 6 tasks ran"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.program-end-abandons",
        requirement: "The pool MUST let a program end that does not shut it down, as it declares, with no worker left.",
        source: "multiprocessing: daemon processes",
        rows: &["SHUT-15"],
        only: Some(Only {
            words: "program_end is abandon",
            holds: |policies| policies.program_end == Some(policy::ProgramEnd::Abandon),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "never")).hold("end");
            plan.until(begun("a")).open("end").until(Condition::OwnerEnded);
        },
        judge: |history| {
            let ended = history.count(EventKind::End, "a");
            require(ended == 0, || "the task returned, though its gate is shut".to_owned())
        },
        waives: &[Waiver::CleanEnd],
        ..CASE
    },
    Case {
        id: "shutdown.program-end-after-nowait",
        requirement: "The pool MUST finish its tasks before the end of a program that shut it down without waiting, as it declares.",
        source: "CPython: test_hang_gh83386; loky: test_hang_issue39205",
        rows: &["SHUT-16"],
        needs: &[Has::ShutdownNowait],
        only: Some(Only {
            words: "nowait_end is drain",
            holds: |policies| policies.nowait_end == Some(policy::ProgramEnd::Drain),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.shutdown_with("p", false, false);
            plan.until(begun("a")).until(returned("shutdown p")).quiet().open("go");
        },
        judge: |history| history.event(EventKind::End, "a").map(|_| ()),
        ..CASE
    },
    Case {
        id: "shutdown.program-end-after-shutdown",
        requirement: "The pool MUST let its program end after a shutdown without waiting, and MUST leave no worker behind.",
        source: "CPython: test_shutdown.py, test_hang_gh83386; loky: test_hang_issue39205",
        rows: &["SHUT-16"],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            submit_gated(plan, &["a", "b"], "go").hold("look").shutdown_with("p", false, false);
            plan.until(begun("a")).open("look").until(returned("shutdown p")).quiet().open("go");
        },
        judge: |history| {
            history.event(EventKind::Begin, "a")?;
            history.value("shutdown p")?;
            let ended = history.end == End::Exit(0);
            require(ended, || format!("the program ended with {:?}", history.end))?;
            require(history.left.is_empty(), || {
                format!("left after the program: {}", history.left.join("; "))
            })
        },
        ..CASE
    },
    Case {
        id: "shutdown.program-end-with-idle-workers",
        requirement: "The pool MUST NOT keep its program from ending because of idle workers, and MUST NOT leave them behind.",
        source: "CPython: test_shutdown.py, test_interpreter_shutdown",
        rows: &["SHUT-15"],
        kills: &["survives-its-program"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            submit_gated(plan, &["a", "b"], "go");
            results(plan, &["a", "b"]);
            plan.until(tasks_begun(2)).open("go");
        },
        judge: |history| {
            let workers = history.workers().len();
            require(workers == 2, || format!("{workers} workers ran tasks, not 2"))?;
            require(history.left.is_empty(), || {
                format!("left after the program: {}", history.left.join("; "))
            })
        },
        ..CASE
    },
    Case {
        id: "shutdown.program-end-with-results-unread",
        requirement: "The pool MUST let its program end even if the results of its tasks were never read.",
        source: "CPython: test_shutdown.py, test_interpreter_shutdown",
        rows: &["SHUT-15"],
        kills: &["ends-badly-with-unread-results"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", gated("a", "go"));
            for number in 0..10 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.hold("end").until(begun("a")).open("end").until(returned("gate end")).open("go");
        },
        judge: |history| {
            history.event(EventKind::Begin, "a")?;
            let ended = history.end == End::Exit(0);
            require(ended, || format!("the program ended with {:?}", history.end))
        },
        ..CASE
    },
];
