//! Resources that workers must not inherit.

use std::collections::BTreeSet;

use procpool_contract::{Capability as Has, EventKind, OPENED_FILE};

use crate::case::{CASE, Case, Level};
use crate::history::require;
use crate::plan::{begun, echo, gated, returned, tasks_begun, workers};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "fork.no-descriptor-of-the-programs",
        level: Level::Should,
        requirement: "The pool SHOULD NOT pass the descriptor of a file that its program has opened to a worker.",
        source: "loky: _check_fds; CPython's fork start method inherits all, as its documentation says",
        rows: &["FORK-03"],
        needs: &[Has::OpenFile],
        kills: &["passes-files-to-workers"],
        plan: |plan| {
            plan.open_file();
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go")).result("a").shutdown("p");
            plan.until(begun("a")).sample("running").open("go");
        },
        judge: |history| {
            let worker = history.event(EventKind::Begin, "a")?.pid;
            let sample = history.sample("running")?;
            let opened = sample.opened.iter().find(|(pid, _)| *pid == worker);
            let (_, opened) = opened.ok_or("the worker was not seen")?;
            history.value("open_file")?;
            let is_it = |path: &str| path.rsplit('/').next() == Some(OPENED_FILE);
            let held = opened.iter().filter(|(_, path)| is_it(path)).map(|(number, _)| number);
            let held: Vec<i32> = held.copied().collect();
            require(held.is_empty(), || format!("the worker has that file open as {held:?}"))
        },
        ..CASE
    },
    Case {
        id: "fork.worker-of-one-pool-ends-alone",
        requirement: "The pool MUST end its workers even if a pool that was created later lives on.",
        source: "measured: workers of a later pool hold the descriptors of an earlier one",
        rows: &["FORK-04"],
        needs: &[Has::SeveralPools],
        kills: &["shutdown-keeps-workers"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a");
            plan.new_pool("q", workers(2)).submit("q", gated("b", "go")).shutdown("p");
            plan.hold("look").result("b").shutdown("q");
            plan.until(returned("shutdown p")).until(begun("b")).sample("after").open("look");
            plan.open("go");
        },
        judge: |history| {
            let worker = history.event(EventKind::Begin, "a")?.pid;
            let after = history.sample("after")?;
            require(!after.alive.contains(&worker), || format!("worker {worker} was there"))?;
            history.returned("result b", "b")
        },
        ..CASE
    },
    Case {
        id: "fork.with-threads-in-the-program",
        requirement: "The pool MUST start workers while threads of its program use pools of their own.",
        source: "CPython: gh-90622; loky: test_compatibility_openmp",
        rows: &["FORK-02"],
        needs: &[Has::Threads, Has::SeveralPools],
        kills: &["serves-only-one-thread"],
        plan: |plan| {
            for client in 0..4 {
                if client > 0 {
                    plan.client(&format!("client{client}"));
                }
                for round in 0..5 {
                    let (pool, tag) = (format!("p{client}-{round}"), format!("t{client}-{round}"));
                    plan.new_pool(&pool, workers(1)).submit(&pool, echo(&tag, round)).result(&tag);
                    plan.shutdown(&pool);
                }
            }
        },
        judge: |history| {
            for client in 0..4 {
                for round in 0..5 {
                    history.returned(&format!("result t{client}-{round}"), round)?;
                }
            }
            Ok(())
        },
        ..CASE
    },
    Case {
        id: "fork.main-does-not-run-again",
        requirement: "The pool MUST NOT run the program's main part again in a worker.",
        source: "loky: test_interactively_defined_executor_no_main",
        rows: &["FORK-06"],
        kills: &["runs-a-task-twice"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.result("a").result("b").shutdown("p").until(tasks_begun(2)).open("go");
        },
        // A worker that ran it would carry out the scenario: its tasks would run twice, which breaks a
        // rule for every run, and its lines would be written twice, which no adapter may do.
        judge: |history| {
            history.returned("result a", "a")?;
            let begun: BTreeSet<&str> =
                history.events(EventKind::Begin).map(|event| event.tag.as_str()).collect();
            require(begun == BTreeSet::from(["a", "b"]), || format!("{begun:?} ran"))
        },
        ..CASE
    },
    Case {
        id: "fork.descriptors-do-not-add-up",
        level: Level::Should,
        requirement: "The pool SHOULD NOT pass the descriptors of earlier pools to its workers.",
        source: "loky: _check_fds; CPython's fork start method inherits all, as its documentation says",
        rows: &["FORK-03", "FORK-04"],
        needs: &[Has::SeveralPools],
        kills: &["inherits-descriptors"],
        plan: |plan| {
            for (pool, tag) in [("p", "a"), ("q", "b"), ("r", "c")] {
                plan.new_pool(pool, workers(1)).submit(pool, gated(tag, "go"));
            }
            for (pool, tag) in [("p", "a"), ("q", "b"), ("r", "c")] {
                plan.result(tag).shutdown(pool);
            }
            plan.until(tasks_begun(3)).sample("all").open("go");
        },
        judge: |history| {
            let sample = history.sample("all")?;
            let count = |tag: &str| {
                let worker = history.event(EventKind::Begin, tag)?.pid;
                let opened = sample.opened.iter().find(|(pid, _)| *pid == worker);
                opened.map(|(_, opened)| opened.len()).ok_or("the worker was not seen".to_owned())
            };
            let counts = [count("a")?, count("b")?, count("c")?];
            require(counts[2] <= counts[0], || {
                format!(
                    "the workers of three pools, made one after the other, have {counts:?} descriptors"
                )
            })
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] = &[
    ("FORK-01", "Warnings about a fork with threads depend on the language."),
    (
        "FORK-05",
        "The order in which a pool's threads and workers start is not visible from outside.",
    ),
];
