//! `start_workers`: workers before tasks.

use std::time::Duration;

use nix::sys::signal::Signal;
use procpool::{BrokenCause, DeathPolicy, Error, EventKind, Events, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::forked::report_of;
use procpool_testkit::limits::{Limit, first_free_descriptor};
use procpool_testkit::os::signal;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{await_event, await_exit, builder, count, note};

fn initializer((places, path): (Places, String)) {
    note((path, "begins".to_owned()));
    cross(places);
}

// Behaviours: SHUT-33.
#[test]
fn start_workers_starts_only_the_missing_workers() {
    watch::within(watch::HANG, || {
        let executor = builder(3).build().unwrap();
        assert_eq!(executor.start_workers(0).result(), Ok(()));
        assert_eq!(executor.stats().idle, 0, "none is needed for none");
        for wanted in [1, 2, 1, 3, 3] {
            assert_eq!(executor.start_workers(wanted).result(), Ok(()));
            assert!(executor.stats().idle >= wanted);
        }
        assert_eq!(executor.stats().idle, 3);
        let error = Error::InvalidArgument("start_workers takes at most max_workers".into());
        assert_eq!(executor.start_workers(4).result(), Err(error));
        assert_works(&executor);
    });
}

#[test]
fn start_workers_waits_for_the_initializers() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2)
            .initializer_with_args(initializer, (crossing.places(), crossing.file("notes")))
            .build()
            .unwrap();
        let (one, two) = (executor.start_workers(1), executor.start_workers(2));
        crossing.wait_for(2);
        assert!(!one.done() && !two.done());
        assert_eq!(executor.stats().starting, 2);
        crossing.let_go(1);
        assert_eq!(one.result(), Ok(()));
        assert!(!two.done());
        crossing.let_go(1);
        assert_eq!(two.result(), Ok(()));
        assert_eq!(count(&crossing.file("notes"), "begins"), 2);
    });
}

// Behaviours: SHUT-33.
#[test]
fn start_workers_after_an_end_fails() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        executor.start_workers(1).result().unwrap();
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        assert_eq!(executor.start_workers(1).result(), Err(Error::Shutdown));
        assert_eq!(executor.start_workers(0).result(), Err(Error::Shutdown));
        let executor = builder(1).build().unwrap();
        executor.kill_workers();
        let Err(Error::BrokenProcessPool(broken)) = executor.start_workers(1).result() else {
            panic!()
        };
        assert_eq!(*broken.cause(), BrokenCause::Killed);
    });
}

// Behaviours: SHUT-33.
#[test]
fn start_workers_fails_if_the_pool_ends_before_they_are_ready() {
    watch::within(watch::HANG, || {
        for kill in [true, false] {
            let crossing = Crossing::new();
            let executor = builder(1)
                .initializer_with_args(initializer, (crossing.places(), crossing.file("notes")))
                .build()
                .unwrap();
            let ready = executor.start_workers(1);
            crossing.wait_for(1);
            if kill {
                executor.kill_workers();
                assert!(matches!(ready.result(), Err(Error::BrokenProcessPool(_))));
            } else {
                executor.shutdown_with(ShutdownOptions::new().wait(false));
                assert_eq!(ready.result(), Err(Error::Shutdown));
                crossing.let_go(1);
            }
        }
    });
}

#[test]
fn start_workers_reports_an_initializer_that_fails() {
    watch::within(watch::HANG, || {
        for policy in [DeathPolicy::Break, DeathPolicy::Replace { retries: 0 }] {
            let fails = || -> Result<(), String> { Err("no".to_owned()) };
            let executor = builder(1).death_policy(policy).initializer(fails).build().unwrap();
            let Err(Error::BrokenProcessPool(broken)) = executor.start_workers(1).result() else {
                panic!()
            };
            assert!(matches!(broken.cause(), BrokenCause::InitializerFailed { .. }), "{broken}");
        }
    });
}

#[test]
fn a_cancelled_start_workers_starts_no_worker() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = builder(2)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .initializer_with_args(initializer, (crossing.places(), path.clone()))
            .build()
            .unwrap();
        let mut events = executor.events();
        let ready = executor.start_workers(1);
        crossing.wait_for(1);
        assert!(ready.cancel() && ready.cancelled());
        assert_eq!(ready.result(), Err(Error::Cancelled));
        // The worker that was started for it dies, and no other one is needed.
        let [worker] = started_by_now(&mut events)[..] else { panic!("one was started") };
        signal(worker, Signal::SIGKILL);
        await_exit(&mut events);
        let none = events.next_timeout(Duration::from_millis(100)).map(|event| event.kind);
        assert!(!matches!(none, Some(EventKind::WorkerStarted(_))), "{none:?}");
        crossing.let_go(1);
        assert_works(&executor);
        assert_eq!(count(&path, "begins"), 2);
    });
}

fn started_by_now(events: &mut Events) -> Vec<u32> {
    std::iter::from_fn(|| events.try_next())
        .filter_map(|event| match event.kind {
            EventKind::WorkerStarted(worker) => Some(worker.pid),
            _ => None,
        })
        .collect()
}

#[test]
fn a_dead_worker_does_not_count_as_started() {
    watch::within(watch::HANG, || {
        let executor =
            builder(2).death_policy(DeathPolicy::Replace { retries: 0 }).build().unwrap();
        let mut events = executor.events();
        executor.start_workers(2).result().unwrap();
        let first = executor.submit(pid, ()).result().unwrap();
        signal(first, Signal::SIGKILL);
        await_event(&mut events, |kind| matches!(kind, EventKind::WorkerExited(..)).then_some(()));
        assert_eq!(executor.stats().idle, 1);
        executor.start_workers(2).result().unwrap();
        assert_eq!((executor.stats().idle, executor.stats().restarts), (2, 1));
    });
}

#[test]
fn a_start_refused_by_the_system_is_reported_and_the_others_work() {
    watch::within(watch::HANG, || {
        // A copy of this program, because the limit applies to the whole process.
        let report = report_of(|| {
            let executor = builder(30).build().unwrap();
            executor.start_workers(1).result().unwrap();
            Limit::Descriptors.set(first_free_descriptor() + 20);
            let error =
                executor.start_workers(30).result_timeout(watch::HANG).map_err(
                    |error| match error {
                        Error::WorkersNotStarted(cause) => {
                            matches!(*cause, BrokenCause::StartFailed { .. })
                        }
                        _ => false,
                    },
                );
            assert_works(&executor);
            Limit::Descriptors.open();
            let room = executor.start_workers(30).result_timeout(watch::HANG);
            format!("{error:?}, then {room:?}")
        });
        assert_eq!(report, "Err(true), then Ok(())");
    });
}

/// Succeeds only in the first worker.
fn only_once(path: String) -> Result<(), String> {
    let options = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    options.map(drop).map_err(|_| "there is one already".to_owned())
}

#[test]
fn initializer_failures_beside_a_worker_are_reported_after_the_last_try() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let builder = builder(2).death_policy(DeathPolicy::Replace { retries: 0 });
        let builder = builder.max_failed_starts(3);
        let executor =
            builder.initializer_with_args(only_once, crossing.file("first")).build().unwrap();
        let mut events = executor.events();
        executor.start_workers(1).result().unwrap();
        let Err(Error::WorkersNotStarted(cause)) = executor.start_workers(2).result() else {
            panic!("two are ready")
        };
        assert!(matches!(*cause, BrokenCause::InitializerFailed { .. }), "{cause}");
        let starts = std::iter::from_fn(|| events.try_next())
            .filter(|event| matches!(event.kind, EventKind::WorkerStarted(_)));
        assert_eq!(starts.count(), 4, "one, and three attempts at once");
        assert_works(&executor);
    });
}

#[test]
fn start_workers_does_not_count_a_worker_in_its_last_task() {
    watch::within(watch::HANG, || {
        let executor = builder(1).max_tasks_per_child(1).build().unwrap();
        let crossing = Crossing::new();
        let last = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let ready = executor.start_workers(1);
        assert!(!ready.done());
        crossing.let_go(1);
        last.result().unwrap();
        ready.result().unwrap();
        assert_eq!(executor.stats().idle, 1);
    });
}
