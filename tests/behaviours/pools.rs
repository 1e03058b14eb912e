//! Pools whose workers are started as the test program says.

use procpool::{Builder, ProcessPoolExecutor};
use procpool_testkit::start;

/// How these tests start to make a pool.
pub(crate) fn builder() -> Builder {
    start::builder(crate::START_METHOD)
}

/// How these tests start to make a pool beside another one.
pub(crate) fn builder_beside_another() -> Builder {
    start::builder_beside_another(crate::START_METHOD)
}

/// Makes a pool without an initializer.
pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}

/// As [`pool`], where there is one.
pub(crate) fn pool_beside_another(max_workers: usize) -> ProcessPoolExecutor {
    let builder = crate::builder_beside_another();
    builder.max_workers(max_workers).build().expect("a pool can be made beside another one")
}
