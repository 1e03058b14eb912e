//! The start method of a test's pools, by name: in the environment where the pool is a program's.

use procpool::{Builder, ProcessPoolExecutor, StartMethod};

/// The environment variable that tells a program of this crate how its workers are to be started.
pub const VARIABLE: &str = "PROCPOOL_TEST_START_METHOD";

/// Starts the making of a pool.
///
/// # Panics
///
/// When there is no start method of that name.
pub fn builder(method: &str) -> Builder {
    ProcessPoolExecutor::builder().start_method(match method {
        "spawn" => StartMethod::Spawn,
        "forkserver" => StartMethod::Forkserver,
        "fork" => StartMethod::Fork,
        other => panic!("there is no start method {other}"),
    })
}

/// Starts the making of a pool of a program whose start method is in the environment; without one
/// it is the default.
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_of_program() -> Builder {
    match std::env::var(VARIABLE) {
        Ok(method) => builder(&method),
        Err(_) => ProcessPoolExecutor::builder(),
    }
}
