//! What every cell of the matrix comes to. Knows no pool; the test and its program share it.

use nix::libc;
use procpool::{CodecStep, WorkerExit};
use procpool_testkit::fault::{EXIT, Fault, RAW_EXIT};
use serde::{Deserialize, Serialize};

/// One cell: how workers are started, when it goes wrong, and what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) method: Method,
    pub(crate) moment: Moment,
    pub(crate) fault: Fault,
}

impl Cell {
    pub(crate) fn expected(&self) -> Expected {
        let row = CELLS.iter().find(|(of, _)| *of == self.moment).map(|(_, row)| row);
        let column = Fault::ALL.iter().position(|other| *other == self.fault);
        row.expect("every moment has a row")[column.expect("every fault has a column")]
    }
}

/// How workers are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    Spawn,
    Forkserver,
    Fork,
}

/// When it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Moment {
    /// In the submitting thread.
    ArgumentEncode,
    /// In the worker, before the task.
    ArgumentDecode,
    /// In a worker's initializer: the first worker's, so that another one would do better.
    Initializer,
    /// In the task.
    Run,
    /// In the worker, after the task.
    ResultEncode,
    /// In the thread that asks for the result.
    ResultDecode,
    /// In the parent, when the future has settled.
    Callback,
    /// In the worker's finalizer.
    Finalizer,
    /// In a thread that a task has left behind in its worker, which is idle.
    Idle,
}

/// What the task that is hit comes to when its worker lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its result. That of a task may well be an error of its own.
    Result,
    Codec(CodecStep),
    Panicked,
    /// Nothing: the thread that asks for it panics.
    CallerPanics,
}

/// What a cell comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The task alone has this outcome; its worker lives on.
    Task(Outcome),
    /// The worker dies. Break: the pool is broken. Replace: the task fails, and another worker comes.
    Death,
    /// The worker never takes a task. Break: the pool is broken, with the cause. Replace: the task
    /// runs in another worker.
    BadStart,
    /// The worker dies when it has nothing to do. Break: the pool is broken. Replace: another comes.
    IdleDeath,
    /// The task has its result, and the worker does not leave as it should; another comes.
    BadLeave,
    /// The worker stops until the task's limit, and is replaced.
    TaskExceedsLimit,
    /// The worker stops until the pool is killed.
    NeedsKill,
    /// The worker stops until the limit for leaving, and is replaced.
    LeaveExceedsLimit,
    /// The worker stops while idle, until the pool is shut down and the limit for leaving is over.
    IdleUntilShutdown,
    /// The user's own program ends, and its workers with it; or stops, goes on, and all is as it was.
    Program,
    /// Why there is no such thing.
    CannotExist(&'static str),
}

use Expected::{
    BadLeave, BadStart, CannotExist, Death, IdleDeath, IdleUntilShutdown, LeaveExceedsLimit,
    NeedsKill, Program, Task, TaskExceedsLimit,
};
use Outcome::{CallerPanics, Codec, Panicked, Result};

const RETURNS_NOTHING: Expected = CannotExist("it returns nothing, so no error");

/// Every cell, by moment, and in a row by fault, in the order of [`Fault::ALL`].
pub(crate) const CELLS: [(Moment, [Expected; 7]); 9] = [
    (
        Moment::ArgumentEncode,
        [
            Task(Codec(CodecStep::EncodeArguments)),
            Task(CallerPanics),
            Program,
            Program,
            Program,
            Program,
            Program,
        ],
    ),
    (
        Moment::ArgumentDecode,
        [
            Task(Codec(CodecStep::DecodeArguments)),
            Task(Panicked),
            Death,
            Death,
            Death,
            Death,
            TaskExceedsLimit,
        ],
    ),
    (Moment::Initializer, [BadStart, BadStart, BadStart, BadStart, BadStart, BadStart, NeedsKill]),
    (Moment::Run, [Task(Result), Task(Panicked), Death, Death, Death, Death, TaskExceedsLimit]),
    (
        Moment::ResultEncode,
        [
            Task(Codec(CodecStep::EncodeResult)),
            Task(Panicked),
            Death,
            Death,
            Death,
            Death,
            TaskExceedsLimit,
        ],
    ),
    (
        Moment::ResultDecode,
        [
            Task(Codec(CodecStep::DecodeResult)),
            Task(CallerPanics),
            Program,
            Program,
            Program,
            Program,
            Program,
        ],
    ),
    (
        Moment::Callback,
        [RETURNS_NOTHING, Task(Result), Program, Program, Program, Program, Program],
    ),
    (
        Moment::Finalizer,
        [RETURNS_NOTHING, BadLeave, BadLeave, BadLeave, BadLeave, BadLeave, LeaveExceedsLimit],
    ),
    (
        Moment::Idle,
        [
            CannotExist("nobody is there to return an error to"),
            Task(Result),
            IdleDeath,
            IdleDeath,
            IdleDeath,
            IdleDeath,
            IdleUntilShutdown,
        ],
    ),
];

/// How a worker ends by `fault`, if it does. A panic ends only what comes after the last task.
pub(crate) fn exit_of(fault: Fault) -> Option<WorkerExit> {
    match fault {
        Fault::Error | Fault::Sigstop => None,
        Fault::Panic => Some(WorkerExit::Code(101)),
        Fault::Exit => Some(WorkerExit::Code(EXIT)),
        Fault::RawExit => Some(WorkerExit::Code(RAW_EXIT)),
        Fault::Sigkill => Some(WorkerExit::Signal(libc::SIGKILL)),
        Fault::Sigsegv => Some(WorkerExit::Signal(libc::SIGSEGV)),
    }
}
