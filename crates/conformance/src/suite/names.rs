//! The configuration of a run of the suite by the environment.

use clap::ValueEnum as _;

use crate::case::Tier;
use crate::environment;

/// See the module's header.
#[derive(Debug, Clone)]
pub struct Names {
    /// The pools to judge.
    pub adapter: Option<String>,
    /// The file for the results.
    pub results: Option<String>,
    /// The known failures.
    pub expectations: Option<String>,
    /// A file with a scenario to carry out instead of the cases.
    pub scenario: Option<String>,
    /// Whether failures are accepted as known.
    pub bless: bool,
    /// The tier of the cases.
    pub tier: Tier,
}

impl Names {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// A variable has an invalid value.
    pub fn from_environment() -> Result<Self, String> {
        Ok(Self {
            adapter: environment::read(environment::ADAPTER)?,
            results: environment::read(environment::RESULTS)?,
            expectations: environment::read(environment::EXPECTATIONS)?,
            scenario: environment::read(environment::SCENARIO)?,
            bless: environment::bless()?,
            tier: tier()?,
        })
    }
}

fn tier() -> Result<Tier, String> {
    let Some(text) = environment::read(environment::TIER)? else { return Ok(Tier::Usual) };
    let tier = Tier::from_str(&text, false);
    tier.map_err(|_| format!("{} is {text:?}; it must be usual, soak or all", environment::TIER))
}
