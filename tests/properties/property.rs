//! Properties: a checker's verdict over many drawn plans.
//!
//! Owns the number of cases, the seed and the report of a failure. The draws are the same in every run
//! unless PROCPOOL_SEED sets another seed; their scheduling by the pool is not.

use std::cell::RefCell;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::checks::Checker;
use crate::coverage::Coverage;
use crate::drawing::plans;
use crate::history::History;
use crate::plan::Plan;
use crate::pool::{HONEST, Pool};

/// The number of plans for a property. More finds rarer faults and takes longer.
const CASES: u32 = 160;

/// How far a plan that fails is made smaller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shrinking {
    /// Not at all.
    No,
    /// For 20 s, and at most 512 times: one that hangs would hang each time.
    Briefly,
    /// At most 512 times, however busy the machine is.
    Fully,
}

impl Shrinking {
    /// The largest number of smaller plans, and of milliseconds; 0 ms is no limit.
    fn limits(self) -> (u32, u32) {
        match self {
            Self::No => (0, 0),
            Self::Briefly => (512, 20_000),
            Self::Fully => (512, 0),
        }
    }
}

/// A plan for which a property does not hold, after shrinking.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The checker's message, and the trace that it judged.
    pub(crate) reason: String,
    pub(crate) plan: Plan,
}

/// Tries the property of `checker` with `pool`, and smaller plans if it fails.
///
/// # Errors
///
/// The smallest plan found for which it does not hold.
pub(crate) fn explore(
    pool: &Pool,
    checker: &Checker,
    shrinking: Shrinking,
) -> Result<Coverage, Failure> {
    let (max_shrink_iters, max_shrink_time) = shrinking.limits();
    let config = Config {
        cases: CASES,
        rng_seed: RngSeed::Fixed(seed_of(checker)),
        max_shrink_iters,
        max_shrink_time,
        failure_persistence: None,
        ..Config::default()
    };
    let coverage = RefCell::new(Coverage::default());
    let outcome = TestRunner::new(config).run(&plans(), |plan| {
        let history = History::of(pool, &plan);
        coverage.borrow_mut().count(&history);
        (checker.judge)(&history)
            .map_err(|message| TestCaseError::fail(format!("{message}\n{history}")))
    });
    match outcome {
        Ok(()) => Ok(coverage.into_inner()),
        Err(TestError::Fail(reason, plan)) => Err(Failure { reason: reason.to_string(), plan }),
        // No plan is ever rejected, so the runner has no reason to.
        Err(TestError::Abort(reason)) => panic!("the draws were given up: {reason}"),
    }
}

/// Requires that procpool has the property of `checker`, and that the cases could have shown otherwise.
///
/// # Panics
///
/// When it has not, or when some kind of case was too rare.
pub(crate) fn holds(checker: &Checker) {
    let (name, seed) = (checker.name, seed());
    match explore(&HONEST, checker, Shrinking::Briefly) {
        Ok(coverage) => {
            println!("{name}, PROCPOOL_SEED={seed}: {coverage}");
            assert_eq!(coverage.cases, CASES as usize, "every drawn plan is a case");
            let gaps = coverage.gaps();
            assert!(gaps.is_empty(), "{name}: too few cases with {gaps:?}: {coverage}");
        }
        Err(Failure { reason, plan }) => {
            panic!("{name} fails: {reason}\nwith {plan:?}\nrerun with PROCPOOL_SEED={seed}")
        }
    }
}

/// The seed of this run.
///
/// # Panics
///
/// When PROCPOOL_SEED is not a number: silently exploring another seed would look like success.
fn seed() -> u64 {
    match std::env::var("PROCPOOL_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("PROCPOOL_SEED={text}: {error}")),
        Err(_) => 1,
    }
}

/// Every property draws plans of its own: five times as many in a run.
fn seed_of(checker: &Checker) -> u64 {
    checker.name.bytes().fold(seed(), |seed, byte| {
        // FNV-1a: the names are far apart, whatever the seed.
        (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
