//! The cause of a future's failure, reported in time; and the later errors of a broken pool.

use std::time::Instant;

use procpool::{BrokenCause, Future, ProcessPoolExecutor};
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::pid;
use serde::de::DeserializeOwned;

use crate::behaviours::errors::{PROMISE, prompt_error};

/// Waits for `future` to fail in time, and returns the cause that broke its pool.
pub(crate) fn cause_for<T: DeserializeOwned + 'static>(future: &Future<T>) -> BrokenCause {
    cause_of(&prompt_error(future)).clone()
}

/// Like [`cause_for`], for a failure that `act` causes: measured from there.
pub(crate) fn cause_after<T: DeserializeOwned + 'static>(
    future: &Future<T>,
    act: impl FnOnce(),
) -> BrokenCause {
    let started = Instant::now();
    act();
    let cause = cause_for(future);
    let elapsed = started.elapsed();
    assert!(elapsed < PROMISE, "reported after {elapsed:?}: {cause}");
    cause
}

/// Asserts that the pool is broken by `cause` and reports it from every later call.
pub(crate) fn assert_broken<S: 'static>(executor: &ProcessPoolExecutor<S>, cause: &BrokenCause) {
    let later = executor.submit(pid, ());
    assert!(later.done(), "a broken pool fails at once");
    assert_eq!(&cause_for(&later), cause);
    let mapped: Vec<_> = executor.map(pid, [(), ()]).collect();
    assert_eq!(mapped.len(), 1, "the first item is refused, and no other is taken");
    for result in mapped {
        assert_eq!(cause_of(&result.unwrap_err()), cause);
    }
}
