//! `max_tasks_per_child`: workers that have run their number of tasks exit, and others replace them.

use std::collections::HashMap;

use procpool::{Error, ExitReason, Future, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::is_gone;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{await_exit, builder, count, exits, note, notes};

fn pool(max_workers: usize, tasks: u64) -> ProcessPoolExecutor {
    builder(max_workers).max_tasks_per_child(tasks).build().expect("a pool can be made")
}

/// The number of tasks of each worker.
fn tasks_of(pids: impl IntoIterator<Item = u32>) -> HashMap<u32, u64> {
    let mut tasks = HashMap::new();
    pids.into_iter().for_each(|pid| *tasks.entry(pid).or_default() += 1);
    tasks
}

fn results(futures: &[Future<u32>]) -> Vec<u32> {
    futures.iter().map(|future| future.result().expect("no task fails")).collect()
}

// Behaviours: CFG-04.
#[test]
fn zero_tasks_per_child_are_an_invalid_argument() {
    let error = builder(1).max_tasks_per_child(0).build().unwrap_err();
    assert_eq!(error, Error::InvalidArgument("max_tasks_per_child must be greater than 0".into()));
}

// Behaviours: MTC-01, MTC-08.
#[test]
fn a_worker_exits_after_its_last_task_and_another_runs_the_next() {
    watch::within(watch::HANG, || {
        let executor = pool(1, 3);
        let mut events = executor.events();
        let pids: Vec<u32> = (0..3).map(|_| executor.submit(pid, ()).result().unwrap()).collect();
        assert!(pids[0] == pids[1] && pids[1] == pids[2]);
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (pids[0], ExitReason::Recycled));
        assert!(is_gone(pids[0]));
        assert_ne!(executor.submit(pid, ()).result().unwrap(), pids[0]);
    });
}

// Behaviours: MTC-02, MTC-04.
#[test]
fn a_backlog_is_done_by_the_fewest_possible_workers() {
    watch::within(watch::HANG, || {
        for (workers, tasks, backlog) in
            [(1, 2, 6), (2, 2, 8), (1, 2, 10), (1, 2, 4), (1, 3, 10), (1, 60, 500)]
        {
            let executor = pool(workers, tasks);
            let futures: Vec<_> = (0..backlog).map(|_| executor.submit(pid, ())).collect();
            let ran = tasks_of(results(&futures));
            assert!(ran.values().all(|ran| *ran <= tasks), "{ran:?}");
            if workers == 1 {
                assert_eq!(ran.len() as u64, u64::div_ceil(backlog, tasks), "{ran:?}");
            }
        }
    });
}

// Behaviours: MTC-03.
#[test]
fn a_shutdown_right_after_the_submissions_loses_no_task() {
    watch::within(watch::HANG, || {
        let executor = pool(3, 1);
        let events = executor.events();
        let futures: Vec<_> = (0..6).map(|_| executor.submit(pid, ())).collect();
        executor.shutdown();
        assert!(futures.iter().all(Future::done));
        assert_eq!(tasks_of(results(&futures)).len(), 6);
        drop(executor);
        let reasons = exits(events);
        assert_eq!(reasons.iter().filter(|reason| **reason == ExitReason::Recycled).count(), 6);
    });
}

// Behaviours: MTC-06.
#[test]
fn failed_tasks_count_towards_max_tasks_per_child() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = pool(1, 2);
        let fails = |path: String| {
            note((path, "fails".to_owned()));
            panic!("no")
        };
        let futures: [Future<()>; 4] =
            std::array::from_fn(|_| executor.submit(fails, path.clone()));
        assert!(futures.iter().all(|future| matches!(future.result(), Err(Error::Panicked(_)))));
        let ran = tasks_of(notes(&path).into_iter().map(|(pid, _)| pid));
        assert_eq!(ran.into_values().collect::<Vec<_>>(), [2, 2]);
    });
}

// Behaviours: MTC-07.
#[test]
fn retired_workers_are_reaped_while_the_pool_lives() {
    watch::within(watch::HANG, || {
        let executor = pool(1, 1);
        let mut events = executor.events();
        let pids: Vec<u32> = (0..20).map(|_| executor.submit(pid, ()).result().unwrap()).collect();
        for pid in pids {
            assert_eq!(await_exit(&mut events).0.pid, pid);
            assert!(is_gone(pid));
        }
    });
}

// Behaviours: MTC-04.
#[test]
fn tasks_taken_back_do_not_count_towards_max_tasks_per_child() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1, 60);
        let worker = executor.submit(pid, ()).result().unwrap();
        // Short ones first, so that others are sent ahead; all of those are cancelled.
        let short: Vec<_> = (0..48).map(|_| executor.submit(pid, ())).collect();
        let running = executor.submit(cross, crossing.places());
        let ahead: Vec<_> = (0..30).map(|_| executor.submit(pid, ())).collect();
        crossing.wait_for(1);
        assert!(ahead.iter().all(Future::cancel));
        crossing.let_go(1);
        assert_eq!(running.result(), Ok(worker));
        assert!(results(&short).iter().all(|pid| *pid == worker));
        let rest: Vec<u32> = (0..11).map(|_| executor.submit(pid, ()).result().unwrap()).collect();
        assert!(rest[..10].iter().all(|pid| *pid == worker), "50 and 10 of 60");
        assert_ne!(rest[10], worker);
    });
}

// Behaviours: MTC-04.
#[test]
fn a_chunk_of_a_map_is_one_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1, 2);
        let pids: Result<Vec<u32>, _> =
            executor.map_options().chunksize(2).map(|_: u32| std::process::id(), 0..12).collect();
        let ran = tasks_of(pids.unwrap());
        assert_eq!(ran.into_values().collect::<Vec<_>>(), [4, 4, 4]);
    });
}

fn count_start(path: String) {
    note((path, "initialized".to_owned()));
}

// Behaviours: INIT-09, MTC-04.
#[test]
fn each_replacement_runs_the_initializer_once() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = builder(1)
            .max_tasks_per_child(2)
            .initializer_with_args(count_start, path.clone())
            .build()
            .unwrap();
        let ran = tasks_of((0..8).map(|_| executor.submit(pid, ()).result().unwrap()));
        drop(executor);
        assert_eq!(ran.len(), 4);
        let starts = tasks_of(notes(&path).into_iter().map(|(pid, _)| pid));
        assert!(ran.keys().all(|pid| starts.get(pid) == Some(&1)), "{starts:?}");
        assert!(starts.values().all(|starts| *starts == 1));
    });
}

// Behaviours: SHUT-27.
#[test]
fn a_failure_in_a_workers_last_task_arrives_during_a_shutdown() {
    watch::within(watch::HANG, || {
        for workers in [2, 4] {
            let executor = pool(workers, 1);
            let fails: Future<()> = executor.submit(|()| panic!("no"), ());
            executor.shutdown_with(ShutdownOptions::new().wait(false));
            drop(executor);
            assert!(matches!(fails.result(), Err(Error::Panicked(_))));
        }
    });
}

// Behaviours: SHUT-28, SHUT-29.
#[test]
fn accepted_tasks_run_if_every_worker_exits_after_one_task() {
    watch::within(watch::HANG, || {
        for shut_down in [true, false] {
            let crossing = Crossing::new();
            let path = crossing.file("notes");
            let executor = pool(1, 1);
            let name = |number: u32| (path.clone(), number.to_string());
            let futures: Vec<_> =
                (0..3).map(|number| executor.submit(note, name(number))).collect();
            if shut_down {
                executor.shutdown_with(ShutdownOptions::new().wait(false));
            }
            drop(executor);
            assert_eq!(tasks_of(results(&futures)).len(), 3);
            assert!((0..3).all(|number: u32| count(&path, &number.to_string()) == 1));
        }
    });
}

#[test]
fn a_worker_with_tasks_left_does_not_retire() {
    watch::within(watch::HANG, || {
        let executor = pool(1, u64::MAX);
        let first = executor.submit(pid, ()).result();
        (0..100).for_each(|_| assert_works(&executor));
        assert_eq!(executor.submit(pid, ()).result(), first);
    });
}
