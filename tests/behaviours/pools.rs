//! Pools with the start method of the test program.

use procpool::{Builder, Future, ProcessPoolExecutor};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::start;

/// Returns a builder of these tests.
pub(crate) fn builder() -> Builder {
    start::builder(crate::start_method())
}

/// Returns a builder of a pool beside another one.
pub(crate) fn builder_beside_another() -> Builder {
    start::builder_beside_another(crate::start_method())
}

/// Makes a pool without an initializer.
pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}

/// Makes a pool whose only worker runs a task that waits at a crossing.
pub(crate) fn busy_pool() -> (Crossing, ProcessPoolExecutor, Future<u32>) {
    let crossing = Crossing::new();
    let executor = pool(1);
    let running = executor.submit(cross, crossing.places());
    crossing.wait_for(1);
    (crossing, executor, running)
}

/// Like [`pool`], beside another one.
pub(crate) fn pool_beside_another(max_workers: usize) -> ProcessPoolExecutor {
    let builder = crate::builder_beside_another();
    builder.max_workers(max_workers).build().expect("a pool can be made beside another one")
}
