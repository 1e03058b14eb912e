//! Errors and their causes: one [`Error`] type, whose variants say who failed, at what and why.
//!
//! Owns no behaviour and imports nothing from the crate. Every value is cheap to clone, because one
//! cause can settle many futures, each of which gets an error of its own. Every value is a serde
//! type, because the error of a pool inside a task can be that task's result.
//!
//! The text of each error is a whole sentence that contains its causes and the remedy. So
//! [`source`](std::error::Error::source) returns only causes that are not in the text: programs
//! that print a chain of errors print nothing twice.

mod broken;
mod codec;
mod death;
mod errno;
mod panic;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno as Known;
use procpool_launch::Refusal;
use serde::{Deserialize, Serialize};

pub use broken::{BrokenCause, BrokenProcessPool};
pub use codec::{CodecError, CodecStep};
pub use death::{Activity, WorkerDeath};
pub use errno::Errno;
pub use panic::RemotePanic;

/// Why a call, a task or the whole pool failed.
///
/// # Examples
///
/// ```
/// fn explain(error: &procpool::Error) -> &'static str {
///     match error {
///         procpool::Error::Panicked(_) => "the task panicked; its worker lives on",
///         procpool::Error::BrokenProcessPool(_) => "the pool is broken; make a new one",
///         _ => "something else",
///     }
/// }
/// assert_eq!(explain(&procpool::Error::Cancelled), "something else");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Error {
    /// An argument of the call is invalid. The text says which one, and which values are valid.
    InvalidArgument(Cow<'static, str>),
    /// [`build`](crate::Builder::build) was called before [`init`](crate::init).
    NotInitialized,
    /// The pool itself could not be set up: the system refused a descriptor, a thread or a process.
    Setup {
        /// The object that was being created.
        what: Cow<'static, str>,
        /// The system's answer.
        errno: Errno,
    },
    /// Workers are this program, started again, and it cannot be started again. The text says why.
    NotRestartable(Cow<'static, str>),
    /// A file for the output of workers could not be opened.
    OutputFile {
        /// The file.
        #[serde(with = "path_as_data")]
        path: PathBuf,
        /// The system's answer.
        errno: Errno,
    },
    /// The task was submitted, or the item of a map taken, after
    /// [`shutdown`](crate::ProcessPoolExecutor::shutdown), or
    /// [`start_workers`](crate::ProcessPoolExecutor::start_workers) was still waiting at that time.
    Shutdown,
    /// As many tasks wait as the pool's [`queue_capacity`](crate::Builder::queue_capacity), and the call
    /// does not wait.
    QueueFull,
    /// The task was cancelled before it started.
    Cancelled,
    /// The caller's timeout has passed: in [`result_timeout`](crate::Future::result_timeout), in
    /// [`AsCompleted::timeout`](crate::AsCompleted::timeout), or in a map with a
    /// [`timeout`](crate::MapOptions::timeout). Running tasks continue.
    TimedOut(Duration),
    /// The task panicked. Its worker keeps running.
    Panicked(RemotePanic),
    /// Arguments or a result could not be encoded or decoded.
    Codec(CodecError),
    /// The function is not part of the main executable, so a worker could not find it.
    ForeignFunction(Cow<'static, str>),
    /// The task exceeded its [time limit](crate::Builder::task_time_limit) and was ended. The pool
    /// continues, with another worker if necessary.
    TimeLimitExceeded {
        /// The task's number: submissions are counted from 1.
        work_item: u64,
        /// How long it was allowed to run.
        limit: Duration,
    },
    /// The task was running, and was killed by [`Future::kill`](crate::Future::kill).
    TaskKilled {
        /// The task's number.
        work_item: u64,
    },
    /// The worker that ran the task died, or several workers in a row died after they were sent the
    /// task and before they started it; this describes the last. The pool replaces it. See
    /// [`DeathPolicy::Replace`](crate::DeathPolicy::Replace).
    WorkerDied(WorkerDeath),
    /// The worker that ran the task violated the protocol, or closed its link and kept running, and
    /// was killed; the pool replaces it.
    Protocol {
        /// The worker.
        pid: u32,
        /// Its violation of the protocol.
        what: String,
    },
    /// [`start_workers`](crate::ProcessPoolExecutor::start_workers) could not start the requested
    /// number of workers. The pool continues with those that it has.
    WorkersNotStarted(Box<BrokenCause>),
    /// Memory for the arguments in the worker, or for the result in this process, could not be
    /// allocated.
    OutOfMemory {
        /// [`DecodeArguments`](CodecStep::DecodeArguments), in the worker, or
        /// [`DecodeResult`](CodecStep::DecodeResult), here.
        step: CodecStep,
        /// Their encoded size in bytes.
        bytes: u64,
    },
    /// This process is a copy, made by fork(2), of the one that built the pool. The workers and the
    /// results belong to the original. A task that had settled when the copy was made keeps its
    /// result.
    ForkedCopy,
    /// [`StartMethod::Fork`](crate::StartMethod::Fork) was requested in a process with more than
    /// one thread.
    ForkWithThreads {
        /// How many it has.
        threads: usize,
    },
    /// The pool can no longer run tasks.
    BrokenProcessPool(BrokenProcessPool),
}

/// Serializes a path of any bytes.
mod path_as_data {
    use std::ffi::{OsStr, OsString};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        OsStr::serialize(path.as_os_str(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(data: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(data).map(PathBuf::from)
    }
}

impl Error {
    /// The pool could not create `what`.
    pub(crate) fn setup(what: &'static str) -> impl Fn(Known) -> Self {
        move |errno| Error::Setup { what: what.into(), errno: Errno::from_raw(errno as i32) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidArgument(what) => write!(f, "invalid argument: {what}"),
            Error::NotInitialized => f.write_str(
                "procpool::init() has not been called: call it at the start of main(), \
                 or put procpool::init_tests!() once into a test program",
            ),
            Error::Setup { what, errno } => {
                write!(
                    f,
                    "the pool could not create {what}: {}",
                    Refusal(what, Known::from_raw(errno.raw()))
                )
            }
            Error::NotRestartable(why) => {
                write!(f, "workers are this program, started again, and it cannot be: {why}")
            }
            Error::OutputFile { path, errno } => {
                write!(f, "{path:?} cannot be opened for the output of workers: ")?;
                let missing = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                match (Known::from_raw(errno.raw()), missing) {
                    (Known::ENOENT, _) if path.as_os_str().is_empty() => f.write_str("name a file"),
                    (Known::ENOENT | Known::ENOTDIR, Some(folder)) => {
                        write!(f, "there is no folder {folder:?}: create it")
                    }
                    (Known::EOPNOTSUPP, _) => {
                        f.write_str("/proc and /sys keep nothing: name a file elsewhere")
                    }
                    (known, _) => f.write_str(known.desc()),
                }
            }
            Error::Shutdown => f.write_str("the pool was shut down and takes no new tasks"),
            Error::QueueFull => {
                f.write_str("the pool's queue is full, and this call does not wait")
            }
            Error::Cancelled => f.write_str("the task was cancelled before it started"),
            Error::TimedOut(time) => write!(f, "no result within {time:?}; running tasks continue"),
            Error::Panicked(panic) => write!(f, "the task {panic}"),
            Error::Codec(codec) => codec.fmt(f),
            Error::ForeignFunction(name) => write!(
                f,
                "`{name}` is not a function of the main executable (it lives in a shared library, \
                 or was made at run time), so a worker cannot find it: wrap it in a function of \
                 the program itself"
            ),
            Error::TimeLimitExceeded { work_item, limit } => {
                write!(f, "work item {work_item} ran for longer than {limit:?} and was ended")
            }
            Error::TaskKilled { work_item } => write!(f, "work item {work_item} was killed"),
            Error::WorkerDied(death) => death.fmt(f),
            Error::Protocol { pid, what } => write!(f, "worker {pid} {what}"),
            Error::WorkersNotStarted(cause) => {
                write!(f, "the pool has fewer workers than start_workers() was asked for: {cause}")
            }
            Error::OutOfMemory { step, bytes } => {
                let (what, whose) = match step {
                    CodecStep::EncodeArguments | CodecStep::DecodeArguments => {
                        ("arguments", "its worker")
                    }
                    CodecStep::EncodeResult | CodecStep::DecodeResult => ("result", "this process"),
                    CodecStep::EncodeReport | CodecStep::DecodeReport => ("report", "this process"),
                };
                write!(
                    f,
                    "the task's {what}, {bytes} bytes, did not fit into the memory of {whose}: see \
                     the limits of the process (`ulimit -v`) and of its cgroup (`memory.max`), or \
                     pass less, such as the path of a file"
                )
            }
            Error::ForkedCopy => f.write_str(
                "this process is a forked copy of the one that built the pool, and has no workers: \
                 build another pool in the copy, or build the pool after the fork",
            ),
            Error::ForkWithThreads { threads } => write!(
                f,
                "StartMethod::Fork copies a process of one thread, and this one has {threads}: a \
                 copy would have one of them, and every lock that another one holds would stay \
                 locked in it; build the pool before other threads are started (another pool has \
                 one, too), or use StartMethod::Forkserver"
            ),
            Error::BrokenProcessPool(broken) => broken.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    /// Like [`Display`](fmt::Display), because `main` prints a returned error this way; `{:#?}`
    /// prints the structure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let (name, fields): (_, Vec<(&str, &dyn fmt::Debug)>) = match self {
            Error::InvalidArgument(what) => ("InvalidArgument", vec![("", what)]),
            Error::NotInitialized => ("NotInitialized", vec![]),
            Error::Setup { what, errno } => ("Setup", vec![("what", what), ("errno", errno)]),
            Error::NotRestartable(why) => ("NotRestartable", vec![("", why)]),
            Error::OutputFile { path, errno } => {
                ("OutputFile", vec![("path", path), ("errno", errno)])
            }
            Error::Shutdown => ("Shutdown", vec![]),
            Error::QueueFull => ("QueueFull", vec![]),
            Error::Cancelled => ("Cancelled", vec![]),
            Error::TimedOut(time) => ("TimedOut", vec![("", time)]),
            Error::Panicked(panic) => ("Panicked", vec![("", panic)]),
            Error::Codec(codec) => ("Codec", vec![("", codec)]),
            Error::ForeignFunction(name) => ("ForeignFunction", vec![("", name)]),
            Error::TimeLimitExceeded { work_item, limit } => {
                ("TimeLimitExceeded", vec![("work_item", work_item), ("limit", limit)])
            }
            Error::TaskKilled { work_item } => ("TaskKilled", vec![("work_item", work_item)]),
            Error::WorkerDied(death) => ("WorkerDied", vec![("", death)]),
            Error::Protocol { pid, what } => ("Protocol", vec![("pid", pid), ("what", what)]),
            Error::WorkersNotStarted(cause) => ("WorkersNotStarted", vec![("", cause)]),
            Error::OutOfMemory { step, bytes } => {
                ("OutOfMemory", vec![("step", step), ("bytes", bytes)])
            }
            Error::ForkedCopy => ("ForkedCopy", vec![]),
            Error::ForkWithThreads { threads } => ("ForkWithThreads", vec![("threads", threads)]),
            Error::BrokenProcessPool(broken) => ("BrokenProcessPool", vec![("", broken)]),
        };
        match fields[..] {
            [("", field)] => f.debug_tuple(name).field(field).finish(),
            _ => {
                let mut structure = f.debug_struct(name);
                for (name, field) in fields {
                    structure.field(name, field);
                }
                structure.finish()
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Setup { errno, .. } | Error::OutputFile { errno, .. } => Some(errno),
            Error::BrokenProcessPool(broken) => broken.source(),
            Error::WorkersNotStarted(cause) => cause.source(),
            _ => None,
        }
    }
}
