//! How a process of the pool ended, and at what.

use std::fmt;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        because(&self.refused, f)?;
        if *activity == Activity::Starting {
            write!(f, "; {UNSTARTED}")?;
        }
        let mut lines = self.stderr.iter().flat_map(|text| text.lines()).peekable();
        if lines.peek().is_some() {
            f.write_str("; it last wrote to stderr:")?;
        }
        lines.try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for WorkerDeath {}

/// Adds what the system has refused a process that ended over it.
pub(super) fn because(refused: &Option<String>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    refused.as_ref().map_or(Ok(()), |refused| write!(f, ", because {refused}"))
}

/// What to look at when a process of the pool ends before it says that it is one.
pub(super) const UNSTARTED: &str = "it was this program, started again, and did not get through \
    procpool::init(): call that first in main(), before anything that reads arguments or exits; a \
    test program needs procpool::init_tests!() instead";

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
/// # let [used, none] = [2, 0].map(|secs| serde_json::json!({"secs": secs, "nanos": 0}));
/// # let usage = serde_json::json!({"user_time": used, "system_time": none, "max_rss": 3 << 20});
/// # let usage = serde_json::from_value(usage).expect("numbers are serde types");
/// assert_eq!(in_words(&usage), "2s of processor time, 3 MiB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Activity {
    /// It had not got through [`init`](crate::init) yet.
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
            Activity::Starting => f.write_str("starting"),
            Activity::Preloading => f.write_str("running preload"),
            Activity::Initializing => f.write_str("running the initializer"),
            Activity::Receiving(id) => write!(f, "receiving the arguments of work item {id}"),
            Activity::Running(id) => write!(f, "running work item {id}"),
            Activity::Idle => f.write_str("idle"),
        }
    }
}
