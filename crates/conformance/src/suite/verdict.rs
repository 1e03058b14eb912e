//! What is said of a pool in a case.

use std::time::{Duration, Instant};

use super::expectations::Known;
use crate::case::Case;
use crate::contract::Description;
use crate::history::History;
use crate::judge::{Found, judge};
use crate::plan::Plan;
use crate::run::{self, Adapter, Limits, Ran};

/// See the module's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The requirement was seen to hold.
    Passed,
    /// It was not.
    Failed(Vec<Found>),
    /// The case is not for this pool; why.
    Unsupported(String),
    /// The requirement was not seen to hold, as is known.
    Expected(Known),
    /// It was, though it is known not to; why it is.
    Unexpected(String),
    /// The adapter did not keep to the contract; how.
    AdapterError(String),
}

/// A verdict with all that explains it.
#[derive(Debug, Clone)]
pub struct Result {
    /// The case's id.
    pub case: &'static str,
    /// What is said.
    pub verdict: Verdict,
    /// The run that it is said of, if there was one.
    pub history: Option<Box<History>>,
    /// How long it took.
    pub took: Duration,
}

impl Result {
    /// A verdict without a run.
    pub fn of(case: &Case, verdict: Verdict) -> Self {
        Self { case: case.id, verdict, history: None, took: Duration::ZERO }
    }

    /// Has `adapter` carry out `case`, and judges.
    pub fn judged(
        adapter: &Adapter,
        description: &Description,
        case: &Case,
        limits: Limits,
    ) -> Self {
        let begin = Instant::now();
        let mut plan = Plan::default();
        (case.plan)(&mut plan);
        let scenario = plan.scenario(case.id);
        let ran = run::carry_out(adapter, description, &scenario, plan.script(), limits);
        let (verdict, history) = match ran {
            Ran::History(history) => {
                let found = judge(case, &history);
                let verdict =
                    if found.is_empty() { Verdict::Passed } else { Verdict::Failed(found) };
                (verdict, Some(history))
            }
            Ran::Inexpressible(reason) => {
                let reason = match reason.as_str() {
                    "" => String::new(),
                    reason => format!(": {reason}"),
                };
                let text = format!(
                    "it ended with code 77, though it has said that it can do all that is needed{reason}"
                );
                (Verdict::AdapterError(text), None)
            }
            Ran::Fault(fault) => (Verdict::AdapterError(fault.to_string()), None),
        };
        Self { case: case.id, verdict, history, took: begin.elapsed() }
    }
}
