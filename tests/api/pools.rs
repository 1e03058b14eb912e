//! Pools for tests.

use procpool::ProcessPoolExecutor;

/// Makes a pool without an initializer.
pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}

/// As [`pool`], where there is one.
pub(crate) fn pool_beside_another(max_workers: usize) -> ProcessPoolExecutor {
    let builder = crate::builder_beside_another();
    builder.max_workers(max_workers).build().expect("a pool can be made beside another one")
}
