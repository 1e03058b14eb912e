//! Why a pool is broken.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno as Known;
use procpool_launch::{Refusal, WorkerExit};
use serde::{Deserialize, Serialize};

use super::death::{UNSTARTED, because};
use super::{Activity, CodecError, Errno, RemotePanic, WorkerDeath};

/// The pool can no longer run tasks, because of its [`cause`](Self::cause).
///
/// Every future that was not settled when the pool broke, and every later
/// [`submit`](crate::ProcessPoolExecutor::submit), gets an error of its own with this cause.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::{BrokenCause, Error};
/// let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
/// let Some(Error::BrokenProcessPool(broken)) = error else { panic!("its worker exits") };
/// assert!(broken.to_string().starts_with("the process pool is broken: worker "));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BrokenCause", into = "BrokenCause")]
pub struct BrokenProcessPool {
    cause: Arc<BrokenCause>,
}

impl From<BrokenCause> for BrokenProcessPool {
    fn from(cause: BrokenCause) -> Self {
        Self { cause: Arc::new(cause) }
    }
}

impl From<BrokenProcessPool> for BrokenCause {
    fn from(broken: BrokenProcessPool) -> Self {
        Arc::unwrap_or_clone(broken.cause)
    }
}

impl BrokenProcessPool {
    /// Returns the cause.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// #     use procpool::{BrokenCause, Error};
    /// let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
    /// let Some(Error::BrokenProcessPool(broken)) = error else { panic!("its worker exits") };
    /// assert!(matches!(broken.cause(), BrokenCause::WorkerDied(_)));
    /// #     Ok(())
    /// # }
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
        self.cause.source()
    }
}

/// The cause of a broken pool.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::{BrokenCause, Error};
/// #     executor.kill_workers();
/// let Some(Error::BrokenProcessPool(broken)) = executor.submit(|()| (), ()).error() else {
///     panic!("a killed pool is broken")
/// };
/// assert_eq!(*broken.cause(), BrokenCause::Killed);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BrokenCause {
    /// The initializer returned an error.
    InitializerFailed {
        /// The worker it ran in.
        pid: u32,
        /// The error's text.
        message: String,
    },
    /// The initializer panicked, or a function of a
    /// [broadcast](crate::ProcessPoolExecutor::broadcast) did in a worker that was starting.
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
        /// The error of decoding them.
        error: CodecError,
    },
    /// A worker ended although nobody asked it to.
    WorkerDied(WorkerDeath),
    /// A worker did not reach [`init`](crate::init) in time and was killed.
    StartTimeout {
        /// The worker.
        pid: u32,
        /// How long it was given.
        timeout: Duration,
    },
    /// No worker could be started, and none was alive.
    StartFailed {
        /// The object that was being created.
        what: Cow<'static, str>,
        /// The system's answer.
        errno: Errno,
    },
    /// A worker violated the protocol and was killed.
    Protocol {
        /// The worker.
        pid: u32,
        /// Its violation of the protocol.
        what: String,
    },
    /// The process that workers are forked from ended.
    ForkserverDied {
        /// The forkserver.
        pid: u32,
        /// How it ended.
        exit: WorkerExit,
        /// Its operation at that time.
        activity: Activity,
        /// The system call that it needed, if a refusal ended it.
        refused: Option<String>,
        /// Whether it was a copy of the program, by
        /// [`StartMethod::Fork`](crate::StartMethod::Fork): there can be no second one.
        copy: bool,
    },
    /// No worker can be started on other hosts any more: the command that reaches them has failed, or none of
    /// them is left.
    HostsLost(String),
    /// The process that workers are forked from did not answer in time and was killed.
    ForkserverTimeout {
        /// The forkserver.
        pid: u32,
        /// How long it was given.
        timeout: Duration,
        /// Its operation at that time.
        activity: Activity,
    },
    /// [`preload`](crate::Builder::preload) panicked.
    PreloadPanicked {
        /// The forkserver that it ran in.
        pid: u32,
        /// The panic.
        panic: RemotePanic,
    },
    /// The forkserver had more than one thread when it reached [`init`](crate::init), so it cannot be
    /// forked.
    ThreadsBeforeInit {
        /// The forkserver.
        pid: u32,
        /// How many threads it has, including its own.
        threads: usize,
    },
    /// [`preload`](crate::Builder::preload) left threads behind, so its process cannot be forked.
    PreloadLeftThreads {
        /// The forkserver that it ran in.
        pid: u32,
        /// How many threads the forkserver has, including its own.
        threads: usize,
    },
    /// [`kill_workers`](crate::ProcessPoolExecutor::kill_workers) was called.
    Killed,
    /// [`terminate_workers`](crate::ProcessPoolExecutor::terminate_workers) was called.
    Terminated,
    /// The program has closed or replaced a descriptor that the pool waits on.
    DescriptorLost {
        /// The system's answer.
        errno: Errno,
    },
    /// The pool's own code panicked, on any thread: a bug in this crate.
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
            BrokenCause::StartTimeout { pid, timeout } => write!(
                f,
                "worker {pid} did not reach procpool::init() within {timeout:?}: a worker is this \
                 program started again, and everything before init() in main() runs in it too; \
                 move that code behind init(), or raise start_timeout"
            ),
            BrokenCause::StartFailed { what, errno } => {
                let refusal = Refusal(what, Known::from_raw(errno.raw()));
                write!(f, "no worker could be started: creating {what} failed: {refusal}")
            }
            BrokenCause::Protocol { pid, what } => write!(f, "worker {pid} {what}"),
            BrokenCause::ForkserverDied { pid, exit, activity, refused, copy } => {
                write!(f, "forkserver {pid} {exit} while {activity}")?;
                because(refused, f)?;
                match (copy, activity) {
                    (true, _) => f.write_str(
                        "; it was a copy of the program as it was in build(), so there can be no \
                         other: where a pool is to outlive that, use StartMethod::Forkserver",
                    ),
                    (false, Activity::Starting) => write!(f, "; {UNSTARTED}"),
                    (false, _) => Ok(()),
                }
            }
            BrokenCause::HostsLost(what) => write!(f, "no host runs workers: {what}"),
            BrokenCause::ForkserverTimeout { pid, timeout, activity } => write!(
                f,
                "forkserver {pid} did not answer within {timeout:?} \
                 while {activity}; if what comes before procpool::init() in main(), or preload, \
                 takes that long, raise start_timeout"
            ),
            BrokenCause::PreloadPanicked { pid, panic } => {
                write!(f, "preload, in forkserver {pid}, {panic}")
            }
            BrokenCause::ThreadsBeforeInit { pid, threads } => write!(
                f,
                "forkserver {pid} had {threads} threads when it came to procpool::init(), and only a \
                 process with one can be forked: start the others behind init() (what stands \
                 before it in main() runs in the forkserver, too), or use StartMethod::Spawn"
            ),
            BrokenCause::PreloadLeftThreads { pid, threads } => write!(
                f,
                "preload left forkserver {pid} with {threads} threads, and only a process with one can \
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
                Known::from_raw(errno.raw()).desc()
            ),
            BrokenCause::Internal(what) => {
                write!(f, "the pool itself panicked, which is a bug in procpool: {what}")
            }
        }
    }
}

impl std::error::Error for BrokenCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BrokenCause::StartFailed { errno, .. } | BrokenCause::DescriptorLost { errno } => {
                Some(errno)
            }
            _ => None,
        }
    }
}
