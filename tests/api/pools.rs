//! Pools for tests.

use procpool::ProcessPoolExecutor;

/// Makes a pool without an initializer.
pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}
