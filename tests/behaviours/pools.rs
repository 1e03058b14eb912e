//! Pools with the start method of the test program.

use procpool::{Builder, ProcessPoolExecutor};
use procpool_testkit::start;

/// Returns a builder of these tests.
pub(crate) fn builder() -> Builder {
    start::builder(crate::START_METHOD)
}

/// Returns a builder of a pool beside another one.
pub(crate) fn builder_beside_another() -> Builder {
    start::builder_beside_another(crate::START_METHOD)
}

/// Makes a pool without an initializer.
pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}

/// Like [`pool`], beside another one.
pub(crate) fn pool_beside_another(max_workers: usize) -> ProcessPoolExecutor {
    let builder = crate::builder_beside_another();
    builder.max_workers(max_workers).build().expect("a pool can be made beside another one")
}
