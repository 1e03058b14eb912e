//! What can go wrong, and why: one [`Error`] type, whose variants say who failed, at what and with
//! which cause.
//!
//! Owns no behaviour and imports nothing from the crate. Every value is cheap to clone, because one
//! cause can settle many futures and each of them gets an error of its own.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An argument of the call makes no sense. The text says which, and what it may be.
    InvalidArgument(&'static str),
    /// [`build`](crate::Builder::build) was called before [`init`](crate::init).
    NotInitialized,
    /// The program has other privileges than its caller: its file is set-user-ID or set-group-ID or has
    /// capabilities. [`build`](crate::Builder::build) says what to do.
    Privileged,
    /// The pool itself could not be set up: a descriptor or a thread was refused.
    Setup {
        /// What was being created.
        what: &'static str,
        /// The system's answer.
        errno: Errno,
    },
    /// A file for the output of workers could not be opened.
    OutputFile {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        errno: Errno,
    },
    /// The task was submitted after [`shutdown`](crate::ProcessPoolExecutor::shutdown).
    Shutdown,
    /// The task was cancelled before it started.
    Cancelled,
    /// [`result_timeout`](crate::Future::result_timeout) gave up waiting, or the
    /// [`timeout`](crate::MapOptions::timeout) of a map has passed. What runs goes on.
    TimedOut(Duration),
    /// The task panicked. Its worker lives on.
    Panicked(RemotePanic),
    /// Arguments or a result could not be turned into bytes, or back.
    Codec(CodecError),
    /// The function is not part of the main executable, so a worker could not find it.
    ForeignFunction(&'static str),
    /// The task ran for longer than it may. The pool goes on, in another worker if need be.
    TaskTimedOut {
        /// The task, by its number: submissions are counted from 1.
        work_item: u64,
        /// For how long it was allowed to run.
        limit: Duration,
    },
    /// The task was running, and was killed by [`Future::kill`](crate::Future::kill).
    TaskKilled {
        /// The task, by its number.
        work_item: u64,
    },
    /// The worker that ran the task died; the pool replaces it. See
    /// [`DeathPolicy::Replace`](crate::DeathPolicy::Replace).
    WorkerDied(WorkerDeath),
    /// The worker that ran the task sent something that is not part of the protocol, and was killed;
    /// the pool replaces it.
    Protocol {
        /// The worker.
        pid: u32,
        /// What was wrong with it.
        what: String,
    },
    /// So many workers as [`ready`](crate::ProcessPoolExecutor::ready) waits for cannot be had for now.
    /// The pool goes on with those that it has.
    NotReady(Box<BrokenCause>),
    /// There was no memory for the arguments in the worker, or for the result in this process.
    OutOfMemory {
        /// [`DecodeArguments`](CodecStep::DecodeArguments), in the worker, or
        /// [`DecodeResult`](CodecStep::DecodeResult), here.
        step: CodecStep,
        /// How many bytes they are, encoded.
        bytes: u64,
    },
    /// This process is a copy, made by fork(2), of the one that built the pool. The workers and the
    /// results are the original's. A task that had settled when the copy was made keeps its result.
    ForkedCopy,
    /// [`StartMethod::Fork`](crate::StartMethod::Fork) was asked for in a process that has more
    /// than one thread.
    ForkWithThreads {
        /// How many it has.
        threads: usize,
    },
    /// The pool cannot run tasks any more.
    BrokenProcessPool(BrokenProcessPool),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidArgument(what) => write!(f, "invalid argument: {what}"),
            Error::NotInitialized => f.write_str(
                "procpool::init() has not been called: call it at the start of main(), \
                 or put procpool::init_tests!() once into a test program",
            ),
            Error::Privileged => f.write_str(
                "this program has other privileges than its caller (set-user-ID, set-group-ID or file \
                 capabilities), and a worker could not tell its pool from a caller who wants them: use \
                 StartMethod::Fork, whose workers are copies of this process and are not started by \
                 anybody, or have the pool in a program of its own that is not privileged",
            ),
            Error::Setup { what, errno } => {
                write!(f, "the pool could not create {what}: {}", errno.desc())
            }
            Error::OutputFile { path, errno } => {
                let path = path.display();
                write!(f, "{path} cannot be opened for the output of workers: {}", errno.desc())
            }
            Error::Shutdown => f.write_str("the pool was shut down and takes no new tasks"),
            Error::Cancelled => f.write_str("the task was cancelled before it started"),
            Error::TimedOut(limit) => write!(f, "no result within {limit:?}; the task goes on"),
            Error::Panicked(panic) => write!(f, "the task {panic}"),
            Error::Codec(codec) => codec.fmt(f),
            Error::ForeignFunction(name) => write!(
                f,
                "`{name}` is not a function of the main executable (it lives in a shared library, \
                 or was made at run time), so a worker cannot find it: wrap it in a function of \
                 the program itself"
            ),
            Error::TaskTimedOut { work_item, limit } => {
                write!(f, "work item {work_item} ran for longer than {limit:?} and was ended")
            }
            Error::TaskKilled { work_item } => write!(f, "work item {work_item} was killed"),
            Error::WorkerDied(death) => death.fmt(f),
            Error::Protocol { pid, what } => write!(f, "worker {pid} {what}"),
            Error::NotReady(cause) => {
                write!(f, "the pool has fewer workers than ready() waits for: {cause}")
            }
            Error::OutOfMemory { step, bytes } => {
                let (what, whose) = match step {
                    CodecStep::EncodeArguments | CodecStep::DecodeArguments => {
                        ("arguments", "its worker")
                    }
                    CodecStep::EncodeResult | CodecStep::DecodeResult => ("result", "this process"),
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

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Setup { errno, .. } | Error::OutputFile { errno, .. } => Some(errno),
            Error::BrokenProcessPool(broken) => broken.source(),
            _ => None,
        }
    }
}

/// A panic that happened in a worker.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     let error = executor.submit(|x: u32| assert!(x > 9, "{x} is too small"), 1).error();
///     let Some(procpool::Error::Panicked(panic)) = error else { panic!("it panics") };
///     assert_eq!(panic.message, "1 is too small");
///     assert!(panic.location.is_some());
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemotePanic {
    /// The panic's message; a payload that is not text is named as such.
    pub message: String,
    /// `file:line:column`, or `None` when the program replaced the worker's panic hook.
    pub location: Option<String>,
    /// The worker's backtrace, when `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for one.
    pub backtrace: Option<String>,
}

impl fmt::Display for RemotePanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked")?;
        if let Some(location) = &self.location {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(backtrace) = &self.backtrace {
            write!(f, "\n{backtrace}")?;
        }
        Ok(())
    }
}

/// The step at which a value failed to travel.
///
/// # Examples
///
/// ```
/// use procpool::CodecStep;
///
/// fn has_run(failed_at: CodecStep) -> bool {
///     matches!(failed_at, CodecStep::EncodeResult | CodecStep::DecodeResult)
/// }
/// assert!(!has_run(CodecStep::DecodeArguments));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodecStep {
    /// In the parent, before the task was queued.
    EncodeArguments,
    /// In the worker; the task did not run.
    DecodeArguments,
    /// In the worker, after the task ran.
    EncodeResult,
    /// In the thread that asked for the result, after the task ran.
    DecodeResult,
}

/// A value that could not be turned into bytes, or back. Only its own task is affected.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     /// Refuses to be written.
///     #[derive(serde::Deserialize)]
///     struct Secret;
///
///     impl serde::Serialize for Secret {
///         fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
///             Err(serde::ser::Error::custom("it stays here"))
///         }
///     }
///
///     let error = executor.submit(|_: Secret| (), Secret).error();
///     let Some(procpool::Error::Codec(codec)) = error else { panic!("it cannot travel") };
///     assert_eq!(codec.step, procpool::CodecStep::EncodeArguments);
///     assert!(codec.type_name.ends_with("Secret"));
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CodecError {
    /// Where it failed.
    pub step: CodecStep,
    /// The Rust type, as [`std::any::type_name`] gives it.
    pub type_name: String,
    /// What the type or the format said, and the remedy when there is one.
    pub message: String,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.step {
            CodecStep::EncodeArguments => "the arguments could not be encoded",
            CodecStep::DecodeArguments => "the arguments could not be decoded in the worker",
            CodecStep::EncodeResult => "the result could not be encoded in the worker",
            CodecStep::DecodeResult => "the result could not be decoded",
        };
        write!(f, "{what}: type `{}`: {}", self.type_name, self.message)
    }
}

/// The pool cannot run tasks any more, because of its [`cause`](Self::cause).
///
/// Every future that was not settled when the pool broke, and every later
/// [`submit`](crate::ProcessPoolExecutor::submit), gets an error of its own with this one cause.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     use procpool::{BrokenCause, Error};
///
///     let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
///     let Some(Error::BrokenProcessPool(broken)) = error else { panic!("its worker exits") };
///     assert!(broken.to_string().starts_with("the process pool is broken: worker "));
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenProcessPool {
    cause: Arc<BrokenCause>,
}

impl BrokenProcessPool {
    pub(crate) fn new(cause: BrokenCause) -> Self {
        Self { cause: Arc::new(cause) }
    }

    /// Returns what broke the pool.
    ///
    /// # Examples
    ///
    /// ```
    /// fn main() -> Result<(), procpool::Error> {
    ///     procpool::init();
    ///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    ///     use procpool::{BrokenCause, Error};
    ///
    ///     let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
    ///     let Some(Error::BrokenProcessPool(broken)) = error else { panic!("its worker exits") };
    ///     assert!(matches!(broken.cause(), BrokenCause::WorkerDied(_)));
    ///     Ok(())
    /// }
    /// ```
    pub fn cause(&self) -> &BrokenCause {
        &self.cause
    }
}

impl fmt::Display for BrokenProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the process pool is broken: {}", self.cause)
    }
}

impl std::error::Error for BrokenProcessPool {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.cause {
            BrokenCause::StartFailed { errno, .. } | BrokenCause::DescriptorLost { errno } => {
                Some(errno)
            }
            _ => None,
        }
    }
}

/// What broke a pool.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     use procpool::{BrokenCause, Error};
///
///     executor.kill_workers();
///     let Some(Error::BrokenProcessPool(broken)) = executor.submit(|()| (), ()).error() else {
///         panic!("a killed pool is broken")
///     };
///     assert_eq!(*broken.cause(), BrokenCause::Killed);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenCause {
    /// The initializer returned an error.
    InitializerFailed {
        /// The worker it ran in.
        pid: u32,
        /// The error's text.
        message: String,
    },
    /// The initializer panicked.
    InitializerPanicked {
        /// The worker it ran in.
        pid: u32,
        /// The panic.
        panic: RemotePanic,
    },
    /// The initializer's arguments could not be decoded in the worker.
    InitargsLost {
        /// The worker it was to run in.
        pid: u32,
        /// What failed.
        error: CodecError,
    },
    /// A worker ended although nobody asked it to.
    WorkerDied(WorkerDeath),
    /// A worker did not reach [`init`](crate::init) in time and was killed.
    StartTimeout {
        /// The worker.
        pid: u32,
        /// The limit that it exceeded.
        limit: Duration,
    },
    /// No worker could be started, and none was alive.
    StartFailed {
        /// What was being created.
        what: &'static str,
        /// The system's answer.
        errno: Errno,
    },
    /// A worker sent something that is not part of the protocol and was killed.
    Protocol {
        /// The worker.
        pid: u32,
        /// What was wrong with it.
        what: String,
    },
    /// The process that workers are forked from ended.
    ServerDied {
        /// The server.
        pid: u32,
        /// How it ended.
        exit: WorkerExit,
        /// What it was doing.
        activity: Activity,
        /// Whether it was a copy of the program, of [`StartMethod::Fork`](crate::StartMethod::Fork):
        /// there can be no second one.
        copy: bool,
    },
    /// The process that workers are forked from could not go on, because the system refused it something.
    ServerGaveUp {
        /// The server.
        pid: u32,
        /// What was refused, and the system's answer.
        why: String,
    },
    /// The process that workers are forked from did not answer in time and was killed.
    ServerTimeout {
        /// The server.
        pid: u32,
        /// The limit that it exceeded.
        limit: Duration,
        /// What it was doing.
        activity: Activity,
    },
    /// [`preload`](crate::Builder::preload) panicked.
    PreloadPanicked {
        /// The server that it ran in.
        pid: u32,
        /// The panic.
        panic: RemotePanic,
    },
    /// [`preload`](crate::Builder::preload) left threads behind, so its process cannot be forked.
    PreloadLeftThreads {
        /// The server that it ran in.
        pid: u32,
        /// How many threads the server has, its own included.
        threads: usize,
    },
    /// [`kill_workers`](crate::ProcessPoolExecutor::kill_workers) was called.
    Killed,
    /// [`terminate_workers`](crate::ProcessPoolExecutor::terminate_workers) was called.
    Terminated,
    /// The program has closed, or put something else in the place of, a descriptor that the pool waits
    /// on.
    DescriptorLost {
        /// The system's answer.
        errno: Errno,
    },
    /// The thread that manages the workers panicked: a bug in this crate.
    Internal(String),
}

impl fmt::Display for BrokenCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokenCause::InitializerFailed { pid, message } => {
                write!(f, "the initializer failed in worker {pid}: {message}")
            }
            BrokenCause::InitializerPanicked { pid, panic } => {
                write!(f, "the initializer of worker {pid} {panic}")
            }
            BrokenCause::InitargsLost { pid, error } => {
                write!(f, "the initializer of worker {pid} did not run: {error}")
            }
            BrokenCause::WorkerDied(death) => death.fmt(f),
            BrokenCause::StartTimeout { pid, limit } => write!(
                f,
                "worker {pid} did not reach procpool::init() within {limit:?}: a worker is this \
                 program started again, and everything before init() in main() runs in it too; \
                 move that code behind init(), or raise start_timeout"
            ),
            BrokenCause::StartFailed { what, errno } => {
                write!(f, "no worker could be started: creating {what} failed: {}", errno.desc())
            }
            BrokenCause::Protocol { pid, what } => write!(f, "worker {pid} {what}"),
            BrokenCause::ServerDied { pid, exit, activity, copy } => {
                write!(f, "server {pid}, from which workers are forked, {exit} while {activity}")?;
                match copy {
                    true => f.write_str(
                        "; it was a copy of the program as it was in build(), so there can be no \
                         other: where a pool is to outlive that, use StartMethod::Forkserver",
                    ),
                    false => Ok(()),
                }
            }
            BrokenCause::ServerGaveUp { pid, why } => {
                write!(f, "server {pid}, from which workers are forked, cannot go on: {why}")
            }
            BrokenCause::ServerTimeout { pid, limit, activity } => write!(
                f,
                "server {pid}, from which workers are forked, did not answer within {limit:?} \
                 while {activity}; if what comes before procpool::init() in main(), or preload, \
                 takes that long, raise start_timeout"
            ),
            BrokenCause::PreloadPanicked { pid, panic } => {
                write!(f, "preload, in server {pid}, {panic}")
            }
            BrokenCause::PreloadLeftThreads { pid, threads } => write!(
                f,
                "preload left server {pid} with {threads} threads, and only a process with one can \
                 be forked: end the others in preload, or start them in the initializer"
            ),
            BrokenCause::Killed => f.write_str("its workers were killed by kill_workers()"),
            BrokenCause::Terminated => {
                f.write_str("its workers were told to end by terminate_workers()")
            }
            BrokenCause::DescriptorLost { errno } => write!(
                f,
                "its manager cannot wait for events any more: {}; the program has closed or replaced \
                 a descriptor of the pool's, and must leave alone what it has not opened itself",
                errno.desc()
            ),
            BrokenCause::Internal(what) => {
                write!(f, "its manager thread panicked, which is a bug in procpool: {what}")
            }
        }
    }
}

/// What is known of a worker that ended although nobody asked it to.
///
/// As text it is a sentence, followed by what the worker last wrote to stderr, if that was captured.
///
/// # Examples
///
/// ```
/// use procpool::{Activity, BrokenCause, Error, ProcessPoolExecutor, WorkerExit};
///
/// fn main() -> Result<(), Error> {
///     procpool::init();
///     let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
///     let Err(Error::BrokenProcessPool(broken)) =
///         executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).result()
///     else {
///         unreachable!("its worker exits")
///     };
///     let BrokenCause::WorkerDied(death) = broken.cause() else { unreachable!("{broken}") };
///     assert_eq!((death.exit, death.activity), (WorkerExit::Code(3), Activity::Running(1)));
///     let sentence = format!("worker {} exited with code 3 while running work item 1", death.pid);
///     assert_eq!(death.to_string(), sentence);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerDeath {
    /// The worker.
    pub pid: u32,
    /// How it ended.
    pub exit: WorkerExit,
    /// What it was doing.
    pub activity: Activity,
    /// What it had used; `None` when the status was collected elsewhere.
    pub usage: Option<ResourceUsage>,
    /// The system call that it needed and that was refused, and the system's answer, if that ended it.
    /// In a sandbox any call may be.
    pub refused: Option<String>,
    /// The last lines that it wrote to stderr, if the pool captures them.
    pub stderr: Option<String>,
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, exit, activity, .. } = self;
        write!(f, "worker {pid} {exit} while {activity}")?;
        if let Some(refused) = &self.refused {
            write!(f, ", because {refused}")?;
        }
        let mut lines = self.stderr.iter().flat_map(|text| text.lines()).peekable();
        if lines.peek().is_some() {
            f.write_str("; it last wrote to stderr:")?;
        }
        lines.try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// What a process had used when it ended, together with the children that it had waited for.
///
/// # Examples
///
/// ```
/// use procpool::ResourceUsage;
///
/// fn in_words(usage: &ResourceUsage) -> String {
///     let mib = usage.max_rss >> 20;
///     format!("{:?} of processor time, {mib} MiB", usage.user_time + usage.system_time)
/// }
/// # let (user_time, system_time) = (std::time::Duration::from_secs(2), std::time::Duration::ZERO);
/// # let usage = ResourceUsage { user_time, system_time, max_rss: 3 << 20 };
/// assert_eq!(in_words(&usage), "2s of processor time, 3 MiB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// The processor time that it spent in code of its own.
    pub user_time: Duration,
    /// The processor time that the kernel spent for it.
    pub system_time: Duration,
    /// The most memory that it had resident at any time, in bytes.
    ///
    /// The kernel counts from before the process became the program that it is: a worker's number
    /// is never below what its parent had at most when it started the worker.
    pub max_rss: u64,
}

/// How a worker process ended.
///
/// # Examples
///
/// ```
/// use procpool::WorkerExit;
///
/// assert_eq!(WorkerExit::Code(3).to_string(), "exited with code 3");
/// assert_eq!(WorkerExit::Signal(9).to_string(), "was killed by SIGKILL");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerExit {
    /// It called `exit`, or returned from `main`.
    Code(i32),
    /// A signal ended it. The number is the platform's.
    Signal(i32),
    /// It ended with the server that it was forked from, which has died.
    WithServer,
    /// It is gone, but its status went to another `wait` of the program, or SIGCHLD is ignored.
    Unknown,
}

impl fmt::Display for WorkerExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerExit::Code(code) => write!(f, "exited with code {code}"),
            WorkerExit::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "was killed by {}", signal.as_str()),
                Err(_) => write!(f, "was killed by signal {number}"),
            },
            WorkerExit::WithServer => f.write_str("ended with the server that it was forked from"),
            WorkerExit::Unknown => f.write_str("ended (its exit status was collected elsewhere)"),
        }
    }
}

/// What a worker, or the server that workers are forked from, was doing when it ended.
///
/// # Examples
///
/// ```
/// use procpool::Activity;
///
/// assert_eq!(Activity::Running(7).to_string(), "running work item 7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It had not reached [`init`](crate::init) yet.
    Starting,
    /// It was running [`preload`](crate::Builder::preload).
    Preloading,
    /// It was running the initializer.
    Initializing,
    /// It had been sent this work item, and had not started it: its arguments may still have been on
    /// their way.
    Receiving(u64),
    /// It was running the work item with this number: submissions are counted from 1.
    Running(u64),
    /// It was waiting for something to do.
    Idle,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activity::Starting => f.write_str("starting: it never reached procpool::init()"),
            Activity::Preloading => f.write_str("running preload"),
            Activity::Initializing => f.write_str("running the initializer"),
            Activity::Receiving(id) => write!(f, "receiving the arguments of work item {id}"),
            Activity::Running(id) => write!(f, "running work item {id}"),
            Activity::Idle => f.write_str("idle"),
        }
    }
}
