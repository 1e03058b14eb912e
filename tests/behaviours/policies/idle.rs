//! `idle_timeout`: idle workers exit, and a task submitted at that moment is not lost.

use std::thread;
use std::time::{Duration, Instant};

use procpool::{Event, EventKind, ExitReason, Future, ShutdownOptions, worker_id};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::is_gone;
use procpool_testkit::task::pid;
use procpool_testkit::watch;
use rand::RngExt;
use serde::{Deserialize, Serialize, Serializer};

use crate::behaviours::lives::{NEVER, SHORT, await_exit, builder, exits, random};

// Behaviours: TMO-05.
#[test]
fn idle_workers_exit_and_new_ones_start_for_new_tasks() {
    watch::within(watch::HANG, || {
        let executor = builder(2).idle_timeout(Duration::from_millis(10)).build().unwrap();
        for _ in 0..5 {
            let mut events = executor.events();
            let crossing = Crossing::new();
            let futures = [0, 1].map(|_| executor.submit(cross, crossing.places()));
            crossing.wait_for(2);
            crossing.let_go(2);
            let mut pids = futures.map(|future| future.result().unwrap());
            let mut left = [0, 1].map(|_| await_exit(&mut events)).map(|(worker, reason)| {
                assert_eq!(reason, ExitReason::Idle);
                worker.pid
            });
            pids.sort_unstable();
            left.sort_unstable();
            assert_eq!(left, pids);
            assert!(left.into_iter().all(is_gone));
        }
    });
}

#[test]
fn an_idle_timeout_leaves_the_minimum_of_idle_workers() {
    const ROUNDS: usize = 5;
    watch::within(watch::HANG, || {
        let executor = builder(3).idle_timeout(SHORT).min_idle(2).build().unwrap();
        let ended = executor.events();
        for _ in 0..ROUNDS {
            let mut events = executor.events();
            let crossing = Crossing::new();
            let futures = [0, 1, 2].map(|_| executor.submit(cross, crossing.places()));
            crossing.wait_for(3);
            crossing.let_go(3);
            assert!(futures.iter().all(|future| future.result().is_ok()));
            assert_eq!(await_exit(&mut events).1, ExitReason::Idle);
        }
        drop(executor);
        let reasons = exits(ended);
        let idle = reasons.iter().filter(|reason| **reason == ExitReason::Idle).count();
        assert_eq!((idle, reasons.len()), (ROUNDS, ROUNDS + 2), "{reasons:?}");
    });
}

#[test]
fn a_busy_worker_does_not_exit_at_the_idle_timeout() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).idle_timeout(SHORT).build().unwrap();
        let mut events = executor.events();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        // The other one starts and exits.
        let other = executor.submit(pid, ()).result().unwrap();
        assert_eq!(await_exit(&mut events).0.pid, other);
        assert!(running.running());
        crossing.let_go(1);
        assert_eq!(running.result().unwrap(), await_exit(&mut events).0.pid);
    });
}

/// An argument that is slow to encode.
#[derive(Debug, Deserialize)]
struct Slow(u64);

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        thread::sleep(Duration::from_micros(self.0));
        serializer.serialize_newtype_struct("Slow", &self.0)
    }
}

// Behaviours: TMO-06.
#[test]
fn a_task_submitted_as_its_worker_exits_is_not_lost() {
    watch::within(watch::HANG, || {
        let mut random = random();
        for workers in [1, 2] {
            let executor = builder(workers).idle_timeout(Duration::from_millis(1)).build().unwrap();
            let events = executor.events();
            for number in 0..150 {
                let slow = Slow(random.random_range(500..2_000));
                let nap = slow.0;
                let future = executor.submit(|slow: Slow| slow.0, slow);
                if number % 3 == 0 {
                    thread::sleep(Duration::from_micros(random.random_range(500..1_500)));
                }
                assert_eq!(future.result(), Ok(nap));
            }
            let mapped: Vec<_> = executor
                .map_options()
                .chunksize(1)
                .map(|slow: Slow| slow.0, (0..20).map(|_| Slow(1_100)))
                .collect();
            assert_eq!(mapped, vec![Ok(1_100); 20]);
            drop(executor);
            let reasons = exits(events);
            println!("{} workers started and exited", reasons.len());
            let ends = [ExitReason::Idle, ExitReason::Finished];
            assert!(reasons.iter().all(|reason| ends.contains(reason)), "{reasons:?}");
        }
    });
}

// Behaviours: TMO-07.
#[test]
fn a_shutdown_while_idle_workers_exit_finishes_accepted_tasks() {
    watch::within(watch::HANG, || {
        let mut random = random();
        for round in 0..30 {
            let executor = builder(2).idle_timeout(Duration::from_millis(1)).build().unwrap();
            executor.submit(|()| (), ()).result().unwrap();
            let future =
                executor.submit(|slow: Slow| slow.0, Slow(random.random_range(500..2_000)));
            if round % 2 == 0 {
                thread::sleep(Duration::from_micros(random.random_range(0..2_000)));
            }
            executor.shutdown_with(ShutdownOptions::new().wait(round % 3 == 0));
            drop(executor);
            assert!(future.result().is_ok());
        }
    });
}

// Behaviours: TMO-07.
#[test]
fn a_pool_whose_workers_have_all_exited_can_be_shut_down() {
    watch::within(watch::HANG, || {
        let executor = builder(1).idle_timeout(SHORT).build().unwrap();
        let mut events = executor.events();
        let worker = executor.submit(pid, ()).result().unwrap();
        assert_eq!(await_exit(&mut events).0.pid, worker);
        drop(executor);
        let rest: Vec<EventKind> = events.map(|event: Event| event.kind).collect();
        assert_eq!(rest, [EventKind::ShutDown]);
    });
}

/// The initializer: in the second worker it waits to be released.
fn wait_in_second_place(places: Places) {
    if worker_id() == Some(1) {
        cross(places);
    }
}

#[test]
fn idle_workers_stay_until_start_workers_has_its_number() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2)
            .idle_timeout(Duration::from_millis(1))
            .initializer_with_args(wait_in_second_place, crossing.places())
            .build()
            .unwrap();
        let mut events = executor.events();
        let ready = executor.start_workers(2);
        crossing.wait_for(1);
        // The first would have exited long before.
        let until = Instant::now() + 10 * SHORT;
        while let Some(event) = events.next_timeout(until - Instant::now().min(until)) {
            assert!(!matches!(event.kind, EventKind::WorkerExited(..)), "{event:?}");
        }
        crossing.let_go(1);
        assert_eq!(ready.result(), Ok(()));
        let left = [await_exit(&mut events), await_exit(&mut events)];
        assert!(left.iter().all(|(_, reason)| *reason == ExitReason::Idle), "{left:?}");
    });
}

#[test]
fn a_worker_stays_until_its_own_idle_timeout() {
    watch::within(watch::HANG, || {
        let executor = builder(1).idle_timeout(NEVER).build().unwrap();
        let events = executor.events();
        let futures: Vec<Future<u32>> = (0..100).map(|_| executor.submit(pid, ())).collect();
        let first = futures[0].result();
        assert!(futures.iter().all(|future| future.result() == first));
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Finished]);
    });
}
