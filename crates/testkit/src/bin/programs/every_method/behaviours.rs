//! Behaviours of a pool without any end.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;

use procpool::{BrokenCause, Error, ProcessPoolExecutor};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::pool::cause_reported_by;
use procpool_testkit::task::pid;
use procpool_testkit::{os, trace};

use super::support::{builder, method, pool};

/// The file to which a worker writes its records.
struct Trace(String);

fn initialize(path: String) -> Result<Trace, Infallible> {
    trace::append(&path, "initialized");
    Ok(Trace(path))
}

fn cross_with(trace: &mut Trace, places: (String, String)) -> u32 {
    trace::append(&trace.0, "task");
    cross(places)
}

pub(crate) fn the_initializer_runs_once_in_every_worker_before_its_tasks() {
    let crossing = Crossing::new();
    let path = crossing.file("trace");
    let pool = builder(2).initializer_with_args(initialize, path.clone()).build().unwrap();
    let tasks: Vec<_> = (0..6).map(|_| pool.submit_with(cross_with, crossing.places())).collect();
    crossing.wait_for(2);
    crossing.let_go(6);
    let pids: BTreeSet<u32> = tasks.iter().map(|task| task.result().unwrap()).collect();
    drop(pool);
    assert_eq!(pids.len(), 2);
    let records = trace::read::<String>(Path::new(&path));
    for pid in pids {
        let events = records.iter().filter(|record| record.pid == pid);
        let events: Vec<&str> = events.map(|record| record.event.as_str()).collect();
        assert_eq!(events[0], "initialized");
        assert!(events.len() > 1 && events[1..].iter().all(|event| *event == "task"), "{events:?}");
    }
}

pub(crate) fn a_failing_initializer_is_the_cause() {
    let pool = builder(2).initializer(|| Err::<(), _>("not today".to_owned())).build().unwrap();
    let cause = cause_reported_by(&pool.submit(pid, ()));
    let BrokenCause::InitializerFailed { message, .. } = &cause else { panic!("{cause}") };
    assert_eq!(message, "not today");
    assert_eq!(cause_reported_by(&pool.submit(pid, ())), cause);
}

pub(crate) fn map_keeps_the_order() {
    let pool = pool(3);
    let squares = |results: procpool::Map<u64>| results.collect::<Result<Vec<u64>, Error>>();
    let expected: Vec<u64> = (0..1000).map(|x| x * x).collect();
    assert_eq!(squares(pool.map(|x: u64| x * x, 0..1000)).as_ref(), Ok(&expected));
    let chunks = pool.map_options().chunksize(7).map(|x: u64| x * x, 0..1000);
    assert_eq!(squares(chunks).as_ref(), Ok(&expected));
}

pub(crate) fn long_payloads_survive_the_round_trip() {
    let pool = pool(2);
    let payload: Vec<u8> = (0..8 << 20).map(|index: u32| (index % 251) as u8).collect();
    let echoes = [(); 4].map(|()| pool.submit(|payload: Vec<u8>| payload, payload.clone()));
    for echo in echoes {
        assert!(echo.result().unwrap() == payload);
    }
}

pub(crate) fn state_stays_in_its_worker() {
    let count = |uses: &mut u32, (): ()| {
        *uses += 1;
        *uses
    };
    let pool = builder(1).initializer(|| Ok::<u32, Infallible>(10)).build().unwrap();
    let uses: Vec<u32> = (0..3).map(|_| pool.submit_with(count, ()).result().unwrap()).collect();
    assert_eq!(uses, [11, 12, 13]);
}

pub(crate) fn a_panic_fails_only_its_task() {
    let pool = pool(1);
    let worker = pool.submit(pid, ()).result().unwrap();
    let error = pool.submit(|x: u32| assert!(x == 0, "it was {x}"), 7).error();
    let Some(Error::Panicked(panic)) = error else { panic!("{error:?}") };
    assert_eq!(panic.message, "it was 7");
    assert!(panic.location.expect("the place is known").contains("behaviours.rs"));
    assert_eq!(pool.submit(pid, ()).result(), Ok(worker), "the worker lives on");
}

pub(crate) fn workers_start_just_in_time() {
    let this = std::process::id();
    let crossing = Crossing::new();
    let pool = pool(4);
    // The forkserver of a forked pool has been made, and is the only one.
    let in_build = usize::from(method() == "fork");
    assert_eq!(os::descendants_of(this).len(), in_build);
    let mut tasks = Vec::new();
    for busy in 1..=3 {
        tasks.push(pool.submit(cross, crossing.places()));
        crossing.wait_for(1);
        assert_eq!(os::workers_of(this).len(), busy, "one for each task that runs");
    }
    let servers = usize::from(method() != "spawn");
    assert_eq!(os::servers_of(this).len(), servers);
    crossing.let_go(3);
    assert!(tasks.iter().all(|task| task.result().is_ok()));
    for _ in 0..20 {
        pool.submit(pid, ()).result().unwrap();
    }
    assert_eq!(os::workers_of(this).len(), 3, "an idle worker comes first");
}

pub(crate) fn a_pending_task_can_be_cancelled() {
    let crossing = Crossing::new();
    let pool = pool(1);
    let running = pool.submit(cross, crossing.places());
    let path = crossing.file("never");
    let pending = pool.submit(|path: String| std::fs::write(path, "").is_ok(), path.clone());
    crossing.wait_for(1);
    assert!(!running.cancel());
    assert!(pending.cancel());
    crossing.let_go(1);
    assert!(running.result().is_ok());
    assert_eq!(pending.result(), Err(Error::Cancelled));
    drop(pool);
    assert!(!Path::new(&path).exists(), "it never ran");
}

pub(crate) fn a_task_may_have_a_pool() {
    let nested = |x: u32| {
        let inner = pool(2);
        inner.map(|x: u32| 2 * x, [x, x + 1]).collect::<Result<Vec<u32>, Error>>().unwrap()
    };
    let pool = pool(1);
    for _ in 0..3 {
        assert_eq!(pool.submit(nested, 4).result(), Ok(vec![8, 10]));
    }
}

pub(crate) fn init_may_be_called_again_anywhere() {
    procpool::init();
    let mut builder = builder(1).initializer(procpool::init).finalizer(|()| procpool::init());
    if method() != "spawn" {
        builder = builder.preload(procpool::init);
    }
    let pool = builder.build().expect("it can be built");
    let again = |x: u32| {
        procpool::init();
        let inner = ProcessPoolExecutor::builder().max_workers(1).build();
        procpool::init();
        inner.expect("tasks may have pools").submit(|x: u32| 2 * x, x).result().ok()
    };
    assert_eq!(pool.submit(again, 21).result(), Ok(Some(42)));
    assert_eq!(pool.submit(again, 21).result(), Ok(Some(42)));
    assert_eq!(pool.stats().restarts, 0);
}
