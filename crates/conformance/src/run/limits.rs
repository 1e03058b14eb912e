//! How long the suite waits, and how much it draws.

use std::time::Duration;

use crate::environment;

/// Four clocks, and none of them decides whether a pool is fast; and what decides which scenarios are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For what must happen next. It is polled for, so a longer one costs nothing where pools do as they
    /// must; a shorter one calls slow machines broken.
    pub must: Duration,
    /// For a whole scenario, however steadily it goes on. A longer one lets slow pools come to their end; a
    /// shorter one keeps a run of all cases from lasting for hours.
    pub whole: Duration,
    /// For what must not happen. A longer one finds more and makes every such case take longer.
    pub quiet: Duration,
    /// For processes to leave after the end of their program.
    pub leave: Duration,
    /// How many scenarios are drawn for a case. More find more, and each costs a process and its workers.
    pub draws: u32,
    /// From which number they are drawn; from another one come others.
    pub seed: u64,
}

impl Limits {
    /// The usual ones, with times multiplied by `scale`.
    pub fn scaled(scale: f64) -> Self {
        let times = |millis: f64| Duration::from_secs_f64(millis * scale / 1000.0);
        Self {
            must: times(15_000.0),
            whole: times(120_000.0),
            quiet: times(150.0),
            leave: times(5_000.0),
            draws: 12,
            seed: 0,
        }
    }

    /// The usual ones, as the [environment](crate::environment) changes them.
    ///
    /// # Errors
    ///
    /// A variable is no number that makes sense.
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
