//! The outcome of every cell of the matrix. Knows no pool; the test and its program share it.

use nix::libc;
use procpool::{CodecStep, WorkerExit};
use procpool_testkit::fault::{EXIT, Fault, RAW_EXIT};
use serde::{Deserialize, Serialize};

/// One cell: the start method, the moment and the fault.
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

/// The start method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    Spawn,
    Forkserver,
    Fork,
}

/// The moment of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Moment {
    /// In the submitting thread.
    ArgumentEncode,
    /// In the worker, before the task.
    ArgumentDecode,
    /// In a worker's initializer: the first worker's, so that another one would succeed.
    Initializer,
    /// In the task.
    Run,
    /// In the worker, after the task.
    ResultEncode,
    /// In the thread that reads the result.
    ResultDecode,
    /// In the parent, when the future has settled.
    Callback,
    /// In the worker's finalizer.
    Finalizer,
    /// In a thread that a task has left running in its worker, which is idle.
    Idle,
}

/// The outcome of the failing task when its worker lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its result, which may be an error of the task's own.
    Result,
    Codec(CodecStep),
    Panicked,
    /// None: the thread that reads it panics.
    CallerPanics,
}

/// The outcome of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Only the task has this outcome; its worker lives on.
    Task(Outcome),
    /// The worker dies. Break: the pool is broken. Replace: the task fails, and the worker is replaced.
    Death,
    /// The worker never takes a task. Break: the pool is broken, with the cause. Replace: the task runs in
    /// another worker.
    BadStart,
    /// The worker dies while idle. Break: the pool is broken. Replace: it is replaced.
    IdleDeath,
    /// The task has its result, and the worker does not exit in order; it is replaced.
    BadLeave,
    /// The worker stops until the task's time limit, and is replaced.
    TaskExceedsLimit,
    /// The worker stops until the pool is killed.
    NeedsKill,
    /// The worker stops until the finalizer's time limit, and is replaced.
    LeaveExceedsLimit,
    /// The worker stops while idle, until the finalizer's time limit at the pool's shutdown.
    IdleUntilShutdown,
    /// The user's own program exits, and its workers with it; or it stops and continues, with no effect.
    Program,
    /// The reason why there is no such cell.
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

/// How a worker ends by `fault`, if it does. A panic only ends it after the last task.
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
