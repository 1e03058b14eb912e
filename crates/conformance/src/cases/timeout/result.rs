//! Waits for a result with a timeout.

use procpool_contract::{Capability as Has, ErrorClass};

use super::{WAIT_MILLIS, in_time, millis, repeated};
use crate::case::{CASE, Case};
use crate::history::require;
use crate::plan::{begun, called, echo, gated, returned, workers};

const CPYTHON: &str = "CPython: test_concurrent_futures/test_future.py, test_result_with_timeout";

pub(in crate::cases) const CASES: &[Case] = &[
    Case {
        id: "timeout.of-zero-does-not-wait",
        requirement: "The pool MUST NOT block in a wait for a result with a timeout of zero.",
        source: "CPython: test_future.py, test_result_with_timeout (timeout=0)",
        rows: &["TMO-08", "FUT-01"],
        needs: &[Has::ResultTimeout],
        kills: &["ignores-result-timeout"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", gated("a", "go")).submit("p", echo("b", 2)).hold("busy");
            plan.result_within("a", 0).result_within("b", 0).result("a").result("b");
            plan.result_within("b", 0).shutdown("p");
            plan.until(begun("a")).open("busy").until(returned("result b")).open("go");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.failure("result b", &[ErrorClass::Timeout])?;
            history.returned("result a #2", "a")?;
            history.returned("result b #2", 2)?;
            history.returned("result b #3", 2)
        },
        ..CASE
    },
    Case {
        id: "timeout.of-a-task-in-the-queue",
        requirement: "The pool MUST run a task even if a wait for it timed out before it began.",
        source: CPYTHON,
        rows: &["TMO-01"],
        needs: &[Has::ResultTimeout],
        kills: &["result-timeout-cancels", "timeout-too-early"],
        plan: |plan| {
            plan.new_pool("p", workers(1));
            plan.submit("p", gated("a", "go")).submit("p", echo("b", 2)).hold("busy");
            plan.result_within("b", 100).result("b").shutdown("p");
            plan.until(begun("a")).open("busy").until(called("result b #2")).open("go");
        },
        judge: |history| {
            history.failure("result b", &[ErrorClass::Timeout])?;
            let waited = history.ended_at("result b")? - history.step("result b")?.begin;
            require(waited >= millis(100), || {
                format!("it gave up after {} ms, of 100", waited / 1_000_000)
            })?;
            history.returned("result b #2", 2)
        },
        ..CASE
    },
    Case {
        id: "timeout.is-one-waiters-own",
        requirement: "The pool MUST return a result to one waiter even if another one timed out.",
        source: CPYTHON,
        rows: &["TMO-01"],
        needs: &[Has::ResultTimeout, Has::Threads],
        kills: &["result-timeout-cancels"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.result_within("a", 50).hold("got").shutdown("p");
            plan.client("patient").hold("there").result("a");
            plan.until(begun("a")).open("there").until(returned("result a")).open("go");
            plan.until(returned("result a #2")).open("got");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Timeout])?;
            history.returned("result a #2", "a")
        },
        ..CASE
    },
    Case {
        id: "timeout.in-time",
        requirement: "The pool MUST end a wait for a result at its timeout, not at a multiple of it.",
        source: CPYTHON,
        rows: &["TMO-01", "FUT-01"],
        needs: &[Has::ResultTimeout],
        kills: &["result-timeout-is-late"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for _ in repeated("result a") {
                plan.result_within("a", WAIT_MILLIS);
            }
            plan.hold("go").result("a").shutdown("p").until(called("gate go")).open("go");
        },
        judge: |history| {
            for step in repeated("result a") {
                history.failure(&step, &[ErrorClass::Timeout])?;
            }
            in_time(history, &repeated("result a"))?;
            history.returned("result a #5", "a")
        },
        ..CASE
    },
];
