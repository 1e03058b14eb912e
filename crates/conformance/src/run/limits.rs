//! How long the suite waits.

use std::time::Duration;

/// Three clocks, and none of them decides whether a pool is fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For what must happen. It is polled for, so a longer one costs nothing where pools do as they
    /// must; a shorter one calls slow machines broken.
    pub must: Duration,
    /// For what must not happen. A longer one finds more and makes every such case take longer.
    pub quiet: Duration,
    /// For processes to leave after the end of their program.
    pub leave: Duration,
}

/// The variable that makes all three longer or shorter.
pub(crate) const SCALE_VARIABLE: &str = "CONFORMANCE_SCALE";

impl Limits {
    /// The usual ones, times `scale`.
    pub fn scaled(scale: f64) -> Self {
        let times = |millis: f64| Duration::from_secs_f64(millis * scale / 1000.0);
        Self { must: times(15_000.0), quiet: times(150.0), leave: times(5_000.0) }
    }

    /// The usual ones, times `CONFORMANCE_SCALE` if that is set.
    ///
    /// # Errors
    ///
    /// It is not a number that limits can be multiplied by.
    pub fn from_environment() -> Result<Self, String> {
        let Ok(text) = std::env::var(SCALE_VARIABLE) else { return Ok(Self::scaled(1.0)) };
        match text.parse::<f64>() {
            Ok(scale) if (0.01..=1000.0).contains(&scale) => Ok(Self::scaled(scale)),
            _ => {
                Err(format!("{SCALE_VARIABLE} is {text:?}; it must be a number from 0.01 to 1000"))
            }
        }
    }
}
