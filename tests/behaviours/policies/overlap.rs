//! Replacements that get ready beside the workers that they replace: those take tasks until then.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::fs::read_to_string;
use std::hint::black_box;
use std::time::Duration;

use procpool::{
    BrokenCause, Builder, DeathPolicy, Error, EventKind, Events, ExitReason, Future, Output,
    ProcessPoolExecutor, ShutdownOptions, retire_worker, worker_id,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::pool::cause_reported_by;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{
    NEVER, SHORT, await_event, await_exit, await_start, builder, count, exits, note, notes,
    stop_at, until,
};

/// A pool whose initializer stops at the crossing, except in the first `max_workers` workers.
fn stopping(max_workers: usize, starts: &Crossing) -> Builder {
    starts.let_go(max_workers);
    builder(max_workers).overlap_replacements(1).initializer_with_args(stop_at, starts.places())
}

/// Starts all workers.
fn started(builder: Builder, workers: usize, starts: &Crossing) -> (ProcessPoolExecutor, Events) {
    let executor = builder.build().unwrap();
    let events = executor.events();
    executor.start_workers(workers).result().unwrap();
    starts.wait_for(workers);
    (executor, events)
}

/// Runs `tasks` tasks at once, and returns their workers.
fn at_once(executor: &ProcessPoolExecutor, tasks: usize) -> HashSet<u32> {
    let crossing = Crossing::new();
    let futures: Vec<_> = (0..tasks).map(|_| executor.submit(cross, crossing.places())).collect();
    crossing.wait_for(tasks);
    crossing.let_go(tasks);
    futures.iter().map(|future| future.result().expect("no task fails")).collect()
}

#[test]
fn all_workers_take_tasks_until_each_in_turn_is_relieved() {
    watch::within(watch::HANG, || {
        const WORKERS: usize = 4;
        const TASKS: u64 = 6;
        let starts = Crossing::new();
        let builder = stopping(WORKERS, &starts).max_tasks_per_child(TASKS);
        let (executor, mut events) = started(builder, WORKERS, &starts);
        let in_order = [(); WORKERS].map(|()| await_start(&mut events).pid);
        let first = at_once(&executor, WORKERS);
        (1..TASKS).for_each(|_| assert_eq!(at_once(&executor, WORKERS), first));
        // All four are due: one replacement is in its initializer, and nobody waits for it.
        starts.wait_for(1);
        (0..TASKS).for_each(|_| assert_eq!(at_once(&executor, WORKERS), first));
        let mut old = first;
        for (pid, replaced) in in_order.into_iter().zip(1..) {
            let stats = executor.stats();
            assert_eq!((stats.idle, stats.starting, stats.leaving), (WORKERS, 1, 0));
            starts.let_go(1);
            let (worker, reason) = await_exit(&mut events);
            assert_eq!((worker.pid, reason), (pid, ExitReason::Recycled));
            old.remove(&pid);
            if replaced < WORKERS {
                starts.wait_for(1);
            }
            let now = at_once(&executor, WORKERS);
            assert!(now.len() == WORKERS && now.is_superset(&old));
        }
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Finished; WORKERS]);
    });
}

fn retire((): ()) -> u32 {
    retire_worker();
    std::process::id()
}

/// An initializer whose state is the input of the finalizer.
fn begin(path: String) -> Result<String, String> {
    note((path.clone(), format!("begins {}", worker_id().expect("a worker"))));
    Ok(path)
}

fn end(path: String) {
    note((path, format!("ends {}", worker_id().expect("a worker"))));
}

#[test]
fn there_are_never_more_workers_than_allowed_nor_two_with_one_id() {
    watch::within(watch::HANG, || {
        for (workers, overlap, tasks) in [(1, 1, 1), (2, 1, 1), (2, 2, 3), (3, 1, 2)] {
            let crossing = Crossing::new();
            let path = crossing.file("notes");
            let executor = builder(workers)
                .max_tasks_per_child(tasks)
                .overlap_replacements(overlap)
                .initializer_with_args(begin, path.clone())
                .finalizer(end)
                .build()
                .unwrap();
            let futures: Vec<_> = (0..60).map(|_| executor.submit(pid, ())).collect();
            assert!(futures.iter().all(|future| future.result().is_ok()));
            drop(executor);
            let notes = notes(&path);
            let (mut there, mut most) = (BTreeMap::new(), 0);
            for (pid, what) in &notes {
                match what.split_once(' ').unwrap() {
                    ("begins", id) => assert_eq!(there.insert(id, pid), None, "{notes:?}"),
                    (_, id) => assert_eq!(there.remove(id), Some(pid), "{notes:?}"),
                }
                most = most.max(there.len());
            }
            assert!(most <= workers + overlap, "{most}: {notes:?}");
            let ids: HashSet<&str> =
                notes.iter().map(|(_, what)| what.split_once(' ').unwrap().1).collect();
            assert!(ids.len() <= workers + overlap, "{ids:?}");
        }
    });
}

#[test]
fn a_worker_in_its_last_task_is_replaced_beside_it() {
    watch::within(watch::HANG, || {
        let (starts, tasks) = (Crossing::new(), Crossing::new());
        let builder = stopping(1, &starts).max_tasks_per_child(1);
        let (executor, mut events) = started(builder, 1, &starts);
        let running = executor.submit(cross, tasks.places());
        tasks.wait_for(1);
        // There is no other task. It gets the number that is free.
        starts.wait_for(1);
        assert_eq!(await_start(&mut events).id, 0);
        let replacement = await_start(&mut events);
        assert_eq!(replacement.id, 1);
        starts.let_go(1);
        assert_eq!(executor.submit(pid, ()).result(), Ok(replacement.pid));
        assert!(running.running());
        tasks.let_go(1);
        assert_eq!(await_exit(&mut events).0.id, 0);
        // That one is due now, and the first number is free again.
        starts.wait_for(1);
        assert_eq!(await_start(&mut events).id, 0);
        starts.let_go(1);
        assert!(running.result().is_ok());
    });
}

#[test]
fn a_worker_with_too_much_memory_takes_tasks_until_it_is_relieved() {
    watch::within(watch::HANG, || {
        let starts = Crossing::new();
        let builder = stopping(1, &starts).max_memory_per_child(200 << 20);
        let (executor, mut events) = started(builder, 1, &starts);
        let leak = |mebibytes: usize| {
            std::mem::forget(black_box(vec![1_u8; mebibytes << 20]));
            std::process::id()
        };
        let first = executor.submit(leak, 250).result().unwrap();
        starts.wait_for(1);
        (0..10).for_each(|_| assert_eq!(executor.submit(pid, ()).result(), Ok(first)));
        starts.let_go(1);
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (first, ExitReason::Recycled));
        assert_ne!(executor.submit(pid, ()).result().unwrap(), first);
    });
}

#[test]
fn a_worker_that_is_due_runs_nothing_more_once_a_task_retires_it() {
    watch::within(watch::HANG, || {
        let limits: [fn(Builder) -> Builder; 2] =
            [|builder| builder.max_tasks_per_child(1), |builder| builder.max_memory_per_child(1)];
        for limited in limits {
            let starts = Crossing::new();
            let (executor, mut events) = started(limited(stopping(1, &starts)), 1, &starts);
            let first = executor.submit(pid, ()).result().unwrap();
            // It is due, and its replacement is in the initializer.
            starts.wait_for(1);
            assert_eq!(executor.submit(retire, ()).result(), Ok(first));
            let next = executor.submit(pid, ());
            assert_eq!(await_exit(&mut events).0.pid, first);
            starts.let_go(1);
            assert_ne!(next.result().unwrap(), first);
            starts.let_go(1);
        }
    });
}

#[test]
fn after_a_task_retires_a_worker_its_replacement_waits_for_no_exit() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1)
            .overlap_replacements(1)
            .initializer_with_args(Ok::<Places, Infallible>, crossing.places())
            .finalizer(stop_at)
            .finalizer_time_limit(NEVER)
            .build()
            .unwrap();
        let first = executor.submit(retire, ()).result().unwrap();
        // It is in its finalizer.
        crossing.wait_for(1);
        assert_ne!(executor.submit(pid, ()).result().unwrap(), first);
        crossing.let_go(2);
    });
}

/// Fails in a worker that is not the first.
fn fail_later(path: String) -> Result<(), String> {
    note((path.clone(), "begins".to_owned()));
    if count(&path, "begins") == 1 { Ok(()) } else { Err("no answer".to_owned()) }
}

#[test]
fn while_replacements_fail_the_old_worker_takes_tasks() {
    watch::within(watch::HANG, || {
        for (backoff, starts) in [(None, 4), (Some(NEVER), 2)] {
            let crossing = Crossing::new();
            let path = crossing.file("notes");
            let mut builder = builder(1)
                .death_policy(DeathPolicy::Replace { retries: 0 })
                .max_tasks_per_child(1)
                .overlap_replacements(1);
            if let Some(delay) = backoff {
                builder = builder.start_backoff(delay, delay);
            }
            let builder = builder.initializer_with_args(fail_later, path.clone());
            let executor = builder.build().unwrap();
            let mut events = executor.events();
            let first = executor.submit(pid, ()).result().unwrap();
            for _ in 1..starts {
                let cause = await_event(&mut events, |kind| match kind {
                    EventKind::StartFailed(cause) => Some(cause),
                    _ => None,
                });
                assert!(matches!(cause, BrokenCause::InitializerFailed { .. }), "{cause}");
                assert_eq!(executor.submit(pid, ()).result(), Ok(first));
            }
            assert_eq!(executor.submit(pid, ()).result(), Ok(first));
        }
    });
}

#[test]
fn a_replacement_whose_initializer_fails_breaks_the_pool_by_default() {
    watch::within(watch::HANG, || {
        let (crossing, tasks) = (Crossing::new(), Crossing::new());
        let builder = builder(1).max_tasks_per_child(1).overlap_replacements(1);
        let builder = builder.initializer_with_args(fail_later, crossing.file("notes"));
        let executor = builder.build().unwrap();
        let running = executor.submit(cross, tasks.places());
        let cause = cause_reported_by(&running);
        assert!(matches!(cause, BrokenCause::InitializerFailed { .. }), "{cause}");
    });
}

#[test]
fn a_replacement_remains_if_the_worker_that_is_due_dies() {
    watch::within(watch::HANG, || {
        let (starts, tasks) = (Crossing::new(), Crossing::new());
        let builder = stopping(1, &starts).max_tasks_per_child(1);
        let builder = builder.death_policy(DeathPolicy::Replace { retries: 0 });
        let (executor, mut events) = started(builder, 1, &starts);
        let first = executor.submit(pid, ()).result().unwrap();
        starts.wait_for(1);
        let dies: Future<()> = executor.submit(|()| kill_self(), ());
        assert!(matches!(dies.result(), Err(Error::WorkerDied(_))));
        assert_eq!(await_exit(&mut events).0.pid, first);
        let next = executor.submit(cross, tasks.places());
        assert_eq!(executor.stats().starting, 1);
        starts.let_go(1);
        tasks.wait_for(1);
        let stats = executor.stats();
        assert_eq!((stats.running, stats.leaving), (1, 0));
        tasks.let_go(1);
        starts.let_go(1);
        assert_ne!(next.result().unwrap(), first);
    });
}

#[test]
fn idle_workers_are_replaced_once_and_exit_by_the_idle_timeout() {
    watch::within(watch::HANG, || {
        let starts = Crossing::new();
        let builder = stopping(2, &starts).max_tasks_per_child(1);
        let (executor, mut events) = started(builder.idle_timeout(NEVER), 2, &starts);
        at_once(&executor, 2);
        starts.let_go(2);
        starts.wait_for(2);
        (0..2).for_each(|_| assert_eq!(await_exit(&mut events).1, ExitReason::Recycled));
        assert_eq!(events.next_timeout(SHORT), None, "nothing happens without a task");
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Finished; 2]);
        // One that is due goes like any other, and its replacement starts all the same.
        let (starts, tasks) = (Crossing::new(), Crossing::new());
        let builder = stopping(1, &starts).max_tasks_per_child(1);
        let executor = builder.idle_timeout(SHORT).build().unwrap();
        let mut events = executor.events();
        let running = executor.submit(cross, tasks.places());
        starts.wait_for(2);
        tasks.let_go(1);
        assert!(running.result().is_ok());
        assert_eq!(await_exit(&mut events).1, ExitReason::Idle);
        starts.let_go(1);
        assert_eq!(await_exit(&mut events).1, ExitReason::Idle);
        assert_eq!(events.next_timeout(SHORT), None);
    });
}

#[test]
fn after_a_shutdown_workers_are_replaced_for_tasks_alone() {
    watch::within(watch::HANG, || {
        let (starts, tasks) = (Crossing::new(), Crossing::new());
        let builder = stopping(1, &starts).max_tasks_per_child(2);
        let (executor, events) = started(builder, 1, &starts);
        let futures = [(); 2].map(|()| executor.submit(cross, tasks.places()));
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        // The second one is its last, and nothing waits behind it.
        tasks.let_go(1);
        tasks.wait_for(2);
        assert_eq!(executor.stats().starting, 0);
        tasks.let_go(1);
        drop(executor);
        assert!(futures.iter().all(|future| future.result().is_ok()));
        assert_eq!(exits(events), [ExitReason::Finished], "it was the only one");
        // Here something does.
        let builder = stopping(1, &starts).max_tasks_per_child(1);
        let (executor, events) = started(builder, 1, &starts);
        let futures = [(); 3].map(|()| executor.submit(cross, tasks.places()));
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        tasks.wait_for(1);
        starts.wait_for(1);
        starts.let_go(1);
        // Beside the other one.
        tasks.wait_for(1);
        tasks.let_go(3);
        starts.let_go(1);
        drop(executor);
        assert!(futures.iter().all(|future| future.result().is_ok()));
        assert!(exits(events).contains(&ExitReason::Recycled));
    });
}

#[test]
fn kill_workers_ends_a_replacement_in_its_initializer() {
    watch::within(watch::HANG, || {
        let starts = Crossing::new();
        let builder = stopping(1, &starts).max_tasks_per_child(1);
        let (executor, events) = started(builder, 1, &starts);
        executor.submit(pid, ()).result().unwrap();
        starts.wait_for(1);
        executor.kill_workers();
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Killed; 2]);
    });
}

#[test]
fn a_worker_that_is_due_stays_so_if_tasks_are_taken_back_from_it() {
    watch::within(watch::HANG, || {
        for _ in 0..5 {
            let (starts, tasks) = (Crossing::new(), Crossing::new());
            let builder = stopping(1, &starts).max_tasks_per_child(720);
            let (executor, mut events) = started(builder, 1, &starts);
            let first = executor.submit(pid, ()).result().unwrap();
            // Known to be short, so that others are sent ahead, behind the one that stops, too.
            (0..200).for_each(|_| drop(executor.submit(pid, ())));
            (0..500).for_each(|_| drop(executor.submit(pid, ())));
            let running = executor.submit(cross, tasks.places());
            let ahead: Vec<_> = (0..500).map(|_| executor.submit(pid, ())).collect();
            tasks.wait_for(1);
            assert!(ahead.iter().all(Future::cancel));
            starts.let_go(100);
            tasks.let_go(1);
            assert_eq!(running.result(), Ok(first));
            let mut exited = None;
            until(|| {
                executor.submit(pid, ()).result().unwrap();
                exited = events.next_timeout(Duration::ZERO).map(|event| event.kind);
                matches!(exited, Some(EventKind::WorkerExited(..)))
            });
            let Some(EventKind::WorkerExited(worker, reason)) = exited else { panic!() };
            assert_eq!((worker.pid, reason), (first, ExitReason::Recycled));
        }
    });
}

#[test]
fn a_replacement_has_an_output_file_of_its_own() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1)
            .stdout(Output::File(crossing.file("{worker}.log").into()))
            .max_tasks_per_child(1)
            .overlap_replacements(1)
            .build()
            .unwrap();
        let says = |()| {
            let id = worker_id().expect("a worker");
            println!("{id}");
            id
        };
        // In turn: while one runs, the next one gets ready.
        until(|| executor.submit(says, ()).result().unwrap() == 1);
        until(|| executor.submit(says, ()).result().unwrap() == 0);
        drop(executor);
        for id in ["0", "1"] {
            let text = read_to_string(crossing.file(&format!("{id}.log"))).expect("it is there");
            assert!(!text.is_empty() && text.lines().all(|line| line == id), "{text}");
        }
    });
}
