//! The number of workers, and the times at which they are started.

use std::collections::HashSet;
use std::convert::Infallible;
use std::path::Path;
use std::thread;

use nix::libc;
use procpool::{Builder, Error, EventKind, ProcessPoolExecutor};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};

use crate::behaviours::pools::pool;

// Behaviours: CFG-01.
#[test]
fn zero_workers_are_an_invalid_argument() {
    let crossing = Crossing::new();
    let path = crossing.file("trace");
    let error = traced(0, &path).build().unwrap_err();
    assert_eq!(error, Error::InvalidArgument("max_workers must be greater than 0".into()));
    assert_eq!(error.to_string(), "invalid argument: max_workers must be greater than 0");
    assert_eq!(started(&path), 0);
}

// Behaviours: CFG-08.
#[test]
fn the_default_number_of_workers_is_that_of_usable_cpus() {
    watch::within(watch::HANG, || {
        let cpus = thread::available_parallelism().unwrap().get();
        assert_eq!(workers_of_a_default_pool(4 * cpus, cpus), cpus);
    });
}

// Behaviours: CFG-08.
#[test]
fn a_cpu_outside_the_affinity_mask_does_not_count() {
    // The case has a thread of its own, so the affinity is changed only for it and its pool.
    watch::within(watch::HANG, || {
        use_one_cpu();
        assert_eq!(workers_of_a_default_pool(8, 1), 1);
        let cpus = |()| thread::available_parallelism().map_or(0, usize::from);
        assert_eq!(pool(1).submit(cpus, ()).result(), Ok(1), "workers may use that one, too");
    });
}

/// Returns how many workers ran `tasks` tasks, of which `together` stop until all of them run.
fn workers_of_a_default_pool(tasks: usize, together: usize) -> usize {
    let crossing = Crossing::new();
    let executor = crate::builder().build().unwrap();
    assert_eq!(executor.max_workers(), together);
    assert!(format!("{executor:?}").contains(&format!("max_workers: {together}")), "{executor:?}");
    let futures: Vec<_> = (0..tasks).map(|_| executor.submit(cross, crossing.places())).collect();
    crossing.wait_for(together);
    crossing.let_go(tasks);
    let pids: HashSet<u32> = futures.iter().map(|future| future.result().unwrap()).collect();
    pids.len()
}

/// Confines the calling thread to the first CPU that it may use.
fn use_one_cpu() {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: all-zero bytes are a valid, empty set.
    let mut usable: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `usable` is writable and of the size that is passed; 0 is the calling thread.
    assert_eq!(unsafe { libc::sched_getaffinity(0, size, &raw mut usable) }, 0);
    let first = (0..libc::CPU_SETSIZE as usize)
        // SAFETY: the number is below the size of the set.
        .find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &usable) })
        .expect("it runs somewhere");
    // SAFETY: as above.
    let mut one: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `first` is below the size of the set.
    unsafe { libc::CPU_SET(first, &mut one) };
    // SAFETY: `one` is readable and of the size that is passed.
    assert_eq!(unsafe { libc::sched_setaffinity(0, size, &raw const one) }, 0);
}

/// Returns a builder of a pool whose workers record that they were started.
fn traced(max_workers: usize, path: &str) -> Builder {
    fn started(path: String) -> Result<(), Infallible> {
        trace::append(&path, "started");
        Ok(())
    }
    let builder = crate::builder().max_workers(max_workers);
    builder.initializer_with_args(started, path.to_owned())
}

fn traced_pool(max_workers: usize, path: &str) -> ProcessPoolExecutor {
    traced(max_workers, path).build().unwrap()
}

/// The number of workers that recorded their start. Final once the pool was dropped.
fn started(path: &str) -> usize {
    trace::read::<String>(Path::new(path)).len()
}

// Behaviours: CFG-09, MAP-05.
#[test]
fn a_pool_without_tasks_never_starts_a_worker() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = traced_pool(4, &path);
        assert_eq!(executor.map(pid, []).count(), 0);
        drop(executor);
        assert_eq!(started(&path), 0);
    });
}

// Behaviours: SPAWN-03.
#[test]
fn workers_are_started_just_in_time() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = traced_pool(8, &path);
        for busy in 1..=3 {
            executor.submit(cross, crossing.places());
            crossing.wait_for(1);
            assert_eq!(started(&path), busy, "one worker per task that runs");
        }
        crossing.let_go(3);
        drop(executor);
        assert_eq!(started(&path), 3, "none in advance");
    });
}

// Behaviours: SPAWN-01.
#[test]
fn an_idle_worker_is_used_before_another_is_started() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = traced_pool(8, &path);
        let pids: HashSet<u32> =
            (0..20).map(|_| executor.submit(pid, ()).result().unwrap()).collect();
        assert_eq!(pids.len(), 1);
        drop(executor);
        assert_eq!(started(&path), 1);
    });
}

// Behaviours: SPAWN-02.
#[test]
fn no_more_workers_are_started_than_tasks_were_unfinished_at_once() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = traced_pool(8, &path);
        for _ in 0..3 {
            let [first, second] = [executor.submit(pid, ()), executor.submit(pid, ())];
            assert!(first.result().is_ok() && second.result().is_ok());
        }
        drop(executor);
        assert!((1..=2).contains(&started(&path)), "{} workers", started(&path));
    });
}

// Behaviours: SUB-22, SUB-23, SPAWN-04.
#[test]
fn a_pool_never_has_more_workers_than_max_workers() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let executor = traced_pool(2, &path);
        let places = crossing.places();
        let futures: Vec<_> = (0..30).map(|_| executor.submit(cross, places.clone())).collect();
        crossing.wait_for(2);
        assert_eq!(futures.iter().filter(|future| future.running()).count(), 2);
        crossing.let_go(30);
        let pids: HashSet<u32> = futures.iter().map(|future| future.result().unwrap()).collect();
        assert_eq!(pids.len(), 2, "two tasks ran at once, so there were two workers");
        drop(executor);
        assert_eq!(started(&path), 2);
    });
}

// Behaviours: CFG-13.
#[test]
fn a_pool_may_be_larger_than_the_machine() {
    watch::within(watch::HANG, || {
        let more = 2 * thread::available_parallelism().unwrap().get() + 2;
        let crossing = Crossing::new();
        let executor = pool(more);
        let futures: Vec<_> =
            (0..more).map(|_| executor.submit(cross, crossing.places())).collect();
        crossing.wait_for(more);
        crossing.let_go(more);
        let pids: HashSet<u32> = futures.iter().map(|future| future.result().unwrap()).collect();
        assert_eq!(pids.len(), more);
    });
}

#[test]
fn the_builder_shows_its_start_timeout() {
    let builder = crate::builder().start_timeout(watch::HANG);
    assert!(format!("{builder:?}").contains("start_timeout: 60s"), "{builder:?}");
}

#[test]
fn short_tasks_finish_before_many_workers_are_started() {
    watch::within(watch::HANG, || {
        let used = |work: fn(&ProcessPoolExecutor)| {
            let executor = crate::builder().max_workers(usize::MAX).build().unwrap();
            let events = executor.events();
            work(&executor);
            drop(executor);
            events.filter(|event| matches!(event.kind, EventKind::WorkerStarted(_))).count()
        };
        let started = used(|executor| {
            let results = executor.map(|x: u32| x + 1, 0..1_000);
            assert!(results.map(Result::unwrap).eq(1..1_001));
        });
        assert!(started < 500, "{started} workers for a map of 1,000");
        let started = used(|executor| {
            let futures: Vec<_> = (0..1_000).map(|x: u32| executor.submit(|x| x, x)).collect();
            assert!(futures.iter().all(|future| future.result().is_ok()));
        });
        assert!(started < 500, "{started} workers for 1,000 tasks");
    });
}
