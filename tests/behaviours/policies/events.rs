//! `events`: the events of each worker, and of the pool.

use std::collections::HashMap;

use procpool::{
    BrokenCause, DeathPolicy, Event, EventKind, Events, ExitReason, Future, ProcessPoolExecutor,
};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{SHORT, builder, park, until};

/// Every worker's events, in order: one start, at most one ready, one exit as the last. Only a worker that was
/// ready is exiting before.
fn assert_whole(events: &[Event]) {
    let mut stories: HashMap<u32, String> = HashMap::new();
    for event in events {
        let (worker, letter) = match event.kind {
            EventKind::WorkerStarted(worker) => (worker, 's'),
            EventKind::WorkerReady(worker) => (worker, 'r'),
            EventKind::WorkerExiting(worker) => (worker, 'x'),
            EventKind::WorkerExited(worker, _) => (worker, 'e'),
            _ => continue,
        };
        stories.entry(worker.pid).or_default().push(letter);
    }
    let is_whole = |story: &String| matches!(&**story, "srxe" | "sre" | "se");
    assert!(stories.values().all(is_whole), "{stories:?}");
    assert!(events.is_sorted_by_key(|event| event.at), "{events:?}");
}

fn end(executor: ProcessPoolExecutor, events: Events) -> Vec<Event> {
    drop(executor);
    let events: Vec<Event> = events.collect();
    assert_whole(&events);
    events
}

#[test]
fn events_of_a_pool_arrive_in_order() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let events = executor.events();
        assert_works(&executor);
        let kinds: Vec<EventKind> =
            end(executor, events).into_iter().map(|event| event.kind).collect();
        let [EventKind::WorkerStarted(worker), ..] = kinds[..] else { panic!("{kinds:?}") };
        let expected = [
            EventKind::WorkerStarted(worker),
            EventKind::WorkerReady(worker),
            EventKind::ShutDown,
            EventKind::WorkerExiting(worker),
            EventKind::WorkerExited(worker, ExitReason::Finished),
        ];
        assert_eq!(kinds, expected);
    });
}

#[test]
fn events_tell_the_start_from_the_initializer_and_tasks_from_the_exit() {
    watch::within(watch::HANG, || {
        let executor = builder(1).initializer(|| ()).max_tasks_per_child(1).build().unwrap();
        let events = executor.events();
        let first = executor.submit(pid, ()).result().unwrap();
        assert_works(&executor);
        let kinds = end(executor, events).into_iter().map(|event| event.kind);
        let stages = kinds.filter_map(|kind| match kind {
            EventKind::WorkerStarted(worker) => Some((worker.pid, "started")),
            EventKind::WorkerInitializing(worker) => Some((worker.pid, "initializing")),
            EventKind::WorkerReady(worker) => Some((worker.pid, "ready")),
            EventKind::WorkerExiting(worker) => Some((worker.pid, "exiting")),
            EventKind::WorkerExited(worker, ExitReason::Recycled) => Some((worker.pid, "recycled")),
            _ => None,
        });
        let of_first: Vec<_> =
            stages.filter(|(pid, _)| *pid == first).map(|(_, stage)| stage).collect();
        assert_eq!(of_first, ["started", "initializing", "ready", "exiting", "recycled"]);
    });
}

#[test]
fn every_worker_of_a_failing_pool_has_all_its_events() {
    watch::within(watch::HANG, || {
        let executor = builder(3)
            .death_policy(DeathPolicy::Replace { retries: 1 })
            .max_tasks_per_child(4)
            .idle_timeout(SHORT)
            .grace(SHORT)
            .build()
            .unwrap();
        let events = executor.events();
        for _ in 0..3 {
            let dies = executor.submit(|()| kill_self(), ());
            let late = executor.submit_options().time_limit(SHORT).submit(|()| park(), ());
            let killed = executor.submit(|()| park(), ());
            let fine: Vec<Future<u32>> = (0..20).map(|_| executor.submit(pid, ())).collect();
            until(|| killed.running());
            killed.kill();
            assert!(dies.result().is_err() && late.result().is_err());
            assert!(fine.iter().all(|future| future.result().is_ok()));
        }
        let events = end(executor, events);
        let count = |wanted: fn(&EventKind) -> bool| {
            events.iter().filter(|event| wanted(&event.kind)).count()
        };
        assert_eq!(count(|kind| matches!(kind, EventKind::TaskRetried(_))), 3);
        assert_eq!(count(|kind| matches!(kind, EventKind::TimeLimitExceeded(_))), 3);
        assert_eq!(count(|kind| matches!(kind, EventKind::TaskKilled(_))), 3);
        assert_eq!(
            count(|kind| matches!(kind, EventKind::WorkerExited(_, ExitReason::Died(_)))),
            6
        );
    });
}

#[test]
fn a_pool_breaks_once_and_starts_no_worker_afterwards() {
    watch::within(watch::HANG, || {
        let executor = builder(2).build().unwrap();
        let events = executor.events();
        assert_works(&executor);
        executor.submit(|()| kill_self(), ()).result().unwrap_err();
        executor.kill_workers();
        executor.terminate_workers();
        let events = end(executor, events);
        let broken = |event: &Event| matches!(event.kind, EventKind::Broken(_));
        let place = events.iter().position(broken).expect("it broke");
        let EventKind::Broken(BrokenCause::WorkerDied(_)) = &events[place].kind else { panic!() };
        let started = |event: &Event| matches!(event.kind, EventKind::WorkerStarted(_));
        assert!(!events[place + 1..].iter().any(|event| broken(event) || started(event)));
    });
}

#[test]
fn each_listener_gets_every_event_since_its_creation() {
    watch::within(watch::HANG, || {
        let executor = builder(1).max_tasks_per_child(1).build().unwrap();
        let [mut first, second, gone] = [0; 3].map(|_| executor.events());
        drop(gone);
        assert!(first.try_next().is_none() && first.next_timeout(SHORT).is_none());
        (0..3).for_each(|_| assert_works(&executor));
        let late = executor.events();
        drop(executor);
        let kinds = |events: Events| events.map(|event| event.kind).collect::<Vec<_>>();
        let (first, second, late) = (kinds(first), kinds(second), kinds(late));
        assert_eq!(first, second);
        assert!(first.ends_with(&late) && late.len() < first.len());
    });
}
