//! Records of more places in the code than the program keeps: a program of its own, whose places they use up.

use procpool_testkit::watch;
use tracing::{Level, error};
use tracing_core::LevelFilter;

mod support;

use support::pools::{pool, recording, scope};

procpool::init_tests!();

/// The start method of these tests' pools.
const START_METHOD: &str = "spawn";

#[test]
fn records_of_too_many_places_arrive_without_their_place() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let task = |_: ()| {
            (0..5000).for_each(|number| log::info!(target: &format!("target{number}"), "text"));
            let _span = tracing::info_span!("too late").entered();
            error!(answer = 42, "a record");
        };
        executor.submit(task, ()).result().unwrap();
        drop(executor);
        let events = recording.events();
        assert_eq!(recording.messages().len(), events.len());
        assert_eq!(events.len(), 5001);
        for (number, seen) in events[..5000].iter().enumerate() {
            let target = format!("target{number}");
            if number < 4096 {
                assert_eq!((&seen.target, seen.message()), (&target, "text"));
            } else {
                assert_eq!((seen.target.as_str(), seen.message()), ("procpool_tracing", "text"));
                assert_eq!(seen.place.0, None);
            }
        }
        assert_eq!(
            (events[0].name.as_str(), events[0].place.0.as_deref()),
            ("log event", Some(file!()))
        );
        let last = events.last().expect("it has many");
        assert_eq!((last.level, last.target.as_str()), (Level::ERROR, "procpool_tracing"));
        assert_eq!((last.message(), last.field("answer")), ("a record", "i64 42"));
        assert_eq!(scope(last), ["worker", "task", "too late"]);
    });
}
