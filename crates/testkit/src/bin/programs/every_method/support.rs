//! Shared by the behaviours: pools, and the start method.

use procpool::{Builder, ProcessPoolExecutor};
use procpool_testkit::start;

pub(crate) fn builder(max_workers: usize) -> Builder {
    start::builder_of_program().max_workers(max_workers)
}

pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    builder(max_workers).build().expect("a pool can be made")
}

/// The start method's name.
pub(crate) fn method() -> String {
    std::env::var(start::VARIABLE).expect("the test sets it")
}
