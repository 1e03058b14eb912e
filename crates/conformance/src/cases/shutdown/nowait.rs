//! Shutdown that does not wait, and a second one.

use procpool_contract::{Capability as Has, ErrorClass, EventKind, policy};

use crate::case::{CASE, Case, Only};
use crate::history::require;
use crate::plan::{Condition, begun, called, echo, gated, returned, traced, workers};

use super::{many, many_returned, submit_gated};

const SECOND: &str = "mpi4py.futures: test_submit_shutdown_cancel";

const HONOURED: Option<Only> = Some(Only {
    words: "second_shutdown is honoured",
    holds: |policies| policies.second_shutdown == Some(policy::SecondShutdown::Honoured),
});

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "shutdown.without-waiting-returns",
        requirement: "The pool MUST return at once from a shutdown that does not wait, and run the submitted tasks.",
        source: "CPython: test_shutdown_no_wait",
        rows: &["SHUT-04"],
        needs: &[Has::ShutdownNowait],
        kills: &["shutdown-always-waits", "shutdown-always-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 6);
            plan.shutdown_with("p", false, false);
            (0..6).for_each(|number| {
                plan.result(&format!("t{number}"));
            });
            plan.until(returned("shutdown p")).open("go");
        },
        judge: |history| many_returned(history, 6),
        ..CASE
    },
    Case {
        id: "shutdown.without-waiting-refuses",
        requirement: "The pool MUST refuse tasks as soon as a shutdown that does not wait has returned.",
        source: "CPython: test_run_after_shutdown",
        rows: &["SHUT-04"],
        kills: &["accepts-after-shutdown"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("look");
            plan.shutdown_with("p", false, false).submit("p", echo("b", 2)).hold("go").result("a");
            plan.until(begun("a")).open("look").until(returned("submit b")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.failure("submit b", &[ErrorClass::Rejected]).map(|_| ())
        },
        ..CASE
    },
    Case {
        id: "shutdown.without-waiting-ends-workers",
        requirement: "The pool MUST end its workers after a shutdown that did not wait, once they have no more tasks.",
        source: "CPython: test_shutdown_no_wait",
        rows: &["SHUT-04"],
        needs: &[Has::ShutdownNowait],
        kills: &["shutdown-keeps-workers"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            many(plan, 4);
            plan.shutdown_with("p", false, false).hold("end");
            plan.until(returned("shutdown p")).until(begun("t0")).open("go");
            plan.until(traced(EventKind::End, 4)).until(Condition::WorkersGone).open("end");
        },
        judge: |history| {
            let ran = history.events(EventKind::End).count();
            require(ran == 4, || format!("{ran} of 4 tasks ran"))
        },
        ..CASE
    },
    Case {
        id: "shutdown.second-is-honoured",
        requirement: "The pool MUST wait in a second shutdown that asks for it, after a first one that did not.",
        source: "mpi4py.futures: test_submit_shutdown_cancel",
        rows: &["SHUT-06"],
        needs: &[Has::ShutdownNowait],
        only: Some(Only {
            words: "second_shutdown is honoured",
            holds: |policies| policies.second_shutdown == Some(policy::SecondShutdown::Honoured),
        }),
        kills: &["shutdown-does-not-wait"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("look");
            plan.shutdown_with("p", false, false).shutdown("p");
            plan.until(begun("a")).open("look").until(called("shutdown p #2")).quiet().open("go");
        },
        judge: |history| {
            let (end, returned) =
                (history.event(EventKind::End, "a")?.at, history.ended_at("shutdown p #2")?);
            require(end <= returned, || "it returned while the task ran".to_owned())
        },
        ..CASE
    },
    Case {
        id: "shutdown.second-cancels",
        requirement: "The pool MUST cancel pending tasks in a second shutdown that asks for it, after a first one that did not.",
        source: SECOND,
        rows: &["SHUT-06"],
        only: HONOURED,
        kills: &["shutdown-never-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            submit_gated(plan, &["a", "b", "c", "d", "e", "f"], "go").hold("look");
            plan.shutdown_with("p", false, false).shutdown_with("p", false, true).result("f");
            plan.result("a");
            plan.until(begun("a")).open("look").until(returned("result f")).open("go");
        },
        judge: |history| {
            history.failure("result f", &[ErrorClass::Cancelled])?;
            history.returned("result a", "a")
        },
        ..CASE
    },
    Case {
        id: "shutdown.second-is-ignored",
        requirement: "The pool MUST end after a second shutdown that it ignores, as it declares, with the task finished.",
        source: "CPython 3.13: measured",
        rows: &["SHUT-06"],
        needs: &[Has::ShutdownNowait],
        only: Some(Only {
            words: "second_shutdown is ignored",
            holds: |policies| policies.second_shutdown == Some(policy::SecondShutdown::Ignored),
        }),
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).hold("look");
            plan.shutdown_with("p", false, false).shutdown("p").result("a");
            plan.until(begun("a")).open("look").until(returned("shutdown p #2")).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            let (end, returned) =
                (history.event(EventKind::End, "a")?.at, history.ended_at("shutdown p #2")?);
            require(returned <= end, || {
                "it waited for the task, which it is declared not to".to_owned()
            })
        },
        ..CASE
    },
];
