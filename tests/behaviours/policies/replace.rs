//! `DeathPolicy::Replace`: a worker that dies costs its own task, or not even that, at any moment of its
//! life.

use std::sync::Arc;
use std::sync::mpsc::channel;

use nix::sys::signal::Signal;
use procpool::{Activity, DeathPolicy, Error, EventKind, ExitReason, Future, WorkerExit};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::signal;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{
    await_exit, builder, count, exits, note, park, replacing, stop_at, until,
};

/// Notes that it runs, and kills its worker.
fn die(path: String) {
    note((path, "dies".to_owned()));
    kill_self();
}

/// The same, but only the first time.
fn die_once(path: String) -> u32 {
    if !std::fs::exists(&path).expect("the folder is readable") {
        die(path.clone());
    }
    note((path, "lives".to_owned()))
}

/// Waits for a task to fail with its worker; returns how the worker ended, and its activity.
fn death_of<T: serde::de::DeserializeOwned + 'static>(
    future: &Future<T>,
) -> (WorkerExit, Activity) {
    match future.result() {
        Err(Error::WorkerDied(death)) => (death.exit, death.activity),
        Err(other) => panic!("not a worker's death: {other}"),
        Ok(_) => panic!("it has a result"),
    }
}

// Behaviours: BRK-17.
#[test]
fn only_the_dead_workers_task_fails_and_the_worker_is_replaced() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = replacing(2, 0);
        let sibling = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let dies = executor.submit(die, crossing.file("notes"));
        let queued: Vec<_> = (0..20).map(|_| executor.submit(pid, ())).collect();
        assert_eq!(death_of(&dies), (WorkerExit::Signal(9), Activity::Running(2)));
        assert!(queued.iter().all(|future| future.result().is_ok()));
        assert!(sibling.running());
        let other = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        crossing.let_go(2);
        assert_ne!(sibling.result().unwrap(), other.result().unwrap(), "two at a time");
        assert_eq!(count(&crossing.file("notes"), "dies"), 1);
    });
}

// Behaviours: BRK-16.
#[test]
fn a_task_after_the_death_of_an_idle_worker_runs_on_another() {
    watch::within(watch::HANG, || {
        let executor = replacing(1, 1);
        for _ in 0..20 {
            let idle = executor.submit(pid, ()).result().unwrap();
            // Sent to a dead worker, to one that still claims it and dies, or after it was noticed.
            signal(idle, Signal::SIGKILL);
            assert_ne!(executor.submit(pid, ()).result().unwrap(), idle);
        }
    });
}

#[test]
fn a_task_is_tried_exactly_as_often_as_retries_allow() {
    watch::within(watch::HANG, || {
        for retries in [0, 1, 3] {
            let crossing = Crossing::new();
            let executor = replacing(2, retries);
            let events = executor.events();
            let dies = executor.submit(die, crossing.file("notes"));
            assert_eq!(death_of(&dies), (WorkerExit::Signal(9), Activity::Running(1)));
            assert_works(&executor);
            drop(executor);
            let retried = events.filter(|event| event.kind == EventKind::TaskRetried(1)).count();
            assert_eq!(retried, retries as usize);
            assert_eq!(count(&crossing.file("notes"), "dies"), 1 + retried);
        }
    });
}

#[test]
fn a_retried_task_may_succeed() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = replacing(1, 1);
        let future = executor.submit(die_once, crossing.file("call"));
        let chunk: Vec<_> = executor
            .map_options()
            .chunksize(2)
            .map(die_once, vec![crossing.file("chunk"); 2])
            .collect();
        let worker = future.result().unwrap();
        assert_eq!(count(&crossing.file("call"), "lives"), 1);
        assert_ne!(chunk[0].clone().unwrap(), worker);
        assert_eq!(chunk[0], chunk[1]);
        assert_eq!(
            (count(&crossing.file("chunk"), "dies"), count(&crossing.file("chunk"), "lives")),
            (1, 2)
        );
    });
}

// Behaviours: BRK-17.
#[test]
fn tasks_sent_behind_a_task_that_dies_run_elsewhere_once() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = replacing(1, 0);
        (0..200).for_each(|_| drop(executor.submit(|()| (), ())));
        let mut others = Vec::new();
        let mut dead = Vec::new();
        for number in 0..100 {
            others.push(executor.submit(note, (path.clone(), format!("{number}"))));
            if number % 20 == 10 {
                dead.push(executor.submit(die, path.clone()));
            }
        }
        assert!(others.iter().all(|future| future.result().is_ok()));
        dead.iter().for_each(|future| assert_eq!(death_of(future).0, WorkerExit::Signal(9)));
        assert!((0..100).all(|number| count(&path, &number.to_string()) == 1));
        assert_eq!(count(&path, "dies"), 5);
    });
}

#[test]
fn a_task_can_be_cancelled_before_its_retry() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 9 })
            .initializer_with_args(stop_at, crossing.places())
            .build()
            .unwrap();
        let mut events = executor.events();
        let path = crossing.file("notes");
        let future = executor.submit(die, path.clone());
        crossing.wait_for(1);
        crossing.let_go(1);
        await_exit(&mut events);
        // The next worker is in its initializer.
        crossing.wait_for(1);
        assert!(future.cancel());
        crossing.let_go(1);
        assert_works(&executor);
        assert_eq!(future.result(), Err(Error::Cancelled));
        assert_eq!(count(&path, "dies"), 1);
    });
}

#[test]
fn killing_a_worker_that_never_exits_is_not_a_death() {
    watch::within(watch::HANG, || {
        let executor = replacing(1, 9);
        let events = executor.events();
        let endless = executor.submit(|()| park(), ());
        until(|| endless.running());
        assert_eq!(endless.kill(), procpool::KillOutcome::Killed);
        assert!(matches!(endless.result(), Err(Error::TaskKilled { .. })), "it is not tried again");
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Killed]);
    });
}

fn end_by(how: u32) {
    match how {
        0 => kill_self(),
        1 => std::process::exit(0),
        2 => std::process::abort(),
        _ => drop(nix::sys::signal::raise(Signal::SIGSEGV)),
    }
}

// Behaviours: BRK-20.
#[test]
fn a_task_submitted_by_a_callback_may_die_like_any_other() {
    watch::within(watch::HANG, || {
        let executor = Arc::new(replacing(1, 0));
        for how in 0..4 {
            let (sender, receiver) = channel();
            let pool = Arc::clone(&executor);
            executor.submit(pid, ()).add_done_callback(move |_| {
                sender.send(pool.submit(end_by, how)).expect("somebody waits");
            });
            let dies = receiver.recv().expect("the callback runs");
            assert!(matches!(dies.result(), Err(Error::WorkerDied(_))), "{how}: {dies:?}");
        }
        assert_works(&executor);
    });
}
