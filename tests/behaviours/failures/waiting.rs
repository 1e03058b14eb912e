//! Tasks that wait for an initializer that is slow, is stuck, fails only later, or exits with success too
//! soon.

use procpool::{
    Activity, BrokenCause, CodecStep, Error, ProcessPoolExecutor, ShutdownOptions, WorkerExit,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::gate;
use procpool_testkit::task::pid;
use procpool_testkit::watch;
use serde::{Deserialize, Serialize};

use crate::behaviours::causes::{assert_broken, cause_for};
use crate::behaviours::errors::exit;

// Behaviours: INIT-04.
#[test]
fn an_initializer_that_exits_with_success_has_failed() {
    watch::within(watch::HANG, || {
        let builder = crate::builder().max_workers(1);
        let executor = builder.initializer_with_args(exit, 0).build().unwrap();
        let cause = cause_for(&executor.submit(pid, ()));
        let BrokenCause::WorkerDied(death) = &cause else { panic!("{cause}") };
        assert_eq!((death.exit, death.activity), (WorkerExit::Code(0), Activity::Initializing));
        let text = cause.to_string();
        assert!(text.ends_with("exited with code 0 while running the initializer"), "{text}");
        assert_broken(&executor, &cause);
    });
}

#[test]
fn initargs_that_cannot_be_encoded_are_an_error_of_build() {
    #[derive(Debug, Deserialize)]
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("nobody can write this"))
        }
    }
    fn never_called(_: Unwritable) {}
    let builder = crate::builder().initializer_with_args(never_called, Unwritable);
    let Err(Error::Codec(error)) = builder.build() else { panic!("the pool was made") };
    assert_eq!(
        (error.step, &*error.message),
        (CodecStep::EncodeArguments, "nobody can write this")
    );
}

/// Succeeds in the first worker and fails in all others.
fn only_once(path: String) -> Result<(), String> {
    let new = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    new.map(drop).map_err(|error| error.kind().to_string())
}

#[test]
fn an_initializer_failure_in_the_second_worker_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let builder = crate::builder().max_workers(2);
        let executor =
            builder.initializer_with_args(only_once, crossing.file("once")).build().unwrap();
        let done = executor.submit(pid, ());
        let first = done.result().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let cause = cause_for(&executor.submit(pid, ()));
        let BrokenCause::InitializerFailed { pid: second, message } = &cause else {
            panic!("{cause}")
        };
        assert_eq!(message, "entity already exists");
        assert_ne!(*second, first);
        assert_eq!(cause_for(&running), cause);
        assert_eq!(done.result(), Ok(first), "it had finished");
    });
}

/// A pool whose initializer has been called and never returns.
fn stuck_pool(crossing: &Crossing) -> ProcessPoolExecutor {
    fn never_return((arrived, go): (String, String)) {
        gate::give(&arrived);
        gate::take(&go);
    }
    let builder = crate::builder().max_workers(1);
    builder.initializer_with_args(never_return, crossing.places()).build().unwrap()
}

#[test]
fn a_slow_initializer_delays_only_its_workers_tasks() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = stuck_pool(&crossing);
        let waiting = executor.map(pid, [(), ()]);
        crossing.wait_for(1);
        crossing.let_go(1);
        let workers: Vec<_> = waiting.collect();
        assert!(workers[0].is_ok() && workers[0] == workers[1], "{workers:?}");
    });
}

// Behaviours: INIT-10.
#[test]
fn a_cancelling_shutdown_skips_tasks_behind_a_stuck_initializer() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = stuck_pool(&crossing);
        let waiting = executor.submit(pid, ());
        crossing.wait_for(1);
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
        assert_eq!(waiting.result(), Err(Error::Cancelled));
        executor.kill_workers();
        assert_broken(&executor, &BrokenCause::Killed);
    });
}
