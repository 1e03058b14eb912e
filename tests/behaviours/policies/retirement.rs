//! Workers that retire by a rule of their own: a task asks for it, or its memory has grown too large.

use std::collections::HashSet;
use std::hint::black_box;

use procpool::{DeathPolicy, Error, ExitReason, retire_worker};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::is_gone;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{await_exit, builder};
use crate::behaviours::pools::pool;

fn retire((): ()) -> u32 {
    retire_worker();
    std::process::id()
}

#[test]
fn a_worker_whose_task_retires_it_runs_nothing_more() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let mut events = executor.events();
        let first = executor.submit(pid, ()).result().unwrap();
        // Known to be short, so that many are sent ahead, behind the one that retires, too.
        (0..200).for_each(|_| drop(executor.submit(pid, ())));
        let before: Vec<_> = (0..500).map(|_| executor.submit(pid, ())).collect();
        let retires = executor.submit(retire, ());
        let behind: Vec<_> = (0..500).map(|_| executor.submit(pid, ())).collect();
        assert!(before.iter().all(|future| future.result() == Ok(first)));
        assert_eq!(retires.result(), Ok(first), "its result counts");
        let others: HashSet<_> = behind.iter().map(|future| future.result().unwrap()).collect();
        assert!(others.len() == 1 && !others.contains(&first), "{others:?}, not {first}");
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (first, ExitReason::Recycled));
        assert!(is_gone(first));
    });
}

#[test]
fn each_of_many_tasks_may_retire_its_worker() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let pids: HashSet<u32> = executor
            .map_options()
            .chunksize(1)
            .map(retire, [(); 8])
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(pids.len(), 8, "no worker runs two");
        assert_works(&executor);
    });
}

#[test]
fn a_chunk_whose_item_retires_the_worker_is_finished_first() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let mut chunks = executor.map_options().chunksize(4).map(retire, [(); 8]);
        let pids: Vec<u32> = chunks.by_ref().collect::<Result<_, _>>().unwrap();
        assert!(pids[..4].iter().all(|pid| *pid == pids[0]));
        assert!(pids[4..].iter().all(|pid| *pid == pids[4] && *pid != pids[0]));
    });
}

#[test]
fn retiring_outside_tasks_has_no_effect() {
    watch::within(watch::HANG, || {
        retire_worker();
        let executor = builder(1).initializer(retire_worker).build().unwrap();
        let first = executor.submit(pid, ()).result().unwrap();
        assert_eq!(executor.submit(pid, ()).result(), Ok(first));
    });
}

#[test]
fn a_task_that_retires_its_worker_and_dies_is_a_death() {
    watch::within(watch::HANG, || {
        let executor =
            builder(1).death_policy(DeathPolicy::Replace { retries: 0 }).build().unwrap();
        let dies = executor.submit(
            |()| -> u32 {
                retire_worker();
                std::process::abort()
            },
            (),
        );
        assert!(matches!(dies.result(), Err(Error::WorkerDied(_))));
        assert_works(&executor);
    });
}

/// Occupies memory that is never returned.
fn leak(mebibytes: usize) -> u32 {
    std::mem::forget(black_box(vec![1_u8; mebibytes << 20]));
    std::process::id()
}

#[test]
fn a_worker_with_too_much_memory_is_replaced_after_its_task() {
    watch::within(watch::HANG, || {
        let executor = builder(1).max_memory_per_child(200 << 20).build().unwrap();
        let mut events = executor.events();
        let first = executor.submit(leak, 0).result().unwrap();
        assert_eq!(executor.submit(leak, 50).result(), Ok(first), "that is not too much");
        assert_eq!(executor.submit(leak, 200).result(), Ok(first), "its result counts");
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (first, ExitReason::Recycled));
        assert_ne!(executor.submit(leak, 0).result().unwrap(), first);
    });
}

#[test]
fn workers_run_different_numbers_of_tasks_where_jitter_is_asked_for() {
    watch::within(watch::HANG, || {
        const LEAST: usize = 4;
        const JITTER: usize = 12;
        let executor = builder(1)
            .max_tasks_per_child(LEAST as u64)
            .max_tasks_jitter(JITTER as u64)
            .build()
            .unwrap();
        let pids: Vec<u32> = (0..150).map(|_| executor.submit(pid, ()).result().unwrap()).collect();
        let runs: Vec<usize> = pids.chunk_by(|one, next| one == next).map(<[u32]>::len).collect();
        let (_unfinished, whole) = runs.split_last().unwrap();
        assert!(whole.iter().all(|run| (LEAST..=LEAST + JITTER).contains(run)), "{runs:?}");
        assert!(whole.iter().collect::<HashSet<_>>().len() > 3, "{runs:?}");
    });
}

#[test]
fn a_retired_worker_is_replaced_while_another_one_is_busy() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let first = executor.submit(retire, ()).result().unwrap();
        assert_ne!(executor.submit(pid, ()).result().unwrap(), first);
        crossing.let_go(1);
        assert!(busy.result().is_ok());
    });
}
