//! `worker_id`: the ids of workers.

use std::collections::HashSet;

use procpool::{DeathPolicy, EventKind, WorkerInfo, worker_id};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::kill_self;
use procpool_testkit::watch;

use crate::behaviours::lives::{await_start, builder};

/// Reports its id and pid.
fn place(_: ()) -> Option<usize> {
    worker_id()
}

fn place_at(places: Places) -> Option<usize> {
    cross(places);
    worker_id()
}

#[test]
fn workers_alive_at_the_same_time_have_different_ids() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(4).build().unwrap();
        for _ in 0..2 {
            let futures = [0; 4].map(|_| executor.submit(place_at, crossing.places()));
            crossing.wait_for(4);
            crossing.let_go(4);
            let places: HashSet<_> =
                futures.iter().map(|future| future.result().unwrap()).collect();
            assert_eq!(places, HashSet::from([Some(0), Some(1), Some(2), Some(3)]));
        }
        assert_eq!(worker_id(), None, "this is no worker");
    });
}

#[test]
fn a_replacement_has_the_id_of_the_worker_it_replaces() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let policy = DeathPolicy::Replace { retries: 0 };
        let executor = builder(3).death_policy(policy).build().unwrap();
        let busy = [0; 2].map(|_| executor.submit(place_at, crossing.places()));
        crossing.wait_for(2);
        for _ in 0..3 {
            assert_eq!(executor.submit(place, ()).result(), Ok(Some(2)));
            assert!(executor.submit(|()| kill_self(), ()).result().is_err());
        }
        crossing.let_go(2);
        let places = busy.map(|future| future.result().unwrap());
        assert!(places == [Some(0), Some(1)] || places == [Some(1), Some(0)], "{places:?}");
    });
}

#[test]
fn the_pool_and_the_worker_report_the_same_id_and_pid() {
    watch::within(watch::HANG, || {
        let executor = builder(2).max_tasks_per_child(1).build().unwrap();
        let mut events = executor.events();
        let mut started = Vec::new();
        for _ in 0..4 {
            let (id, pid) =
                executor.submit(|()| (worker_id(), std::process::id()), ()).result().unwrap();
            // Two workers may have been started for a task: one that waits for the slot of a retiring
            // worker, and one for a slot that became free later.
            let is_it = |worker: &WorkerInfo| worker.pid == pid;
            while !started.iter().any(is_it) {
                started.push(await_start(&mut events));
            }
            let worker = started.iter().find(|worker| is_it(worker)).expect("it was found");
            assert_eq!(id, Some(worker.id));
            let text = format!("worker {} (pid {})", worker.id, worker.pid);
            assert_eq!(worker.to_string(), text);
        }
    });
}

#[test]
fn the_worker_id_is_set_in_the_initializer_and_the_finalizer() {
    watch::within(watch::HANG, || {
        let executor = builder(1)
            .initializer(|| Ok::<_, String>(worker_id()))
            .finalizer(|place| assert_eq!((place, worker_id()), (Some(0), Some(0))))
            .build()
            .unwrap();
        let events = executor.events();
        assert_eq!(executor.submit_with(|place, ()| *place, ()).result(), Ok(Some(0)));
        assert_works(&executor);
        drop(executor);
        let left =
            |kind| matches!(kind, EventKind::WorkerExited(_, procpool::ExitReason::Finished));
        assert!(events.map(|event| event.kind).any(left));
    });
}
