//! Drawn cases: whole scenarios of workers, tasks, maps, cancellations and deaths, and lives of programs.
//!
//! A drawn scenario is judged by the rules for every run and by its own expectation; a failing one is
//! shrunk while it fails, and saved. The draws are the same every time, unless `CONFORMANCE_SEED` sets
//! another seed; `CONFORMANCE_DRAWS` sets their number, of which lives that are lived twice take a third;
//! see [`Limits`].

mod drawn;
mod life;

use std::fmt::Debug;
use std::time::Instant;

use procpool_contract::Description;
use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::case::{CASE, Case, Kind};
use crate::history::{Finding, History};
use crate::judge::{Found, OWN, judge};
use crate::plan::Plan;
use crate::run::{self, Adapter, Limits, Ran};

/// A drawn scenario.
trait Draw: Debug {
    /// Returns its plan.
    fn plan(&self) -> Plan;

    /// Checks the outcome of its run.
    ///
    /// # Errors
    ///
    /// One outcome is wrong.
    fn expected(&self, history: &History) -> Finding;
}

/// A failing scenario, shrunk as far as possible.
#[derive(Debug)]
pub struct Failing {
    /// The drawn scenario.
    pub plan: Plan,
    /// The findings of its run; none if the adapter is at fault.
    pub found: Vec<Found>,
    /// Its run, or the adapter's fault.
    pub ran: Ran,
}

/// Draws scenarios of a kind until one fails.
pub fn explore(
    id: &'static str,
    kind: Kind,
    adapter: &Adapter,
    description: &Description,
    limits: Limits,
) -> Result<Option<Failing>, String> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&limits.seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let draws = match kind {
        // One that is looked at is lived twice, and looks take time.
        Kind::Leftovers => limits.draws.div_ceil(3),
        Kind::Futures | Kind::Maps | Kind::Deaths | Kind::Lives | Kind::Retirements => limits.draws,
    };
    let strategy = match kind {
        Kind::Futures | Kind::Maps | Kind::Deaths => drawn::strategy(kind, description),
        Kind::Lives | Kind::Retirements | Kind::Leftovers => life::strategy(kind, description),
    };
    let attempt = |drawn: &dyn Draw| attempt(id, drawn, adapter, description, limits);
    for _ in 0..draws {
        let mut drawn = strategy
            .new_tree(&mut runner)
            .map_err(|reason| format!("no scenario could be drawn: {reason}"))?;
        if let Some(failing) = attempt(&*drawn.current()) {
            return Ok(Some(shrunk(failing, &mut *drawn, limits, attempt)));
        }
    }
    Ok(None)
}

/// Returns the smallest scenario that fails, of those that there is time to try.
fn shrunk(
    mut failing: Failing,
    drawn: &mut dyn ValueTree<Value = Box<dyn Draw>>,
    limits: Limits,
    attempt: impl Fn(&dyn Draw) -> Option<Failing>,
) -> Failing {
    let begin = Instant::now();
    let mut is_smaller = drawn.simplify();
    while is_smaller && begin.elapsed() < limits.shrink {
        is_smaller = match attempt(&*drawn.current()) {
            Some(smaller) => {
                failing = smaller;
                drawn.simplify()
            }
            None => drawn.complicate(),
        };
    }
    failing
}

fn attempt(
    id: &'static str,
    drawn: &dyn Draw,
    adapter: &Adapter,
    description: &Description,
    limits: Limits,
) -> Option<Failing> {
    let plan = drawn.plan();
    let ran = run::carry_out(adapter, description, &plan.scenario(id), plan.script(), limits);
    let found = match &ran {
        Ran::History(history) => findings(id, drawn, history),
        Ran::Inexpressible(_) | Ran::Fault(_) => Vec::new(),
    };
    let passed = matches!(ran, Ran::History(_)) && found.is_empty();
    (!passed).then_some(Failing { plan, found, ran })
}

/// Returns the faults in the run of a drawn scenario.
fn findings(id: &'static str, drawn: &dyn Draw, history: &History) -> Vec<Found> {
    let case = Case { id, judge: |_| Ok(()), ..CASE };
    let mut found = judge(&case, history);
    if history.stuck.is_none()
        && let Err(complaint) = drawn.expected(history)
    {
        found.insert(0, Found { checker: OWN, complaint });
    }
    found
}
