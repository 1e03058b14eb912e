//! Pools and processes in tasks.

use crate::case::{CASE, Case};
use crate::contract::{Body, Call, Capability as Has};
use crate::plan::{Plan, call, echo, workers};

fn nest(tag: &str, depth: u64) -> Call {
    Call { count: Some(depth), ..call(Body::Nest, tag) }
}

fn nested(plan: &mut Plan, depth: u64) {
    plan.new_pool("p", workers(1)).submit("p", nest("a", depth)).result("a");
    plan.submit("p", echo("b", 2)).result("b").shutdown("p");
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "nested.task-starts-a-process",
        requirement: "The pool MUST let a task start a program and learn how it ends.",
        source: "pebble: test_process_pool_child_process",
        rows: &["NEST-01"],
        needs: &[Has::ChildProcess],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", call(Body::Child, "a")).result("a");
            plan.submit("p", call(Body::Child, "b")).result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 0)?;
            history.returned("result b", 0)
        },
        ..CASE
    },
    Case {
        id: "nested.task-makes-a-pool",
        requirement: "The pool MUST let a task make, use and shut down a pool of its own.",
        source: "pebble: test_process_pool_child_pool; procspawn: test_nested",
        rows: &["NEST-02"],
        needs: &[Has::Nested],
        plan: |plan| nested(plan, 1),
        judge: |history| {
            history.returned("result a", 1)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "nested.three-deep",
        requirement: "The pool MUST let tasks make pools whose tasks make pools.",
        source: "loky: test_max_depth",
        rows: &["NEST-03", "NEST-04"],
        needs: &[Has::Nested],
        plan: |plan| nested(plan, 3),
        judge: |history| {
            history.returned("result a", 3)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "nested.several-at-once",
        requirement: "The pool MUST let several tasks have pools of their own at a time.",
        source: "loky: test_no_deadlock_on_nested_reusable_exector",
        rows: &["NEST-02", "NEST-04"],
        needs: &[Has::Nested],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for tag in ["a", "b", "c", "d"] {
                plan.submit("p", nest(tag, 1));
            }
            plan.result("a").result("b").result("c").result("d").shutdown("p");
        },
        judge: |history| {
            ["a", "b", "c", "d"]
                .into_iter()
                .try_for_each(|tag| history.returned(&format!("result {tag}"), 1))
        },
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("NEST-05", "The contract's nested tasks do not fail.")];
