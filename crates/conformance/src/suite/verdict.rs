//! The verdict on a pool in a case.

use std::time::{Duration, Instant};

use procpool_contract::Description;

use super::expectations::Known;
use super::replay::Replay;
use crate::case::{Case, Tier};
use crate::history::History;
use crate::judge::{Found, judge};
use crate::mapped;
use crate::property::{self, Failing};
use crate::run::{Adapter, Limits, Ran};

/// See the module's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The requirement held.
    Passed,
    /// It did not hold.
    Failed(Vec<Found>),
    /// The case does not apply to this pool, for this reason.
    Unsupported(String),
    /// The requirement did not hold, which is a known failure.
    Expected(Known),
    /// It held, and is known to fail at times.
    ThisTime(Known),
    /// It held, though it is a known failure; with the known reason.
    Unexpected(String),
    /// The adapter did not fulfil the contract, in this way.
    AdapterError(String),
}

/// How many times more scenarios are drawn in the tier that takes minutes.
const DRAWN_MORE: u32 = 8;

/// A verdict with its explanation.
#[derive(Debug, Clone)]
pub struct Result {
    /// The case's id.
    pub case: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The run, if there was one.
    pub history: Option<Box<History>>,
    /// The scenario, if there was one.
    pub replay: Option<Replay>,
    /// Its duration.
    pub took: Duration,
}

impl Result {
    /// A verdict without a run.
    pub fn of(case: &Case, verdict: Verdict) -> Self {
        Self { case: case.id, verdict, history: None, replay: None, took: Duration::ZERO }
    }

    /// Makes `adapter` carry out `case`, and judges.
    pub fn judged(
        adapter: &Adapter,
        description: &Description,
        case: &Case,
        limits: Limits,
    ) -> Self {
        let begin = Instant::now();
        let more = if case.tier == Tier::Soak { DRAWN_MORE } else { 1 };
        let limits = Limits { draws: limits.draws.saturating_mul(more), ..limits };
        let judged = match case.property {
            None => Self::once(adapter, description, case, limits),
            Some(kind) => match property::explore(case.id, kind, adapter, description, limits) {
                Ok(None) => Self::of(case, Verdict::Passed),
                Ok(Some(Failing { plan, found, ran })) => {
                    Self::of_run(case, Replay::of_plan(&plan, case.id), ran, |_| found)
                }
                Err(error) => Self::of(case, Verdict::AdapterError(error)),
            },
        };
        Self { took: begin.elapsed(), ..judged }
    }

    fn once(adapter: &Adapter, description: &Description, case: &Case, limits: Limits) -> Self {
        let replay = Replay::of(case);
        let (scenario, script) = (&replay.scenario, &replay.script);
        let ran = mapped::carry_out(adapter, description, scenario, script, limits);
        Self::of_run(case, replay, ran, |history| judge(case, history))
    }

    fn of_run(
        case: &Case,
        replay: Replay,
        ran: Ran,
        judge: impl FnOnce(&History) -> Vec<Found>,
    ) -> Self {
        let (verdict, history) = match ran {
            Ran::History(history) => match judge(&history) {
                found if found.is_empty() => (Verdict::Passed, Some(history)),
                found => (Verdict::Failed(found), Some(history)),
            },
            Ran::Inexpressible(reason) => {
                let reason = match reason.as_str() {
                    "" => String::new(),
                    reason => format!(": {reason}"),
                };
                let text =
                    format!("it ended with code 77, though it declares all that is needed{reason}");
                (Verdict::AdapterError(text), None)
            }
            Ran::Fault(fault) => (Verdict::AdapterError(fault.to_string()), None),
        };
        Self { history, replay: Some(replay), ..Self::of(case, verdict) }
    }
}
