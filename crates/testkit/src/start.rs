//! The start method of a test's pools, by name: in the environment where the pool is a program's.

use procpool::{Builder, ProcessPoolExecutor, StartMethod};

use crate::copies;
use crate::left::await_threads;

/// The environment variable that tells a program of this crate how its workers are to be started.
pub const VARIABLE: &str = "PROCPOOL_TEST_START_METHOD";

/// Starts the making of a pool. One whose workers are to be forked from this process is made when the
/// threads of pools before it are gone: those that were left to end by themselves have some for a while.
///
/// # Panics
///
/// When there is no start method of that name.
pub fn builder(method: &str) -> Builder {
    ProcessPoolExecutor::builder().start_method(match method {
        "spawn" => StartMethod::Spawn,
        "forkserver" => StartMethod::Forkserver,
        "fork" => {
            // Where cases run in copies, this process itself has threads for ever; its pools are
            // about what is refused before that matters. What is not gone in time, the pool tells.
            let _ = copies::are_made() || await_threads(1);
            StartMethod::Fork
        }
        other => panic!("there is no start method {other}"),
    })
}

/// Starts the making of a pool beside another one, whose manager is a thread of this process: where
/// that forbids copies of it, the workers are spawned.
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_beside_another(method: &str) -> Builder {
    builder(if method == "fork" { "spawn" } else { method })
}

/// Starts the making of a pool of a program whose start method is in the environment; without one
/// it is the default.
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_of_program() -> Builder {
    std::env::var(VARIABLE).map_or_else(|_| ProcessPoolExecutor::builder(), |it| builder(&it))
}

/// As [`builder_of_program`], for a program that has a pool, as [`builder_beside_another`] does it.
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_of_program_beside_another() -> Builder {
    let method = std::env::var(VARIABLE);
    method.map_or_else(|_| ProcessPoolExecutor::builder(), |it| builder_beside_another(&it))
}
