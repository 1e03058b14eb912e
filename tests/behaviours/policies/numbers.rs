//! `stats`: the pool in numbers.

use procpool::{DeathPolicy, Error, Future, ShutdownOptions, Stats, WorkerState};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::is_gone;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{SHORT, await_exit, builder, park, until};
use crate::behaviours::pools::busy_pool;

/// The number of workers, in any state.
fn workers(stats: &Stats) -> usize {
    stats.starting + stats.idle + stats.busy + stats.leaving
}

/// The number of tasks so far, without those that were cancelled.
fn tasks(stats: &Stats) -> u64 {
    (stats.queued + stats.running) as u64 + stats.done + stats.failed
}

#[test]
fn every_task_and_worker_is_counted_once_at_any_instant() {
    watch::within(watch::HANG, || {
        let executor = builder(3).build().unwrap();
        assert_eq!(executor.stats(), Stats::default());
        let mut futures = Vec::new();
        for submitted in 1..=2_000_u64 {
            futures.push(executor.submit(|x: u64| assert_ne!(x % 10, 0), submitted));
            let stats = executor.stats();
            assert_eq!(tasks(&stats), submitted, "{stats:?}");
            assert!(workers(&stats) <= 3, "{stats:?}");
        }
        until(|| {
            let stats = executor.stats();
            assert_eq!(tasks(&stats), 2_000, "{stats:?}");
            stats.done + stats.failed == 2_000
        });
        assert!(futures.iter().all(Future::done));
        let stats = executor.stats();
        assert_eq!((stats.done, stats.failed, stats.busy, stats.restarts), (1_800, 200, 0, 0));
    });
}

#[test]
fn queued_running_and_cancelled_tasks_are_counted_separately() {
    watch::within(watch::HANG, || {
        let (crossing, executor, running) = busy_pool();
        let waiting: Vec<_> = (0..5).map(|_| executor.submit(pid, ())).collect();
        let stats = executor.stats();
        assert_eq!((stats.queued, stats.running, stats.busy), (5, 1, 1));
        // Not the first one, behind which the queue would be cut off.
        assert!(waiting[2].cancel() && waiting[4].cancel());
        assert_eq!(executor.stats().queued, 3);
        crossing.let_go(1);
        assert!(running.result().is_ok() && waiting[3].result().is_ok());
        let stats = executor.stats();
        assert_eq!((stats.queued, stats.running, stats.done, stats.failed), (0, 0, 4, 0));
    });
}

#[test]
fn workers_are_named_with_their_states_in_the_order_of_their_numbers() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(3).build().unwrap();
        assert_eq!(executor.workers(), []);
        executor.start_workers(3).result().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let (workers, stats) = (executor.workers(), executor.stats());
        assert!(workers.iter().map(|(worker, _)| worker.id).eq(0..3), "{workers:?}");
        let of = |state| workers.iter().filter(|(_, its)| *its == state).count();
        assert_eq!((of(WorkerState::Busy), of(WorkerState::Idle)), (1, 2));
        assert_eq!((stats.busy, stats.idle), (1, 2));
        let (busy, _) = workers.iter().find(|(_, its)| *its == WorkerState::Busy).unwrap();
        crossing.let_go(1);
        assert!(running.result().is_ok());
        let named = executor.broadcast(pid, ()).result().unwrap();
        assert!(named.iter().any(|it| it.worker == *busy), "{named:?} without {busy}");
        executor.kill_workers();
        let leaves = |(_, state): &(_, _)| *state == WorkerState::Leaving;
        assert!(executor.workers().iter().all(leaves));
        until(|| executor.workers().is_empty());
    });
}

#[test]
fn chunks_count_as_tasks_and_cancelled_ones_not_as_failed() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).build().unwrap();
        let results = executor.map_options().chunksize(1).map(cross, vec![crossing.places(); 3]);
        crossing.wait_for(1);
        crossing.let_go(1);
        crossing.wait_for(1);
        let stats = executor.stats();
        assert_eq!((stats.running, stats.done), (1, 1));
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
        crossing.let_go(1);
        let results: Vec<_> = results.collect();
        assert_eq!(results[2], Err(Error::Cancelled));
        let stats = executor.stats();
        assert_eq!((stats.done, stats.failed), (2, 0));
    });
}

#[test]
fn failures_and_restarts_are_counted_by_kind() {
    watch::within(watch::HANG, || {
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 2 })
            .grace(SHORT)
            .build()
            .unwrap();
        let mut events = executor.events();
        let dies = executor.submit(|()| kill_self(), ());
        assert!(matches!(dies.result(), Err(Error::WorkerDied(_))));
        let stats = executor.stats();
        assert_eq!((stats.done, stats.failed, stats.restarts), (0, 1, 2), "tried three times");
        let late = executor.submit_options().time_limit(SHORT).submit(|()| park(), ());
        assert!(matches!(late.result(), Err(Error::TimeLimitExceeded { .. })));
        assert_eq!(executor.stats().failed, 2);
        let worker = executor.submit(pid, ()).result().unwrap();
        let killed = executor.submit(|()| park(), ());
        until(|| killed.running());
        killed.kill();
        assert_eq!(executor.stats().failed, 3);
        assert_eq!(executor.stats().done, 1);
        until(|| await_exit(&mut events).0.pid == worker);
        let stats = executor.stats();
        assert_eq!((workers(&stats), stats.running, stats.queued), (0, 0, 0));
        assert!(is_gone(worker));
        assert!(executor.submit(pid, ()).result().is_ok());
        assert_eq!(executor.stats().restarts, 5);
    });
}

#[test]
fn tasks_of_a_broken_pool_count_as_failed() {
    watch::within(watch::HANG, || {
        let (_crossing, executor, running) = busy_pool();
        let waiting: Vec<_> = (0..5).map(|_| executor.submit(pid, ())).collect();
        assert!(waiting[0].cancel());
        executor.kill_workers();
        assert!(running.done() && waiting.iter().all(Future::done));
        let stats = executor.stats();
        assert_eq!((stats.done, stats.failed, stats.queued, stats.running), (0, 5, 0, 0));
    });
}
