//! A worker dies at each moment of its life, in a pool that replaces dead workers: started, waiting for
//! its slot, in its initializer, asked to stop, terminated, exiting.

use std::collections::HashSet;

use assert_cmd::Command;
use nix::sys::signal::Signal;
use procpool::{
    DeathPolicy, Error, ExitReason, Future, ProcessPoolExecutor, ShutdownOptions, WorkerExit,
    should_stop,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::os::signal;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::{gate, program, watch};

use crate::behaviours::lives::{
    NEVER, SHORT, await_exit, await_start, builder, exits, refuse_sigterm, replacing, stop_at,
    until,
};

const KILLED: ExitReason = ExitReason::Died(WorkerExit::Signal(9));

#[test]
fn workers_killed_as_soon_as_they_start_are_replaced() {
    watch::within(watch::HANG, || {
        let executor = replacing(1, 9);
        let mut events = executor.events();
        let future = executor.submit(pid, ());
        let killed: HashSet<u32> = (0..2)
            .map(|_| {
                let worker = await_start(&mut events);
                signal(worker.pid, Signal::SIGKILL);
                assert_eq!(await_exit(&mut events), (worker, KILLED));
                // Its death only matters if there is a task.
                drop(executor.submit(pid, ()));
                worker.pid
            })
            .collect();
        future.result().unwrap();
        assert!(!killed.contains(&executor.submit(pid, ()).result().unwrap()));
    });
}

#[test]
fn a_worker_that_dies_in_its_initializer_is_replaced() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .initializer_with_args(stop_at, crossing.places())
            .build()
            .unwrap();
        let mut events = executor.events();
        let future = executor.submit(pid, ());
        for _ in 0..2 {
            let worker = await_start(&mut events);
            crossing.wait_for(1);
            signal(worker.pid, Signal::SIGKILL);
            assert_eq!(await_exit(&mut events), (worker, KILLED));
        }
        let worker = await_start(&mut events);
        crossing.let_go(1);
        assert_eq!(future.result(), Ok(worker.pid));
    });
}

#[test]
fn a_worker_that_dies_while_waiting_for_its_slot_is_replaced() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .max_tasks_per_child(1)
            .build()
            .unwrap();
        let mut events = executor.events();
        let first = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        await_start(&mut events);
        let second = executor.submit(pid, ());
        let waits = await_start(&mut events);
        signal(waits.pid, Signal::SIGKILL);
        assert_eq!(await_exit(&mut events), (waits, KILLED));
        assert!(first.running() && !second.done());
        crossing.let_go(1);
        let third = await_start(&mut events);
        first.result().unwrap();
        assert_eq!(second.result(), Ok(third.pid));
    });
}

#[test]
fn a_worker_that_dies_while_exiting_delays_nothing() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .initializer_with_args(Ok::<Places, String>, crossing.places())
            .finalizer(stop_at)
            .build()
            .unwrap();
        let events = executor.events();
        let worker = executor.submit(pid, ()).result().unwrap();
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        crossing.wait_for(1);
        signal(worker, Signal::SIGKILL);
        executor.shutdown();
        drop(executor);
        assert_eq!(exits(events), [KILLED]);
    });
}

#[test]
fn a_worker_that_dies_after_its_task_was_asked_to_stop_breaks_nothing() {
    watch::within(watch::HANG, || {
        for policy in [DeathPolicy::Break, DeathPolicy::Replace { retries: 9 }] {
            let crossing = Crossing::new();
            let executor = builder(1).death_policy(policy).grace(NEVER).build().unwrap();
            let mut events = executor.events();
            let stops = |arrived: String| {
                until(should_stop);
                gate::give(&arrived);
                std::process::exit(3)
            };
            let late =
                executor.submit_options().time_limit(SHORT).submit(stops, crossing.places().0);
            let result: Result<(), Error> = late.result();
            assert!(matches!(result, Err(Error::TimeLimitExceeded { .. })), "{result:?}");
            crossing.wait_for(1);
            assert_eq!(await_exit(&mut events).1, ExitReason::Died(WorkerExit::Code(3)));
            assert_works(&executor);
        }
    });
}

#[test]
fn where_panics_abort_a_panic_at_a_stop_request_breaks_nothing() {
    let build =
        || [program::command("policies_ends"), program::command_with_abort("policies_ends")];
    // Building may take longer than a hang, so it is done before the case starts.
    build();
    watch::within(watch::HANG, move || {
        for program in build() {
            let run = Command::from_std(program).env("MODE", "panic").assert().success();
            run.stdout("true\ntrue\nOk(2)\n");
        }
    });
}

#[test]
fn a_worker_that_dies_after_sigterm_breaks_nothing() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).grace(SHORT).build().unwrap();
        let mut events = executor.events();
        // It gets SIGTERM, notes that, and dies by its own hand before SIGKILL, or by that.
        let late = executor.submit_options().time_limit(SHORT).submit(
            |arrived: String| {
                refuse_sigterm();
                until(|| {
                    let pending =
                        std::fs::read_to_string("/proc/self/status").expect("it is there");
                    let pending = pending.lines().find_map(|line| line.strip_prefix("ShdPnd:\t"));
                    pending.is_some_and(|pending| !pending.trim_start_matches('0').is_empty())
                });
                gate::give(&arrived);
                kill_self();
            },
            crossing.places().0,
        );
        assert!(matches!(late.result(), Err(Error::TimeLimitExceeded { .. })));
        assert_eq!(await_exit(&mut events).1, ExitReason::TimeLimitExceeded);
        assert_works(&executor);
    });
}

#[test]
fn a_death_that_races_a_shutdown_loses_no_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor: ProcessPoolExecutor = replacing(1, 1);
        let worker = executor.submit(pid, ()).result().unwrap();
        let watched = Watched::new(worker);
        let once = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let queued: Vec<_> = (0..10).map(|_| executor.submit(pid, ())).collect();
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        signal(worker, Signal::SIGKILL);
        assert!(watched.ended_within(watch::HANG));
        crossing.wait_for(1);
        crossing.let_go(1);
        executor.shutdown();
        assert!(once.done() && queued.iter().all(Future::done));
        assert_ne!(once.result().unwrap(), worker);
        assert!(queued.iter().all(|future| future.result().is_ok()));
    });
}
