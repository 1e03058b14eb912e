//! The time limits of the suite, and the number of its draws.

use std::time::Duration;

use crate::environment;

/// Four time limits, none of which decides whether a pool is fast, and the parameters of drawn scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For an event that must happen next. The suite polls, so a longer limit costs nothing with correct
    /// pools; a shorter one calls slow machines broken.
    pub must: Duration,
    /// For a whole scenario, however steadily it advances. A longer limit lets slow pools finish; a
    /// shorter one keeps a run of all cases from lasting for hours.
    pub whole: Duration,
    /// For an event that must not happen. A longer limit finds more and makes every such case take longer.
    pub quiet: Duration,
    /// For processes to exit after the end of their program.
    pub leave: Duration,
    /// The number of scenarios that are drawn for a case. More find more, and each costs a process and its
    /// workers.
    pub draws: u32,
    /// The seed of the draws.
    pub seed: u64,
    /// For shrinking a scenario that fails; zero keeps it as it was drawn, so that its findings depend on
    /// no clock. If each try hangs, the default is one or two tries.
    pub shrink: Duration,
}

impl Limits {
    /// The default limits, with times multiplied by `scale`.
    pub fn scaled(scale: f64) -> Self {
        let times = |millis: f64| Duration::from_secs_f64(millis * scale / 1000.0);
        Self {
            must: times(15_000.0),
            whole: times(120_000.0),
            quiet: times(150.0),
            leave: times(5_000.0),
            draws: 12,
            seed: 0,
            shrink: Duration::from_secs(6),
        }
    }

    /// The default limits, as the [environment](crate::environment) changes them.
    ///
    /// # Errors
    ///
    /// A variable is not a valid number.
    pub fn from_environment() -> Result<Self, String> {
        let must = "a number from 0.01 to 1000";
        let scale = environment::number(environment::SCALE, must, |scale: &f64| {
            (0.01..=1000.0).contains(scale)
        })?;
        let must = "a whole number from 1 to 4294967295: without a draw, nothing is judged";
        let draws = environment::number(environment::DRAWS, must, |draws: &u32| *draws > 0)?;
        let must = "a whole number from 0 to 18446744073709551615";
        let seed = environment::number(environment::SEED, must, |_: &u64| true)?;
        let usual = Self::scaled(scale.unwrap_or(1.0));
        Ok(Self { draws: draws.unwrap_or(usual.draws), seed: seed.unwrap_or(usual.seed), ..usual })
    }
}
