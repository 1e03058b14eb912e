//! The environment variables by which the suite is told what to do, since the arguments of a test
//! program belong to its runner.

/// See the module's header.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `PROCPOOL_ADAPTER`: whom to judge.
    pub adapter: Option<String>,
    /// `CONFORMANCE_RESULTS`: where the results go.
    pub results: Option<String>,
}

impl Names {
    /// Reads them.
    pub fn from_environment() -> Self {
        let read =
            |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        Self { adapter: read("PROCPOOL_ADAPTER"), results: read("CONFORMANCE_RESULTS") }
    }
}
