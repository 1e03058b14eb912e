//! Records of workers forked from this program. Each case runs in a copy of it, which has one thread.

mod behaviours;
mod support;

use procpool_testkit::watch;
use support::pools::{pool, scope};
use support::recording::Recording;
use tracing_core::LevelFilter;

procpool_testkit::run_in_copies!();

/// The start method of these tests' pools.
const START_METHOD: &str = "fork";

fn record_on_two_threads(_: ()) {
    let thread = std::thread::spawn(|| tracing::info!("another thread"));
    thread.join().expect("it does not panic");
    tracing::info!("the task's thread");
}

#[test]
fn with_a_global_subscriber_only_the_main_threads_records_are_sent() {
    watch::within(watch::HANG, || {
        let recording = Recording::default();
        let subscriber = recording.subscriber(LevelFilter::INFO);
        tracing::subscriber::set_global_default(subscriber).expect("a copy has none");
        let executor = pool(1);
        executor.submit(record_on_two_threads, ()).result().unwrap();
        drop(executor);
        let seen = recording.events();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0].message(), "the task's thread");
        assert_eq!(scope(&seen[0]), ["worker", "task"]);
    });
}
