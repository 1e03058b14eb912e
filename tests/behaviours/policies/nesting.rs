//! Pools inside tasks: they work, and no part of them outlives the worker.

use std::process::Command;

use procpool::{
    Activity, DeathPolicy, Error, Event, EventKind, ExitReason, Future, KillOutcome,
    ProcessPoolExecutor, StartMethod, Stats, WorkerExit,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{SHORT, builder, exits, until};

/// Runs a pool in a task; the inner task records its pid and stops at the crossing.
pub(crate) fn keep_busy_inside((places, who): (Places, String)) {
    let executor = builder(1).build().expect("a pool can be made in a worker");
    let task = |(places, who): (Places, String)| {
        std::fs::write(who, std::process::id().to_string()).expect("the folder is there");
        cross(places)
    };
    let _ = executor.submit(task, (places, who)).result();
}

/// The same by a worker's state: its pool stays when the task is over.
fn open_inside() -> Result<ProcessPoolExecutor, Error> {
    builder(1).build()
}

/// A pool inside a task, inside a task, `depth` times; returns the depth.
fn nest(depth: u32) -> u32 {
    if depth == 0 {
        return 0;
    }
    let executor = builder(1).build().expect("a pool can be made in a worker");
    executor.submit(nest, depth - 1).result().expect("the inner task has a result") + 1
}

/// The inner worker of a running task, by its pid.
fn inner(crossing: &Crossing) -> Watched {
    crossing.wait_for(1);
    let text = std::fs::read_to_string(crossing.file("inner")).unwrap();
    Watched::new(text.parse().expect("a number"))
}

/// The outcome of a nested pool: its error, its statistics, its events, and its settings.
fn fail_inside((): ()) -> (Error, Stats, Vec<Event>, (StartMethod, DeathPolicy)) {
    let replace = DeathPolicy::Replace { retries: 0 };
    let executor =
        builder(1).death_policy(replace).build().expect("a pool can be made in a worker");
    let events = executor.events();
    let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
    let stats = executor.stats();
    drop(executor);
    (error.expect("it exits"), stats, events.collect(), (StartMethod::Spawn, replace))
}

#[test]
fn the_outcome_of_a_nested_pool_can_be_a_tasks_result() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let (error, stats, events, _) = executor.submit(fail_inside, ()).result().unwrap();
        let Error::WorkerDied(death) = error else { panic!("{error}") };
        assert_eq!((death.exit, death.activity), (WorkerExit::Code(3), Activity::Running(1)));
        assert_eq!((stats.failed, stats.done), (1, 0));
        let exited = events.iter().find_map(|event| match event.kind {
            EventKind::WorkerExited(worker, reason) => Some((worker.pid, reason)),
            _ => None,
        });
        assert_eq!(exited, Some((death.pid, ExitReason::Died(WorkerExit::Code(3)))), "{events:?}");
    });
}

// Behaviours: NEST-01.
#[test]
fn a_task_may_start_processes_of_its_own() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let echo = |text: String| {
            let output = Command::new("/bin/echo").arg(text).output().expect("it is there");
            String::from_utf8(output.stdout).expect("it is text")
        };
        assert_eq!(executor.submit(echo, "hello".to_owned()).result(), Ok("hello\n".to_owned()));
    });
}

// Behaviours: NEST-02, NEST-03.
#[test]
fn pools_nest() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let events = executor.events();
        assert_eq!(executor.submit(nest, 5).result(), Ok(5));
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Finished]);
    });
}

// Behaviours: NEST-05.
#[test]
fn a_failure_in_a_nested_pool_reaches_the_outer_caller() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let outer = |()| {
            let executor = builder(1).build().expect("a pool can be made in a worker");
            let inner: Future<()> = executor.submit(|()| panic!("deep inside"), ());
            inner.error().map(|error| error.to_string())
        };
        let text = executor.submit(outer, ()).result().unwrap().expect("it failed");
        assert!(text.contains("deep inside"), "{text}");
        assert_works(&executor);
    });
}

// Behaviours: NEST-04.
#[test]
fn a_worker_that_still_has_a_pool_exits_with_it() {
    watch::within(watch::HANG, || {
        let executor = builder(1).initializer(open_inside).build().unwrap();
        let events = executor.events();
        let inner = executor.submit_with(|inner, ()| inner.submit(pid, ()).result().unwrap(), ());
        let inner = Watched::new(inner.result().unwrap());
        drop(executor);
        assert!(inner.ended_within(watch::HANG));
        assert_eq!(exits(events), [ExitReason::Finished]);
    });
}

// Behaviours: NEST-04.
#[test]
fn killing_a_task_ends_its_nested_pool() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).build().unwrap();
        let task = executor.submit(keep_busy_inside, (crossing.places(), crossing.file("inner")));
        let inner = inner(&crossing);
        assert_eq!(task.kill(), KillOutcome::Killed);
        assert!(inner.ended_within(watch::HANG));
        assert_works(&executor);
    });
}

// Behaviours: NEST-04.
#[test]
fn a_task_over_its_time_limit_ends_its_nested_pool() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).grace(SHORT).build().unwrap();
        let forever = |places| {
            keep_busy_inside(places);
            until(|| false);
        };
        let limited = executor.submit_options().time_limit(50 * SHORT);
        let task = limited.submit(forever, (crossing.places(), crossing.file("inner")));
        let inner = inner(&crossing);
        assert!(matches!(task.result(), Err(Error::TimeLimitExceeded { .. })));
        assert!(inner.ended_within(watch::HANG));
        assert_works(&executor);
    });
}

#[test]
fn a_nested_pool_is_independent_of_the_outer_one() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let outer = |()| {
            let executor = builder(2).build().expect("a pool can be made in a worker");
            executor.start_workers(2).result().expect("they get ready");
            let place = executor.submit(|()| procpool::worker_id(), ()).result();
            let idle = executor.stats().idle;
            (idle, place.is_ok_and(|place| place.is_some()), procpool::worker_id())
        };
        assert_eq!(executor.submit(outer, ()).result(), Ok((2, true, Some(0))));
    });
}
