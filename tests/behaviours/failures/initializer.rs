//! Initializers that fail: the pool is broken with that as the cause, and starts no more workers.

use std::fmt;
use std::io;
use std::time::Duration;

use procpool::Activity;
use procpool::{BrokenCause, Error, Future, InitializerOutput, ShutdownOptions, WorkerExit};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::kill_self;
use procpool_testkit::{trace, watch};
use tempfile::TempDir;

use crate::behaviours::errors::{exit, prompt_error};

/// Makes a pool whose initializer gets the path of a trace, gives it tasks before, while and after the
/// initializer fails, and returns the one cause of all their errors.
fn cause_with<O: InitializerOutput>(initializer: fn(String) -> O) -> BrokenCause {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = path_in(&folder, "trace");
    let executor = crate::builder()
        .max_workers(2)
        .initializer_with_args(initializer, path.clone())
        .build()
        .expect("a pool can be made");
    let futures: Vec<Future<u32>> = (0..20).map(|x| executor.submit(|x: u32| x, x)).collect();
    let cancelled = futures[19].cancel();
    let cause = cause_of(&prompt_error(&futures[0])).clone();
    for future in &futures[..19] {
        assert_eq!(cause_of(&prompt_error(future)), &cause);
    }
    assert_eq!(cancelled, futures[19].error() == Some(Error::Cancelled), "cancelled stays so");
    for _ in 0..20 {
        let later = executor.submit(|x: u32| x, 0);
        assert!(later.done(), "a broken pool answers at once");
        assert_eq!(cause_of(&prompt_error(&later)), &cause);
    }
    let mapped: Vec<_> = executor.map(|x: u32| x, 0..3).collect();
    assert_eq!(mapped.len(), 1, "the first item is refused, and no other is taken");
    assert!(mapped.iter().all(|item| cause_of(item.as_ref().unwrap_err()) == &cause));
    drop(executor);
    let starts = trace::read::<String>(path.as_ref()).len();
    assert!((1..=2).contains(&starts), "{starts} initializers ran: no more workers are started");
    cause
}

fn path_in(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("temporary folders have plain names").to_owned()
}

fn note(path: &str) {
    trace::append(path, "initializing");
}

// Behaviours: INIT-03, INIT-05, INIT-06.
#[test]
fn an_initializer_that_returns_an_error_breaks_the_pool() {
    fn initializer(path: String) -> Result<(), String> {
        note(&path);
        Err("no licence".to_owned())
    }
    watch::within(watch::HANG, || {
        let cause = cause_with(initializer);
        let BrokenCause::InitializerFailed { message, .. } = cause else { panic!("{cause}") };
        assert_eq!(message, "no licence");
    });
}

/// An error with a cause, in a text without it; with `{:#}` as some types write theirs.
#[derive(Debug)]
struct Caused(&'static str, Option<Box<Caused>>);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Caused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|cause| cause as &dyn std::error::Error)
    }
}

/// An error whose text includes its causes, like those of `anyhow` and `eyre`.
struct Alternate;

impl fmt::Display for Alternate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() { "no licence: no file: gone" } else { "no licence" })
    }
}

fn caused() -> Caused {
    let gone = Caused("gone", None);
    Caused("no licence", Some(Box::new(Caused("no file", Some(Box::new(gone))))))
}

#[test]
fn an_initializers_error_is_reported_with_its_causes() {
    fn text<O: InitializerOutput>(initializer: fn() -> O) -> String {
        let executor = crate::builder().max_workers(1).initializer(initializer).build().unwrap();
        let error = prompt_error(&executor.submit(|()| (), ()));
        let BrokenCause::InitializerFailed { message, .. } = cause_of(&error) else {
            panic!("{error}")
        };
        message.clone()
    }
    watch::within(watch::HANG, || {
        type Boxed = Box<dyn std::error::Error>;
        type BoxedSync = Box<dyn std::error::Error + Send + Sync>;
        let whole = "no licence: no file: gone";
        assert_eq!(text(|| Err::<(), Boxed>(caused().into())), whole);
        assert_eq!(text(|| Err::<(), BoxedSync>(caused().into())), whole);
        assert_eq!(text(|| Err::<(), io::Error>(io::Error::other(caused()))), whole);
        assert_eq!(text(|| Err::<(), Alternate>(Alternate)), whole);
        assert_eq!(text(|| Err::<(), Boxed>(Boxed::from("no licence"))), "no licence");
        let nested = || Err::<(), Boxed>(io::Error::other("no licence").into());
        assert_eq!(text(nested), "no licence", "a cause that the text has is not repeated");
    });
}

// Behaviours: INIT-03, INIT-05, INIT-06.
#[test]
fn an_initializer_that_panics_breaks_the_pool() {
    fn initializer(path: String) {
        note(&path);
        panic!("no licence");
    }
    watch::within(watch::HANG, || {
        let cause = cause_with(initializer);
        let BrokenCause::InitializerPanicked { panic, .. } = cause else { panic!("{cause}") };
        assert_eq!(panic.message, "no licence");
        assert!(panic.location.is_some_and(|place| place.contains("failures/initializer.rs:")));
    });
}

// Behaviours: INIT-04, INIT-05.
#[test]
fn an_initializer_that_exits_breaks_the_pool() {
    fn initializer(path: String) {
        note(&path);
        exit(3);
    }
    watch::within(watch::HANG, || assert_died(cause_with(initializer), WorkerExit::Code(3)));
}

// Behaviours: INIT-04, INIT-05.
#[test]
fn an_initializer_that_is_killed_breaks_the_pool() {
    fn initializer(path: String) {
        note(&path);
        kill_self();
    }
    watch::within(watch::HANG, || {
        assert_died(cause_with(initializer), WorkerExit::Signal(nix::libc::SIGKILL));
    });
}

fn assert_died(cause: BrokenCause, expected: WorkerExit) {
    let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
    assert_eq!((death.exit, death.activity), (expected, Activity::Initializing));
}

#[test]
fn initargs_that_cannot_be_decoded_break_the_pool() {
    #[derive(serde::Serialize)]
    struct OneWay(String);
    impl<'de> serde::Deserialize<'de> for OneWay {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom("one way only"))
        }
    }
    watch::within(watch::HANG, || {
        let executor = crate::builder()
            .max_workers(1)
            .initializer_with_args(|way: OneWay| drop(way.0), OneWay("out".to_owned()))
            .build()
            .unwrap();
        let error = prompt_error(&executor.submit(|()| (), ()));
        let BrokenCause::InitargsLost { error, .. } = cause_of(&error) else { panic!("{error}") };
        assert!(error.type_name.ends_with("OneWay"), "{error}");
    });
}

// Behaviours: INIT-10.
#[test]
fn an_initializer_that_never_returns_can_be_killed() {
    fn initializer((arrived, never): (String, String)) {
        gate::give(&arrived);
        gate::take(&never);
    }
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let (arrived, never) =
            (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "never"));
        let executor = crate::builder()
            .max_workers(1)
            .initializer_with_args(initializer, (arrived.path(), never.path()))
            .build()
            .unwrap();
        let future = executor.submit(|x: u32| x, 1);
        arrived.take(1, watch::HANG).unwrap();
        let limit = Duration::from_millis(20);
        assert_eq!(future.result_timeout(limit), Err(Error::TimedOut(limit)));
        assert!(!future.done() && !future.running(), "it waits for the worker");
        executor.kill_workers();
        assert_eq!(cause_of(&prompt_error(&future)), &BrokenCause::Killed);
        drop(executor);
    });
}

// Behaviours: INIT-08.
#[test]
fn an_initializer_does_not_run_before_the_first_submission() {
    fn initializer(path: String) -> Result<(), String> {
        note(&path);
        Err("no licence".to_owned())
    }
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(&folder, "trace");
        let pool =
            || crate::builder().initializer_with_args(initializer, path.clone()).build().unwrap();
        drop(pool());
        pool().shutdown_with(ShutdownOptions::new().wait(false));
        pool().shutdown_with(ShutdownOptions::new().cancel_futures(true));
        assert!(trace::read::<String>(path.as_ref()).is_empty());
    });
}
