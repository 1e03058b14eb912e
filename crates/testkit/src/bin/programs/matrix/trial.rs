//! A pool of one worker in which a fault happens once.
//!
//! Owns how each fault gets to its moment. The expected effect is in `judge`.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use procpool::{DeathPolicy, Error, EventKind, Events, ExitReason, Future, ProcessPoolExecutor};
use procpool_testkit::fault::{Decoded, Encoded, Fault};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::task::pid;
use procpool_testkit::{os, watch};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::builder;
use super::table::{Cell, Expected, Moment};

/// The time within which every waiter must know.
pub(crate) const PROMISE: Duration = Duration::from_secs(1);

/// The value of limits that must be exceeded.
const SHORT: Duration = Duration::from_millis(50);

/// A worker's state: the fault of its finalizer.
type State = Option<Fault>;

/// The first worker's initializer fails, or makes its finalizer fail.
fn initialize((moment, fault, marker): (Moment, Fault, String)) -> Result<State, String> {
    // Describing a backtrace takes longer than the promise, and is not the pool's time.
    for name in ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"] {
        // SAFETY: a worker has one thread until a task starts another.
        unsafe { std::env::remove_var(name) };
    }
    let is_first = File::create_new(marker).is_ok();
    match moment {
        Moment::Initializer if is_first => fault.commit().map(|()| None),
        Moment::Finalizer if is_first => Ok(Some(fault)),
        _ => Ok(None),
    }
}

fn finalize(state: State) {
    // It has no caller to return an error to.
    let _ = state.map(Fault::commit);
}

/// Leaves a thread running that fails when it is released, and reports so if it still can.
fn leave_behind((fault, go, over): (Fault, String, String)) {
    struct Says(String);

    impl Drop for Says {
        fn drop(&mut self) {
            gate::give(&self.0);
        }
    }

    thread::spawn(move || {
        let _says = Says(over);
        gate::take(&go);
        // A thread's error has no reader.
        let _ = fault.commit();
    });
}

/// The outcome for the thread that reads a result.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Outcome(Result<(), Error>),
    Panicked,
}

/// Waits for the future of the failing task, for the promised time.
pub(crate) type Wait = Box<dyn FnOnce() -> Result<(), Error>>;

fn wait<T: DeserializeOwned + 'static>(future: Future<T>) -> Wait {
    Box::new(move || future.result_timeout(PROMISE).map(drop))
}

/// The pool, and the gates of its worker. Dropping it ends the pool.
pub(crate) struct Trial {
    moment: Moment,
    fault: Fault,
    pub(crate) executor: ProcessPoolExecutor<State>,
    events: Events,
    go: Gate,
    over: Gate,
    _folder: TempDir,
}

impl Trial {
    pub(crate) fn new(cell: &Cell, policy: DeathPolicy) -> Self {
        let Cell { method, moment, fault } = *cell;
        let expected = cell.expected();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let marker = folder.path().join("marker").to_str().expect("a plain name").to_owned();
        let mut builder = builder(method).max_workers(1).death_policy(policy).grace(Duration::ZERO);
        if moment == Moment::Finalizer {
            // A worker that exits while the pool continues.
            builder = builder.max_tasks_per_child(1);
        }
        if matches!(expected, Expected::LeaveExceedsLimit | Expected::IdleUntilShutdown) {
            builder = builder.finalizer_time_limit(SHORT);
        }
        let executor = builder
            .initializer_with_args(initialize, (moment, fault, marker))
            .finalizer(finalize)
            .build()
            .expect("a pool can be made");
        let events = executor.events();
        let (go, over) = (Gate::new(folder.path(), "go"), Gate::new(folder.path(), "over"));
        Self { moment, fault, executor, events, go, over, _folder: folder }
    }

    /// Starts the worker, and returns its pid. The promise does not cover the duration of the start.
    pub(crate) fn start(&mut self) -> u32 {
        // An initializer that fails makes this fail; the task is judged.
        let ready = self.executor.start_workers(1);
        let pid = self.started();
        if self.moment != Moment::Initializer {
            ready.result().expect("nothing has failed yet");
        }
        pid
    }

    /// Submits the failing task, with a limit that only a stopped worker exceeds.
    pub(crate) fn submit(&self) -> Wait {
        let limit = if self.fault == Fault::Sigstop { SHORT } else { Duration::MAX };
        let with = self.executor.submit_options().time_limit(limit);
        let fault = self.fault;
        match self.moment {
            Moment::ArgumentEncode => wait(with.submit(|_: Encoded| (), Encoded(fault))),
            Moment::ArgumentDecode => wait(with.submit(|_: Decoded| (), Decoded(fault))),
            Moment::Run => wait(with.submit(Fault::commit, fault)),
            Moment::ResultEncode => wait(with.submit(Encoded, fault)),
            Moment::ResultDecode => wait(with.submit(Decoded, fault)),
            Moment::Idle => {
                let left = (fault, self.go.path(), self.over.path());
                wait(self.executor.submit(leave_behind, left))
            }
            Moment::Initializer | Moment::Finalizer => wait(self.executor.submit(|()| (), ())),
            Moment::Callback => {
                let future = self.executor.submit(|()| (), ());
                // Its error has no reader.
                future.add_done_callback(move |_| drop(fault.commit()));
                wait(future)
            }
        }
    }

    /// Submits the failing task, and waits for it.
    pub(crate) fn hit(&self) -> Asked {
        let ask = AssertUnwindSafe(|| self.submit()());
        catch_unwind(ask).map_or(Asked::Panicked, Asked::Outcome)
    }

    /// Makes the left-over thread fail.
    pub(crate) fn let_go(&self) {
        self.go.give(1);
    }

    /// Waits until that thread has ended, in a worker that lives.
    pub(crate) fn wait_until_over(&self) {
        self.over.take(1, watch::HANG).expect("it says so");
    }

    /// Waits for the worker's exit, which must be reported in time, and returns its reason.
    pub(crate) fn exit_of(&mut self, worker: u32) -> ExitReason {
        loop {
            let event = self.events.next_timeout(PROMISE);
            match event.map(|event| event.kind) {
                Some(EventKind::WorkerExited(info, reason)) if info.pid == worker => return reason,
                Some(_) => {}
                None => panic!("the exit of worker {worker} was not reported"),
            }
        }
    }

    /// Asserts that a task gets its result now, and returns the worker that ran it.
    pub(crate) fn assert_goes_on(&self) -> u32 {
        self.executor.submit(pid, ()).result().expect("the pool continues")
    }

    /// Waits for the start of a worker, and returns its pid.
    fn started(&mut self) -> u32 {
        loop {
            let event = self.events.next().expect("the pool is there");
            if let EventKind::WorkerStarted(worker) = event.kind {
                return worker.pid;
            }
        }
    }
}

/// Waits until the process `pid` is stopped: only its parent, which may be a forkserver, is notified, so
/// this looks again and again.
pub(crate) fn wait_until_stopped(pid: u32) {
    while os::process(pid).is_none_or(|process| process.state != 'T') {
        thread::yield_now();
    }
}
