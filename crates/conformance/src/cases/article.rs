//! The promises of the article. These come first because everything else rests on them.

use procpool_contract::{Capability as Has, EventKind};

use crate::case::{CASE, Case};
use crate::history::require;
use crate::plan::{begun, fail, gated, marked, squared, squares, tasks_begun, whoami, workers};

const ARTICLE: &str = "the article: How to Initialize Worker Processes in the ProcessPoolExecutor";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "article.ten-tasks-in-order",
        requirement: "The pool MUST return the results of ten tasks mapped over two workers in the order of the inputs.",
        source: ARTICLE,
        rows: &["MAP-01"],
        kills: &["initializes-twice"],
        plan: |plan| {
            plan.new_pool("p", marked(2, ())).map("p", squares("t", 10)).shutdown("p");
        },
        judge: |history| {
            let values = history.values("map p")?;
            require(values == squared(10), || format!("the results were {values:?}"))
        },
        ..CASE
    },
    Case {
        id: "article.once-in-every-worker",
        requirement: "The pool MUST call the initializer exactly once in every worker, before that worker's first task.",
        source: ARTICLE,
        rows: &["INIT-01"],
        kills: &["initializes-twice", "initializes-per-task"],
        plan: |plan| {
            plan.new_pool("p", marked(2, ()));
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.submit("p", gated("c", "go"));
            plan.result("a").result("b").result("c").shutdown("p");
            // Two tasks that run at the same time prove that there are two workers.
            plan.until(tasks_begun(2)).open("go");
        },
        judge: |history| {
            let workers = history.workers();
            require(workers.len() == 2, || format!("{} workers ran tasks, not 2", workers.len()))?;
            for pid in workers {
                let times = history.events(EventKind::InitBegin).filter(|it| it.pid == pid).count();
                require(times == 1, || format!("it was called {times} times in worker {pid}"))?;
                let end = history.events(EventKind::InitEnd).find(|it| it.pid == pid);
                let end = end.ok_or_else(|| format!("it did not return in worker {pid}"))?;
                let first = history.events(EventKind::Begin).find(|it| it.pid == pid);
                require(first.is_some_and(|first| end.at <= first.at), || {
                    format!("a task began in worker {pid} before it had returned")
                })?;
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "article.initargs",
        requirement: "The pool MUST call the initializer with its initargs.",
        source: ARTICLE,
        rows: &["INIT-02"],
        needs: &[Has::Initargs],
        kills: &["drops-initargs"],
        plan: |plan| {
            let value = serde_json::json!({"name": "worker", "limits": [1, 2.5, null]});
            plan.new_pool("p", marked(1, value));
            plan.submit("p", whoami("a")).result("a").shutdown("p");
        },
        judge: |history| {
            let expected = serde_json::json!({"name": "worker", "limits": [1, 2.5, null]});
            let state = &history.value("result a")?["state"];
            require(*state == expected, || format!("it was called with {state}"))
        },
        ..CASE
    },
    Case {
        id: "article.none-by-default",
        requirement: "The pool MUST run tasks without an initializer if it was given none.",
        source: ARTICLE,
        kills: &["initializes-without-an-initializer"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", whoami("a")).result("a").shutdown("p");
        },
        judge: |history| {
            let state = &history.value("result a")?["state"];
            require(state.is_null(), || format!("a worker began with the state {state}"))?;
            let calls = history.events(EventKind::InitBegin).count();
            require(calls == 0, || format!("an initializer ran {calls} times"))
        },
        ..CASE
    },
    Case {
        id: "article.failing-task-is-not-the-initializers",
        requirement: "The pool MUST NOT call the initializer again in a worker whose task failed.",
        source: ARTICLE,
        rows: &["INIT-01", "SUB-06"],
        kills: &["initializes-again-after-an-error"],
        plan: |plan| {
            plan.new_pool("p", marked(1, ()));
            plan.submit("p", fail("a", "oh")).submit("p", gated("b", "go"));
            plan.result("a").result("b").shutdown("p");
            plan.until(begun("b")).open("go");
        },
        judge: |history| {
            history.returned("result b", "b")?;
            let same = history.event(EventKind::Begin, "a")?.pid
                == history.event(EventKind::Begin, "b")?.pid;
            let calls = history.events(EventKind::InitBegin).count();
            require(!same || calls == 1, || format!("it was called {calls} times in one worker"))
        },
        ..CASE
    },
];
