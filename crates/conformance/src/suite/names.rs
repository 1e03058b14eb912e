//! The configuration of a run of the suite by the environment.

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
            tier: environment::tier()?,
        })
    }
}
