//! Two workers in one slot, one after the other: the second is started early, waits, and never overlaps
//! with the first; and no task waits for it that could have another one.

use std::collections::HashMap;
use std::sync::OnceLock;

use procpool::{BrokenCause, Builder, Error, ExitReason, ShutdownOptions, worker_id};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::is_gone;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{await_exit, await_start, builder, count, exits, note, notes};

type Where = (Places, String);

/// The initializer: notes its pid and slot; its state is the input of the finalizer.
fn begin((places, path): Where) -> Result<Where, String> {
    note((path.clone(), format!("begins {}", worker_id().expect("a worker"))));
    Ok((places, path))
}

fn end((_, path): Where) {
    note((path, format!("ends {}", worker_id().expect("a worker"))));
}

/// A finalizer that stops at the crossing.
fn end_slowly((places, path): Where) {
    cross(places);
    end((Places::default(), path));
}

fn noting(max_workers: usize, crossing: &Crossing, finalizer: fn(Where)) -> Builder<Where> {
    builder(max_workers)
        .max_tasks_per_child(1)
        .initializer_with_args(begin, (crossing.places(), crossing.file("notes")))
        .finalizer(finalizer)
}

// Behaviours: MTC-01.
#[test]
fn a_slot_never_has_two_running_workers() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = noting(2, &crossing, end).build().unwrap();
        let futures: Vec<_> = (0..24).map(|_| executor.submit(pid, ())).collect();
        assert!(futures.iter().all(|future| future.result().is_ok()));
        drop(executor);
        let notes = notes(&crossing.file("notes"));
        let mut there = HashMap::new();
        for (pid, what) in &notes {
            match what.split_once(' ').unwrap() {
                ("begins", place) => assert_eq!(there.insert(place, pid), None, "{notes:?}"),
                (_, place) => assert_eq!(there.remove(place), Some(pid), "{notes:?}"),
            }
        }
        assert!(there.is_empty() && notes.len() >= 48, "{notes:?}");
    });
}

#[test]
fn a_replacement_waits_for_the_finalizer_of_the_one_before() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = noting(1, &crossing, end_slowly).build().unwrap();
        let mut events = executor.events();
        let first = executor.submit(pid, ()).result().unwrap();
        // It is in its finalizer.
        crossing.wait_for(1);
        let second = executor.submit(pid, ());
        assert_eq!(await_start(&mut events).pid, first);
        let replacement = await_start(&mut events);
        assert_eq!(replacement.id, 0);
        assert_eq!(count(&crossing.file("notes"), "begins 0"), 1);
        crossing.let_go(2);
        assert_eq!(second.result(), Ok(replacement.pid));
        drop(executor);
        let notes = notes(&crossing.file("notes"));
        let (first, second) = (first, replacement.pid);
        let order: Vec<(u32, &str)> = notes.iter().map(|(pid, what)| (*pid, &what[..4])).collect();
        assert_eq!(order, [(first, "begi"), (first, "ends"), (second, "begi"), (second, "ends")]);
    });
}

#[test]
fn a_task_waits_for_no_replacement_while_another_slot_is_free() {
    watch::within(watch::HANG, || {
        let long = Crossing::new();
        let short = Crossing::new();
        let executor = builder(2).max_tasks_per_child(1).build().unwrap();
        let mut events = executor.events();
        // 1. One worker is in a long task, its last; another one in a short one, its last too.
        let endless = executor.submit(cross, long.places());
        long.wait_for(1);
        let ends = executor.submit(cross, short.places());
        short.wait_for(1);
        // 2. A third task starts a worker in one of the two slots: that of the long one.
        let started = [await_start(&mut events), await_start(&mut events)];
        let third = executor.submit(pid, ());
        let replacement = await_start(&mut events);
        assert_eq!(replacement.id, started[0].id);
        // 3. The other slot becomes free.
        short.let_go(1);
        ends.result().unwrap();
        assert!(third.result().is_ok(), "it does not wait for the long one");
        assert!(endless.running());
        long.let_go(1);
        endless.result().unwrap();
    });
}

/// The file for notes, in a worker that has run the initializer.
static NOTES: OnceLock<String> = OnceLock::new();

fn take_note(what: &str) {
    note((NOTES.get().expect("the initializer has run").clone(), what.to_owned()));
}

#[test]
fn an_unneeded_replacement_exits_without_running_anything() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let initializer = |path| {
            NOTES.set(path).expect("it runs once");
            take_note("begins");
        };
        let executor = builder(1)
            .max_tasks_per_child(1)
            .initializer_with_args(initializer, path.clone())
            .finalizer(|()| take_note("ends"))
            .build()
            .unwrap();
        let mut events = executor.events();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        await_start(&mut events);
        let second = executor.submit(pid, ());
        let replacement = await_start(&mut events);
        assert!(second.cancel());
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        // It has run no initializer, and has nothing to finalize.
        assert_eq!(await_exit(&mut events), (replacement, ExitReason::Finished));
        assert!(running.running());
        crossing.let_go(1);
        let first = running.result().unwrap();
        drop(executor);
        assert_eq!(await_exit(&mut events).1, ExitReason::Recycled);
        let expected = ["begins", "ends"].map(|what| (first, what.to_owned()));
        assert_eq!(notes(&path), expected);
    });
}

// Behaviours: SHUT-30.
#[test]
fn kill_workers_while_a_worker_retires_starts_no_replacement() {
    watch::within(watch::HANG, || {
        for terminate in [true, false] {
            let crossing = Crossing::new();
            let executor = noting(1, &crossing, end_slowly).build().unwrap();
            let events = executor.events();
            let first = executor.submit(pid, ()).result().unwrap();
            crossing.wait_for(1);
            let queued = executor.submit(pid, ());
            let expected = if terminate {
                executor.terminate_workers();
                BrokenCause::Terminated
            } else {
                executor.kill_workers();
                BrokenCause::Killed
            };
            let Err(Error::BrokenProcessPool(broken)) = queued.result() else { panic!("it ran") };
            assert_eq!(*broken.cause(), expected);
            drop(executor);
            assert!(is_gone(first));
            // One in its slot may have been started before that; it never reached its begin.
            let reasons = exits(events);
            assert!(
                reasons.len() <= 2 && reasons.iter().all(|reason| *reason == ExitReason::Killed)
            );
            assert_eq!(count(&crossing.file("notes"), "begins 0"), 1);
            assert_eq!(count(&crossing.file("notes"), "ends 0"), 0);
        }
    });
}
