//! Pools whose workers' records arrive.

use std::sync::{Mutex, MutexGuard, PoisonError};

use procpool::{Builder, ProcessPoolExecutor};
use procpool_testkit::start;
use procpool_tracing::{Tracing, WorkerTracing};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Layer;

use super::recording::{Recording, Seen};

/// Returns a builder of these tests.
pub(crate) fn builder(max_workers: usize) -> Builder {
    start::builder(crate::START_METHOD).max_workers(max_workers)
}

/// Makes a pool whose records arrive at the current subscriber.
pub(crate) fn attached(tracing: &Tracing, builder: Builder) -> ProcessPoolExecutor {
    let builder = tracing.attach(builder);
    let builder = builder.initializer_with_args(WorkerTracing::install, tracing.worker());
    builder.build().expect("a pool can be made")
}

/// Like [`attached`], with the defaults.
pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    attached(&Tracing::new(), builder(max_workers))
}

/// A subscriber of this thread that records. Only one test of a program has one at a time, because the most verbose
/// level is that of all subscribers.
pub(crate) struct Recorded {
    _subscriber: DefaultGuard,
    _alone: MutexGuard<'static, ()>,
}

/// Records what this thread's subscriber gets of what `filter` enables, for as long as the second value lives.
pub(crate) fn recording(filter: impl Layer<Registry> + Send + Sync) -> (Recording, Recorded) {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let recording = Recording::default();
    let subscriber = set_default(recording.subscriber(filter));
    (recording, Recorded { _subscriber: subscriber, _alone: alone })
}

/// The names of the spans around something.
pub(crate) fn scope(seen: &Seen) -> Vec<&str> {
    seen.scope.iter().map(|(name, _)| name.as_str()).collect()
}
