//! The environment variables by which the suite is told what to do, since the arguments of a test
//! program belong to its runner.

/// See the module's header.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `PROCPOOL_ADAPTER`: whom to judge.
    pub adapter: Option<String>,
    /// `CONFORMANCE_RESULTS`: where the results go.
    pub results: Option<String>,
    /// `CONFORMANCE_SCENARIO`: a file with what to carry out in place of the cases.
    pub scenario: Option<String>,
    /// `CONFORMANCE_BLESS`: what fails is known from now on.
    pub bless: bool,
}

impl Names {
    /// Reads them.
    pub fn from_environment() -> Self {
        let read =
            |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        Self {
            adapter: read("PROCPOOL_ADAPTER"),
            results: read("CONFORMANCE_RESULTS"),
            scenario: read("CONFORMANCE_SCENARIO"),
            bless: read("CONFORMANCE_BLESS").is_some(),
        }
    }
}
