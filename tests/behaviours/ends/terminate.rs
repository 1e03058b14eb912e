//! `terminate_workers` and `kill_workers`: ends by force.

use std::thread;

use nix::sys::signal::{SigSet, Signal};
use procpool::{
    BrokenCause, DeathPolicy, Error, ExitReason, Future, ProcessPoolExecutor, ShutdownOptions,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::os::{is_gone, signal};
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::{gate, watch};
use serde::de::DeserializeOwned;

use crate::behaviours::lives::{
    NEVER, SHORT, await_exit, await_start, builder, count, exits, note, park, refuse_sigterm, until,
};
use crate::behaviours::policies::nesting::keep_busy_inside;

/// A way to end a pool by force.
type End = fn(&ProcessPoolExecutor);

/// Both ways.
const WAYS: [(End, BrokenCause); 2] = [
    (ProcessPoolExecutor::terminate_workers, BrokenCause::Terminated),
    (ProcessPoolExecutor::kill_workers, BrokenCause::Killed),
];

fn cause_for<T: DeserializeOwned + 'static>(future: &Future<T>) -> BrokenCause {
    match future.result() {
        Err(Error::BrokenProcessPool(broken)) => broken.cause().clone(),
        Err(other) => panic!("not a broken pool: {other}"),
        Ok(_) => panic!("it has a result"),
    }
}

/// A task that does not end by SIGTERM.
fn deaf(places: Places) -> u32 {
    refuse_sigterm();
    cross(places)
}

fn finishes((places, path): (Places, String)) {
    cross(places);
    note((path, "finished".to_owned()));
}

// Behaviours: SHUT-17, SHUT-19, SHUT-21.
#[test]
fn ending_by_force_fails_running_and_pending_tasks() {
    watch::within(watch::HANG, || {
        for (end, cause) in WAYS {
            let crossing = Crossing::new();
            let path = crossing.file("notes");
            let executor = builder(2).build().unwrap();
            let done = executor.submit(pid, ());
            let worker = done.result().unwrap();
            let running = executor.submit(finishes, (crossing.places(), path.clone()));
            crossing.wait_for(1);
            let other = executor.submit(cross, crossing.places());
            crossing.wait_for(1);
            let queued: Vec<_> =
                (0..100).map(|_| executor.submit(note, (path.clone(), "ran".to_owned()))).collect();
            let mapped = executor.map(pid, [(); 10]);
            let cancelled = executor.submit(pid, ());
            assert!(cancelled.cancel());
            end(&executor);
            assert_eq!((cause_for(&running), cause_for(&other)), (cause.clone(), cause.clone()));
            assert!(queued.iter().all(|future| future.done() && cause_for(future) == cause));
            assert_eq!(mapped.filter(Result::is_err).count(), 10);
            assert_eq!(cancelled.result(), Err(Error::Cancelled));
            assert_eq!(cause_for(&executor.submit(pid, ())), cause);
            assert_eq!(done.result(), Ok(worker));
            // The gate is open for a task that still lives.
            crossing.let_go(2);
            executor.shutdown();
            assert!(is_gone(worker));
            let finished = count(&path, "finished");
            // SIGKILL leaves no time for anything; a SIGTERM that is on its way might.
            assert!(finished == 0 || cause == BrokenCause::Terminated);
            assert_eq!(count(&path, "ran"), 0);
        }
    });
}

// Behaviours: SHUT-18.
#[test]
fn ending_by_force_is_harmless_without_workers_and_after_the_end() {
    watch::within(watch::HANG, || {
        for (end, cause) in WAYS {
            let executor = builder(1).build().unwrap();
            end(&executor);
            end(&executor);
            assert_eq!(cause_for(&executor.submit(pid, ())), cause);
            for (other, _) in WAYS {
                other(&executor);
            }
            executor.shutdown_with(ShutdownOptions::new().cancel_futures(true));
            end(&executor);
            assert_eq!(cause_for(&executor.submit(pid, ())), cause, "the first cause stays");
            let ended = builder(1).build().unwrap();
            ended.submit(pid, ()).result().unwrap();
            ended.shutdown();
            end(&ended);
        }
    });
}

// Behaviours: BRK-07, SHUT-17.
#[test]
fn a_worker_that_refuses_sigterm_is_killed_after_the_grace() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).grace(SHORT).build().unwrap();
        let events = executor.events();
        let (deaf, other) =
            (executor.submit(deaf, crossing.places()), executor.submit(cross, crossing.places()));
        crossing.wait_for(2);
        executor.terminate_workers();
        assert!(deaf.done() && other.done(), "told at once");
        executor.shutdown();
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Killed, ExitReason::Killed]);
    });
}

// Behaviours: BRK-07.
#[test]
fn a_sibling_that_refuses_sigterm_delays_no_failure_and_no_end() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).grace(NEVER).build().unwrap();
        let deaf = executor.submit(deaf, crossing.places());
        crossing.wait_for(1);
        let dies = executor.submit(|()| kill_self(), ());
        assert!(matches!(cause_for(&dies), BrokenCause::WorkerDied(_)));
        assert!(matches!(cause_for(&deaf), BrokenCause::WorkerDied(_)));
        executor.shutdown();
    });
}

// Behaviours: SHUT-17, SHUT-19.
#[test]
fn a_worker_that_ignores_terminate_can_still_be_killed() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).grace(NEVER).build().unwrap();
        let deaf = executor.submit(deaf, crossing.places());
        crossing.wait_for(1);
        executor.terminate_workers();
        executor.kill_workers();
        executor.shutdown();
        assert_eq!(cause_for(&deaf), BrokenCause::Terminated, "the first cause stays");
    });
}

#[test]
fn repeated_terminate_calls_do_not_extend_the_grace() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).grace(25 * SHORT).build().unwrap();
        let mut events = executor.events();
        executor.submit(deaf, crossing.places());
        crossing.wait_for(1);
        thread::scope(|scope| {
            let ended = scope.spawn(|| await_exit(&mut events).1);
            until(|| {
                executor.terminate_workers();
                ended.is_finished()
            });
            assert_eq!(ended.join().unwrap(), ExitReason::Killed);
        });
    });
}

#[test]
fn terminating_gives_a_worker_time_to_exit_by_itself() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).grace(NEVER).build().unwrap();
        let events = executor.events();
        let handles = |(arrived, path): (String, String)| {
            let mut sigterm = SigSet::empty();
            sigterm.add(Signal::SIGTERM);
            sigterm.thread_block().expect("a signal can be blocked");
            gate::give(&arrived);
            sigterm.wait().expect("it can be waited for");
            note((path, "told".to_owned()));
            std::process::exit(0);
        };
        let path = crossing.file("notes");
        let running: Future<()> = executor.submit(handles, (crossing.places().0, path.clone()));
        crossing.wait_for(1);
        executor.terminate_workers();
        executor.shutdown();
        assert_eq!(cause_for(&running), BrokenCause::Terminated);
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Killed]);
        assert_eq!(count(&path, "told"), 1);
    });
}

#[test]
fn a_stopped_worker_is_killed_by_terminate() {
    watch::within(watch::HANG, || {
        let executor = builder(1).grace(SHORT).build().unwrap();
        let worker = executor.submit(pid, ()).result().unwrap();
        signal(worker, Signal::SIGSTOP);
        executor.terminate_workers();
        executor.shutdown();
        assert!(is_gone(worker));
    });
}

// Behaviours: SHUT-19.
#[test]
fn ending_by_force_also_ends_workers_that_are_starting() {
    watch::within(watch::HANG, || {
        for (end, cause) in WAYS {
            for policy in [DeathPolicy::Break, DeathPolicy::Replace { retries: 9 }] {
                let executor = builder(4).death_policy(policy).build().unwrap();
                let mut events = executor.events();
                let futures: Vec<_> = (0..4).map(|_| executor.submit(|()| park(), ())).collect();
                // Some are started, some are not, and some are starting.
                let first = await_start(&mut events);
                end(&executor);
                assert!(futures.iter().all(|future| cause_for(future) == cause));
                executor.shutdown();
                drop(executor);
                assert!(is_gone(first.pid));
                assert!(exits(events).iter().all(|reason| *reason == ExitReason::Killed));
            }
        }
    });
}

// Behaviours: SHUT-20.
#[test]
fn ending_by_force_also_ends_workers_of_nested_pools() {
    watch::within(watch::HANG, || {
        for (end, _) in WAYS {
            let crossing = Crossing::new();
            let who = crossing.file("inner");
            let executor = builder(1).build().unwrap();
            executor.submit(keep_busy_inside, (crossing.places(), who.clone()));
            crossing.wait_for(1);
            let inner = Watched::new(std::fs::read_to_string(who).unwrap().parse().unwrap());
            end(&executor);
            executor.shutdown();
            assert!(inner.ended_within(watch::HANG));
        }
    });
}
