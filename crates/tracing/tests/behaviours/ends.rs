//! The records that arrive when workers end.

use procpool::{DeathPolicy, KillOutcome};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::watch;
use procpool_tracing::{Tracing, WorkerTracing};
use tracing::{Level, info};
use tracing_core::LevelFilter;

use crate::support::pools::{attached, builder, pool, recording, scope};
use crate::support::recording::{Kind, Seen};

/// A worker's state that records its end.
struct State;

impl Drop for State {
    fn drop(&mut self) {
        info!("the state is dropped");
    }
}

fn initialize(tracing: WorkerTracing) -> Result<State, String> {
    tracing.install();
    info!("initialized");
    Ok(State)
}

#[test]
fn records_from_the_initializer_to_the_end_arrive_in_the_workers_span() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let tracing = Tracing::new();
        let builder = tracing.attach(builder(1));
        let builder = builder.initializer_with_args(initialize, tracing.worker());
        let executor = builder.finalizer(|_| info!("finalized")).build().unwrap();
        executor.submit(|()| info!("a task"), ()).result().unwrap();
        drop(executor);
        let events = recording.events();
        let scopes: Vec<_> = events.iter().map(|seen| (seen.message(), scope(seen))).collect();
        let expected = [
            ("initialized", vec!["worker"]),
            ("a task", vec!["worker", "task"]),
            ("finalized", vec!["worker"]),
            ("the state is dropped", vec!["worker"]),
        ];
        assert_eq!(scopes, expected, "and no warning");
    });
}

#[test]
fn records_of_an_initializer_that_fails_arrive() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let tracing = Tracing::new();
        let fails = |tracing: WorkerTracing| -> Result<(), String> {
            tracing.install();
            info!("before the failure");
            Err("no".to_owned())
        };
        let builder = tracing.attach(builder(1));
        let executor = builder.initializer_with_args(fails, tracing.worker()).build().unwrap();
        assert!(executor.submit(|()| (), ()).result().is_err());
        drop(executor);
        assert_eq!(recording.messages(), ["before the failure"]);
    });
}

fn count_to(end: u32) {
    (0..end).for_each(|number| info!("{number}"));
}

fn assert_warned_of(seen: &Seen, how: &str) {
    assert_eq!((seen.level, seen.target.as_str()), (Level::WARN, "procpool_tracing"));
    let message = seen.message();
    let end = format!("{how}: each of its threads may have lost one record");
    assert!(message.starts_with("worker 0 (pid ") && message.ends_with(&end), "{message}");
    assert_eq!(seen.field("worker"), "u64 0");
}

#[test]
fn a_death_loses_no_record_that_was_made_and_is_reported() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let policy = DeathPolicy::Replace { retries: 0 };
        let executor = attached(&Tracing::new(), builder(1).death_policy(policy));
        let dies = |_: ()| -> () {
            let _span = tracing::info_span!("open").entered();
            count_to(1500);
            std::process::exit(3);
        };
        assert!(executor.submit(dies, ()).result().is_err());
        executor.submit(count_to, 1).result().unwrap();
        drop(executor);
        let events = recording.events();
        let expected = (0..1500).map(|number| number.to_string());
        assert!(events[..1500].iter().map(|seen| seen.message().to_owned()).eq(expected));
        assert_warned_of(&events[1500], "exited with code 3");
        assert_eq!((events.len(), events[1501].message()), (1502, "0"));
        // Nothing stays open of the dead worker.
        let closed: Vec<_> = recording.of(Kind::Closed).into_iter().map(|it| it.name).collect();
        let mut sorted = closed.clone();
        sorted.sort();
        assert_eq!(sorted, ["open", "task", "task", "worker", "worker"], "{closed:?}");
    });
}

#[test]
fn a_killed_task_loses_no_record_that_was_made() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let policy = DeathPolicy::Replace { retries: 0 };
        let executor = attached(&Tracing::new(), builder(1).death_policy(policy));
        let crossing = Crossing::new();
        let task = |places| {
            count_to(500);
            cross(places)
        };
        let future = executor.submit(task, crossing.places());
        crossing.wait_for(1);
        assert_eq!(future.kill(), KillOutcome::Killed);
        drop(executor);
        let events = recording.events();
        assert_eq!(events.len(), 501);
        assert_warned_of(&events[500], "was killed by its pool");
    });
}

#[test]
fn a_report_of_another_kind_is_a_warning() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let task = |_: ()| procpool::report(&1_u32).expect("it can be sent");
        executor.submit(task, ()).result().unwrap();
        drop(executor);
        let events = recording.events();
        assert_eq!((events.len(), events[0].level), (1, Level::WARN));
        assert!(events[0].message().contains("`u32`"), "{events:?}");
        assert_eq!(scope(&events[0]), ["worker"]);
    });
}
