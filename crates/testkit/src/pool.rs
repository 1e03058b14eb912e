//! Assertions about pools that many tests need: whether one works, and the cause that broke it.

use procpool::{BrokenCause, Error, Future, ProcessPoolExecutor};
use serde::de::DeserializeOwned;

use crate::task::double;

/// Asserts that the pool works: a task gets its result.
///
/// # Panics
///
/// When it gets none.
pub fn assert_works<S: 'static>(executor: &ProcessPoolExecutor<S>) {
    assert_eq!(executor.submit(double, 21).result(), Ok(42));
}

/// Returns the cause that broke the pool, from an error.
///
/// # Panics
///
/// When it is another error.
pub fn cause_of(error: &Error) -> &BrokenCause {
    match error {
        Error::BrokenProcessPool(broken) => broken.cause(),
        other => panic!("not a broken pool: {other:?}"),
    }
}

/// Waits for a future, and returns the cause that broke its pool.
///
/// # Panics
///
/// When it has a result, or another error.
pub fn cause_reported_by<T: DeserializeOwned + 'static>(future: &Future<T>) -> BrokenCause {
    let error = future.error().expect("the pool is broken");
    cause_of(&error).clone()
}
