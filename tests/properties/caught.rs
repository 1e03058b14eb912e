//! Each property fails for its saboteurs, among the plans for which it holds for procpool.
//!
//! One test for each checker: without it, exactly that test fails here.

use crate::checks::{self, Checker};
use crate::plan::{Effort, How};
use crate::pool::Pool;
use crate::property::{Failure, Shrinking, explore};
use crate::saboteurs;

fn all_meant_for(checker: &Checker) {
    for saboteur in saboteurs::ALL.iter().filter(|it| it.caught_by.name == checker.name) {
        // The first plan that fails will do.
        let Failure { reason, plan } = fail(&saboteur.pool, checker, Shrinking::No);
        let name = saboteur.pool.name;
        let message = reason.lines().next().unwrap_or_default();
        println!("{name} (max_workers {}, tasks {}): {message}", plan.max_workers, plan.tasks());
        assert!(message.contains(saboteur.message), "{name}: {message}");
    }
}

fn fail(pool: &Pool, checker: &Checker, shrinking: Shrinking) -> Failure {
    match explore(pool, checker, shrinking) {
        Ok(coverage) => panic!("{} escapes {}: {coverage}", pool.name, checker.name),
        Err(failure) => failure,
    }
}

#[test]
fn by_initialization() {
    all_meant_for(&checks::INITIALIZATION);
}

#[test]
fn by_width() {
    all_meant_for(&checks::WIDTH);
}

#[test]
fn by_initargs() {
    all_meant_for(&checks::INITARGS);
}

#[test]
fn by_results() {
    all_meant_for(&checks::RESULTS);
}

#[test]
fn by_executions() {
    all_meant_for(&checks::EXECUTIONS);
}

/// A saboteur whose fault is the same in every run, so that the result of shrinking is known.
#[test]
fn a_failing_plan_shrinks_to_the_smallest() {
    let drops_last = saboteurs::ALL.iter().find(|it| it.pool.name == "drops the last result");
    let drops_last = drops_last.expect("there is such a saboteur");
    let Failure { reason, plan } = fail(&drops_last.pool, &checks::RESULTS, Shrinking::Fully);
    assert!(reason.starts_with("map (operation 0) gave 0 results, not 1\n"), "{reason}");
    assert_eq!((plan.max_workers, plan.operations.len()), (1, 1), "{plan:?}");
    assert_eq!(plan.operations[0].efforts, [Effort::Micros(0)], "{plan:?}");
    assert_eq!(plan.operations[0].how, How::Map { chunksize: None }, "{plan:?}");
}
