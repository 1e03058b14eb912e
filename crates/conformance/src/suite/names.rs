//! What the environment says of a run of the suite.

use crate::environment;

/// See the module's header.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Whom to judge.
    pub adapter: Option<String>,
    /// Where the results go.
    pub results: Option<String>,
    /// Which cases are known to fail.
    pub expectations: Option<String>,
    /// A file with what to carry out in place of the cases.
    pub scenario: Option<String>,
    /// Whether what fails is known from now on.
    pub bless: bool,
}

impl Names {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// One is set to what makes no sense.
    pub fn from_environment() -> Result<Self, String> {
        Ok(Self {
            adapter: environment::read(environment::ADAPTER)?,
            results: environment::read(environment::RESULTS)?,
            expectations: environment::read(environment::EXPECTATIONS)?,
            scenario: environment::read(environment::SCENARIO)?,
            bless: environment::bless()?,
        })
    }
}
