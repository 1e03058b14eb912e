//! What workers print, and what a pool does.

use crate::case::{CASE, Case, Level};
use crate::contract::{Body, Call, Capability as Has, EventKind};
use crate::history::require;
use crate::plan::{call, echo, fail, workers};

fn print(tag: &str, text: &str, count: u64) -> Call {
    Call { text: Some(text.to_owned()), count: Some(count), ..call(Body::Print, tag) }
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "output.reaches-the-programs",
        requirement: "The pool MUST let what a task prints reach the output of its program, once.",
        source: "CPython: test_interpreter_shutdown; procspawn: test_nested",
        rows: &["OUT-01"],
        needs: &[Has::Stdio],
        kills: &["prints-twice"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", print("a", "«apple»\n", 1)).result("a");
            plan.shutdown("p");
        },
        judge: |history| {
            history.event(EventKind::End, "a")?;
            let times = history.stderr.matches("«apple»").count();
            require(times == 1, || format!("it was there {times} times"))
        },
        ..CASE
    },
    Case {
        id: "output.does-not-disturb-the-pool",
        requirement: "The pool MUST NOT be disturbed by what tasks print, however much it is.",
        source: "procspawn: its switch for silence; loky#420",
        rows: &["OUT-03"],
        needs: &[Has::Stdio],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..4 {
                plan.submit("p", print(&format!("t{number}"), "0123456789abcde\n", 1 << 14));
            }
            plan.submit("p", echo("a", 1));
            for tag in ["t0", "t1", "t2", "t3", "a"] {
                plan.result(tag);
            }
            plan.shutdown("p");
        },
        judge: |history| history.returned("result a", 1),
        ..CASE
    },
    Case {
        id: "output.standard-input-has-an-end",
        requirement: "The pool MUST NOT let a task hang, or take what is the pool's, that reads its standard input.",
        source: "loky#420: test_no_crash_on_stdin_access_in_child_subprocess_run",
        rows: &["OUT-03"],
        needs: &[Has::Stdio],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", call(Body::ReadStdin, "a")).result("a");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 0)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "output.clean-run-is-silent",
        level: Level::Should,
        requirement: "The pool SHOULD NOT print anything of its own when nothing is wrong.",
        source: "CPython: test_shutdown.py, assertFalse(err)",
        rows: &["OUT-02"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            let said = history.stderr.trim();
            require(said.is_empty(), || format!("it printed: {said}"))
        },
        ..CASE
    },
    Case {
        id: "output.failing-task-does-not-end-the-program",
        requirement: "The pool MUST NOT end its program when a task fails that nobody asks for.",
        source: "CPython: test_executor.py",
        rows: &["SUB-24"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", fail("a", "oh")).submit("p", echo("b", 2));
            plan.result("b").shutdown("p");
        },
        judge: |history| history.returned("result b", 2),
        ..CASE
    },
];

/// Behaviours that no case here is about.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("OUT-04", "What is warned of when an idle worker leaves is loky's own.")];
