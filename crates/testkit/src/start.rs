//! The start method of a test's pools, by name: in the environment if a program makes the pool.

use procpool::{Builder, ProcessPoolExecutor, StartMethod};

use crate::copies;
use crate::left::await_threads;

/// The environment variable that names the start method for a program of this crate.
pub const VARIABLE: &str = "PROCPOOL_TEST_START_METHOD";

/// Returns a builder of a pool. If its workers are to be forked from this process, it waits until the
/// threads of earlier pools have ended: detached ones exist for a while.
///
/// # Panics
///
/// When there is no start method of that name.
pub fn builder(method: &str) -> Builder {
    ProcessPoolExecutor::builder().start_method(match method {
        "spawn" => StartMethod::Spawn,
        "forkserver" => StartMethod::Forkserver,
        "fork" => {
            // Where cases run in copies, this process itself always has threads; its pools are about
            // errors that precede the fork. The pool reports threads that have not ended in time.
            let _ = copies::are_made() || await_threads(1);
            StartMethod::Fork
        }
        other => panic!("there is no start method {other}"),
    })
}

/// Returns a builder of a pool beside another one, whose manager is a thread of this process: if that
/// forbids copies of the process, the workers are spawned.
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_beside_another(method: &str) -> Builder {
    builder(if method == "fork" { "spawn" } else { method })
}

/// Returns a builder of a pool of a program whose start method is in the environment; without one it is
/// the default.
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_of_program() -> Builder {
    std::env::var(VARIABLE).map_or_else(|_| ProcessPoolExecutor::builder(), |it| builder(&it))
}

/// Like [`builder_of_program`], for a program that already has a pool; see [`builder_beside_another`].
///
/// # Panics
///
/// As for [`builder`].
pub fn builder_of_program_beside_another() -> Builder {
    let method = std::env::var(VARIABLE);
    method.map_or_else(|_| ProcessPoolExecutor::builder(), |it| builder_beside_another(&it))
}
