//! The matrix of saboteurs and checkers, in fixed scenarios.
//!
//! Proves the suite: every saboteur is caught by the checker meant for it, and by no other, so that
//! without any one checker exactly its own saboteurs escape. The scenarios force their conditions by
//! gates, so the verdicts do not depend on speed.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::checks::{self, Checker};
use crate::history::History;
use crate::plan::{Effort, How, Initargs, Operation, Plan};
use crate::pool::{HONEST, Pool};
use crate::saboteurs::{self, Saboteur};

/// Two workers, both needed: one is held in task 2 until the other has run tasks 3 and 4.
fn one_worker_held() -> Plan {
    let submits = [Effort::Micros(0); 2];
    let items = [Effort::TakesPermit, Effort::Micros(0), Effort::GivesPermit, Effort::Micros(0)];
    plan(2, &[(How::Submit, &submits), (How::Map { chunksize: Some(1) }, &items)])
}

/// Four workers allowed, one needed.
fn one_task_for_four_workers() -> Plan {
    plan(4, &[(How::Submit, &[Effort::Micros(0)])])
}

/// Chunks that are full, not full, larger than their map, adaptive, and none.
fn chunks() -> Plan {
    let chunked = |chunksize| How::Map { chunksize: Some(chunksize) };
    let items = [Effort::Micros(0); 3];
    let adaptive = How::Map { chunksize: None };
    let maps: [(How, &[Effort]); 4] =
        [(chunked(2), &items), (chunked(9), &items), (adaptive, &items), (chunked(2), &[])];
    plan(2, &maps)
}

fn plan(max_workers: usize, operations: &[(How, &[Effort])]) -> Plan {
    let operation = |(how, efforts): &(How, &[Effort])| Operation {
        how: *how,
        efforts: efforts.to_vec(),
        collect: false,
    };
    let initargs =
        Initargs { text: "worker".to_owned(), number: -7, bytes: vec![0, 255], choice: Some('ß') };
    Plan { max_workers, initargs, operations: operations.iter().map(operation).collect() }
}

/// The complaints of each checker, in the order of `checks::ALL`, about a pool: at most one message for
/// each scenario.
type Verdicts = [Vec<String>; checks::ALL.len()];

fn judge(pool: &Pool) -> Verdicts {
    let scenarios = [one_worker_held(), one_task_for_four_workers(), chunks()];
    let histories = scenarios.map(|plan| History::of(pool, &plan));
    checks::ALL.map(|checker| {
        histories.iter().filter_map(|history| (checker.judge)(history).err()).collect()
    })
}

/// Every saboteur with its verdicts. All run once, however many tests read them.
fn matrix() -> &'static [(Saboteur, Verdicts)] {
    static MATRIX: OnceLock<Vec<(Saboteur, Verdicts)>> = OnceLock::new();
    MATRIX.get_or_init(|| {
        let run = |saboteur: Saboteur| (saboteur, judge(&saboteur.pool));
        saboteurs::ALL.map(run).into()
    })
}

/// The saboteurs that a suite of these checkers does not catch with the right message.
fn escaped(suite: &[Checker]) -> BTreeSet<&'static str> {
    let caught = |(saboteur, verdicts): &&(Saboteur, Verdicts)| {
        checks::ALL.iter().zip(verdicts).any(|(checker, messages)| {
            suite.iter().any(|in_suite| in_suite.name == checker.name)
                && messages.iter().any(|message| message.contains(saboteur.message))
        })
    };
    let escaped = matrix().iter().filter(|entry| !caught(entry));
    escaped.map(|(saboteur, _)| saboteur.pool.name).collect()
}

#[test]
fn procpool_passes_every_checker() {
    let verdicts = judge(&HONEST);
    assert!(verdicts.iter().all(Vec::is_empty), "{verdicts:?}");
}

#[test]
fn every_saboteur_is_caught_by_its_checker_alone() {
    for (saboteur, verdicts) in matrix() {
        let name = saboteur.pool.name;
        for (checker, messages) in checks::ALL.iter().zip(verdicts) {
            println!("{name} | {} | {}", checker.name, messages.join("; "));
            if checker.name == saboteur.caught_by.name {
                let expected = |message: &String| message.contains(saboteur.message);
                assert!(!messages.is_empty(), "{name} escapes {}", checker.name);
                assert!(messages.iter().all(expected), "{name}: {messages:?}");
            } else {
                assert!(messages.is_empty(), "{name} also offends {}: {messages:?}", checker.name);
            }
        }
    }
}

#[test]
fn without_a_checker_exactly_its_saboteurs_escape() {
    assert_eq!(escaped(&checks::ALL), BTreeSet::new());
    for deleted in checks::ALL {
        let rest = checks::ALL.into_iter().filter(|checker| checker.name != deleted.name);
        let own = saboteurs::ALL.iter().filter(|it| it.caught_by.name == deleted.name);
        let own: BTreeSet<&str> = own.map(|saboteur| saboteur.pool.name).collect();
        assert!(!own.is_empty(), "no saboteur shows that {} can fail", deleted.name);
        assert_eq!(escaped(&rest.collect::<Vec<_>>()), own, "without {}", deleted.name);
    }
}
