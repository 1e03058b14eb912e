//! Levels: what workers send, and what the program's subscriber takes of it.

use procpool_testkit::watch;
use procpool_tracing::{Call, Caller, Tracing};
use tracing::subscriber::set_default;
use tracing::{Level, debug, enabled, info, trace};
use tracing_core::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

use crate::support::pools::{attached, builder, pool, recording};
use crate::support::recording::Recording;

/// Records at three levels with two targets; returns what a subscriber of the worker wants.
fn record_levels(_: ()) -> Vec<bool> {
    info!(target: "one", "one info");
    debug!(target: "one", "one debug");
    trace!(target: "one", "one trace");
    info!(target: "two", "two info");
    debug!(target: "two", "two debug");
    log::debug!(target: "one", "one debug of log");
    log::debug!(target: "two", "two debug of log");
    vec![
        enabled!(target: "one", Level::INFO),
        enabled!(target: "one", Level::DEBUG),
        enabled!(target: "one", Level::TRACE),
        enabled!(target: "two", Level::INFO),
        enabled!(target: "two", Level::DEBUG),
    ]
}

#[test]
fn workers_send_nothing_below_the_level_of_the_programs_subscriber() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let sends = executor.submit(record_levels, ()).result().unwrap();
        drop(executor);
        assert_eq!(sends, [true, false, false, true, false]);
        assert_eq!(recording.messages(), ["one info", "two info"]);
    });
}

const EXPECTED: [&str; 4] = ["one info", "one debug", "two info", "one debug of log"];

#[test]
fn the_programs_subscriber_decides_on_each_record_as_on_its_own() {
    watch::within(watch::HANG, || {
        let filter = "info,one=debug".parse::<Targets>().expect("these are directives");
        let (recording, _guard) = recording(filter);
        let executor = pool(1);
        let sends = executor.submit(record_levels, ()).result().unwrap();
        drop(executor);
        assert_eq!(sends, [true, true, false, true, true]);
        assert_eq!(recording.messages(), EXPECTED);
    });
}

#[test]
fn workers_send_only_records_that_given_directives_enable() {
    watch::within(watch::HANG, || {
        let filter = EnvFilter::new("info,one=debug");
        let directives = filter.to_string();
        let (recording, _guard) = recording(filter);
        let executor = attached(&Tracing::new().directives(directives), builder(1));
        let sends = executor.submit(record_levels, ()).result().unwrap();
        drop(executor);
        assert_eq!(sends, [true, true, false, true, false]);
        assert_eq!(recording.messages(), EXPECTED);
    });
}

#[test]
fn directives_about_spans_have_no_effect_on_workers() {
    watch::within(watch::HANG, || {
        let filter = EnvFilter::new("info,one=debug,two[a_span]=trace");
        let directives = filter.to_string();
        let (recording, _guard) = recording(filter);
        let executor = attached(&Tracing::new().directives(directives), builder(1));
        let sends = executor.submit(record_levels, ()).result().unwrap();
        drop(executor);
        assert_eq!(sends, [true; 5]);
        assert_eq!(recording.messages(), EXPECTED);
    });
}

#[test]
fn without_a_subscriber_workers_have_none_either() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let task = |call: Call<()>| (call.run(record_levels), tracing::dispatcher::has_been_set());
        let caller = Caller::current(&executor);
        let (sends, has_any) = executor.submit(task, caller.call(())).result().unwrap();
        assert_eq!((sends, has_any), (vec![false; 5], false));
    });
}

#[test]
fn pools_of_two_subscribers_do_not_mix_their_records() {
    watch::within(watch::HANG, || {
        let (first, _alone) = recording(LevelFilter::INFO);
        let tracing = Tracing::new();
        let second = Recording::default();
        let _guard = set_default(second.subscriber(LevelFilter::DEBUG));
        let executor = attached(&tracing, builder(1));
        executor.submit(|()| info!("to the first"), ()).result().unwrap();
        drop(executor);
        let executor = pool(1);
        executor.submit(|()| info!("to the second"), ()).result().unwrap();
        drop(executor);
        assert_eq!(first.messages(), ["to the first"]);
        assert_eq!(second.messages(), ["to the second"]);
    });
}
