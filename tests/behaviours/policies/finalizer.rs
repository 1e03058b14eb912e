//! `finalizer`: the last call of a worker, with the state that its initializer made.

use std::time::Duration;

use procpool::{Builder, Error, ExitReason, ShutdownOptions, WorkerExit};
use procpool_testkit::crossing::Crossing;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::lives::{
    NEVER, SHORT, await_exit, builder, count, exits, note, notes, park, until,
};

/// The reasons for which workers exit in order.
type Policy = fn(Builder<State>) -> Builder<State>;

/// A worker's state: the file for its notes, and the number of its tasks.
type State = (String, u32);

fn begin(path: String) -> Result<State, String> {
    note((path.clone(), "begins".to_owned()));
    Ok((path, 0))
}

fn end((path, tasks): State) {
    note((path, format!("ends after {tasks}")));
}

fn count_task(state: &mut State, _: ()) -> u32 {
    state.1 += 1;
    std::process::id()
}

fn noting(crossing: &Crossing, finalizer: fn(State)) -> Builder<State> {
    builder(1).initializer_with_args(begin, crossing.file("notes")).finalizer(finalizer)
}

#[test]
fn a_finalizer_gets_the_state_after_the_last_task_on_any_orderly_exit() {
    watch::within(watch::HANG, || {
        let ways: [(Policy, ExitReason); 3] = [
            (|builder| builder, ExitReason::Finished),
            (|builder| builder.idle_timeout(SHORT), ExitReason::Idle),
            (|builder| builder.max_tasks_per_child(3), ExitReason::Recycled),
        ];
        for (way, reason) in ways {
            let crossing = Crossing::new();
            let executor = way(noting(&crossing, end)).build().unwrap();
            let mut events = executor.events();
            // At once: a worker that is idle for the idle timeout would exit in between.
            let futures = [0; 3].map(|_| executor.submit_with(count_task, ()));
            let pids = futures.map(|future| future.result().unwrap());
            assert_eq!(pids, [pids[0]; 3]);
            if reason == ExitReason::Finished {
                executor.shutdown();
            }
            assert_eq!(await_exit(&mut events).1, reason);
            let expected = ["begins", "ends after 3"].map(|what| (pids[0], what.to_owned()));
            assert_eq!(notes(&crossing.file("notes")), expected);
        }
    });
}

#[test]
fn a_finalizer_that_hangs_is_killed_at_its_time_limit() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = noting(&crossing, |_| park()).finalizer_time_limit(SHORT).build().unwrap();
        let events = executor.events();
        assert_works(&executor);
        drop(executor);
        assert_eq!(exits(events), [ExitReason::TimeLimitExceeded]);
    });
}

#[test]
fn a_finalizer_that_hangs_does_not_delay_kill_workers() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = noting(&crossing, |(path, _)| {
            note((path, "hangs".to_owned()));
            park();
        });
        let executor = executor.finalizer_time_limit(NEVER).build().unwrap();
        let events = executor.events();
        assert_works(&executor);
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        until(|| count(&crossing.file("notes"), "hangs") == 1);
        executor.kill_workers();
        executor.shutdown();
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Killed]);
    });
}

#[test]
fn a_finalizer_that_fails_is_reported_and_breaks_nothing() {
    watch::within(watch::HANG, || {
        let ways: [(fn(State), i32); 2] =
            [(|_| panic!("the finalizer fails"), 101), (|_| std::process::exit(7), 7)];
        for (finalizer, code) in ways {
            let crossing = Crossing::new();
            let executor = noting(&crossing, finalizer).max_tasks_per_child(1).build().unwrap();
            let events = executor.events();
            let pids = [0; 3].map(|_| executor.submit(pid, ()).result().unwrap());
            assert!(pids[0] != pids[1] && pids[1] != pids[2]);
            drop(executor);
            assert_eq!(exits(events), [ExitReason::Died(WorkerExit::Code(code)); 3]);
        }
    });
}

#[test]
fn a_worker_that_is_killed_or_never_ready_runs_no_finalizer() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = noting(&crossing, end).build().unwrap();
        let endless = executor.submit(|()| park(), ());
        until(|| endless.running());
        endless.kill();
        assert_works(&executor);
        executor.kill_workers();
        drop(executor);
        assert_eq!(notes(&crossing.file("notes")).len(), 2, "two have begun");

        let crossing = Crossing::new();
        let fails = |path: String| -> Result<State, String> {
            note((path, "fails".to_owned()));
            Err("no".to_owned())
        };
        let executor = builder(1).initializer_with_args(fails, crossing.file("notes"));
        let executor = executor.finalizer(end).build().unwrap();
        let events = executor.events();
        assert!(matches!(executor.submit(pid, ()).result(), Err(Error::BrokenProcessPool(_))));
        drop(executor);
        assert_eq!(exits(events), [ExitReason::InitializerFailed]);
        assert_eq!(notes(&crossing.file("notes")).len(), 1);
    });
}

#[test]
fn without_an_initializer_a_finalizer_gets_unit() {
    watch::within(watch::HANG, || {
        let executor = builder(1).finalizer(|()| std::process::exit(9)).build().unwrap();
        let events = executor.events();
        assert_works(&executor);
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Died(WorkerExit::Code(9))]);
    });
}

#[test]
fn a_finalizer_must_be_set_after_the_initializer() {
    let early = builder(1).finalizer(|()| ()).initializer(|| ()).build().unwrap_err();
    let expected = "finalizer: name it after the initializer, whose state it takes";
    assert_eq!(early, Error::InvalidArgument(expected.into()));
}

#[test]
fn a_pool_without_workers_runs_no_finalizer() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        drop(noting(&crossing, end).finalizer_time_limit(Duration::ZERO).build().unwrap());
        assert!(notes(&crossing.file("notes")).is_empty());
    });
}
