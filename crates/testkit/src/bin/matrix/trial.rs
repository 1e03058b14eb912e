//! A pool of one worker in which something goes wrong, once.
//!
//! Owns how each fault gets to its moment. What must come of it is in `judge`.

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

use crate::builder;
use crate::table::{Cell, Expected, Moment};

/// How soon everybody must know.
pub(crate) const PROMISE: Duration = Duration::from_secs(1);

/// What limits are set to that are to be exceeded.
const SHORT: Duration = Duration::from_millis(50);

/// A worker's state: what its finalizer does wrong.
type State = Option<Fault>;

/// The first worker's initializer goes wrong, or has its finalizer do so.
fn initialize((moment, fault, marker): (Moment, Fault, String)) -> Result<State, String> {
    // To describe a backtrace takes longer than is promised, and is not the pool's time.
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
    // It has nobody to return an error to.
    let _ = state.map(Fault::commit);
}

/// Leaves a thread behind that goes wrong when it is let go, and says so if it still can.
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
        // A thread's error is nobody's.
        let _ = fault.commit();
    });
}

/// What the thread that asks for a result gets.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Outcome(Result<(), Error>),
    Panicked,
}

/// Waits for the future of the task that is hit, for as long as is promised.
pub(crate) type Wait = Box<dyn FnOnce() -> Result<(), Error>>;

fn wait<T: DeserializeOwned + 'static>(future: Future<T>) -> Wait {
    Box::new(move || future.result_timeout(PROMISE).map(drop))
}

/// The pool, and what its worker is told by. Dropping it ends the pool.
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
            // A worker that leaves while the pool goes on.
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

    /// Starts the worker, and returns its pid. How long starting takes is not the promise's affair.
    pub(crate) fn start(&mut self) -> u32 {
        // An initializer that goes wrong fails it, which is judged by the task.
        let ready = self.executor.start_workers(1);
        let pid = self.started();
        if self.moment != Moment::Initializer {
            ready.result().expect("nothing has gone wrong yet");
        }
        pid
    }

    /// Submits the task that is hit, with a limit that is exceeded only by a worker that stops.
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
                // Its error is nobody's.
                future.add_done_callback(move |_| drop(fault.commit()));
                wait(future)
            }
        }
    }

    /// Submits the task that is hit, and waits for it.
    pub(crate) fn hit(&self) -> Asked {
        let ask = AssertUnwindSafe(|| self.submit()());
        catch_unwind(ask).map_or(Asked::Panicked, Asked::Outcome)
    }

    /// Lets the thread that was left behind go wrong.
    pub(crate) fn let_go(&self) {
        self.go.give(1);
    }

    /// Waits until that thread is over, in a worker that lives.
    pub(crate) fn wait_until_over(&self) {
        self.over.take(1, watch::HANG).expect("it says so");
    }

    /// Waits for the end of the worker, which must be told of in time, and returns its reason.
    pub(crate) fn exit_of(&mut self, worker: u32) -> ExitReason {
        loop {
            let event = self.events.next_timeout(PROMISE);
            match event.map(|event| event.kind) {
                Some(EventKind::WorkerExited(info, reason)) if info.pid == worker => return reason,
                Some(_) => {}
                None => panic!("nothing was told of the end of worker {worker}"),
            }
        }
    }

    /// Asserts that a task gets its result now, and returns the worker that ran it.
    pub(crate) fn assert_goes_on(&self) -> u32 {
        self.executor.submit(pid, ()).result().expect("the pool goes on")
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

/// Waits until the process `pid` is stopped: it is a child only of who starts it, and that may be a
/// server, so this looks again and again.
pub(crate) fn wait_until_stopped(pid: u32) {
    while os::process(pid).is_none_or(|process| process.state != 'T') {
        thread::yield_now();
    }
}
