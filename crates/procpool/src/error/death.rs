//! How a process of the pool ended, and during what activity.

use std::fmt;

use procpool_launch::{HostName, ResourceUsage, WorkerExit};
use serde::{Deserialize, Serialize};

/// A worker that ended although nobody asked it to.
///
/// Its text is a sentence, followed by the last lines that the worker wrote to stderr, if captured.
///
/// # Examples
///
/// ```
/// # use procpool::{Activity, BrokenCause, Error, ProcessPoolExecutor, WorkerExit};
/// # fn main() -> Result<(), Error> {
/// #     procpool::init();
/// #     let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
/// #     let Some(Error::BrokenProcessPool(broken)) = error else { panic!("its worker exits") };
/// let BrokenCause::WorkerDied(death) = broken.cause() else { panic!("its worker exits") };
/// assert_eq!((death.exit, death.activity), (WorkerExit::Code(3), Activity::Running(1)));
/// let sentence = format!("worker {} exited with code 3 while running work item 1", death.pid);
/// assert_eq!(death.to_string(), sentence);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerDeath {
    /// The worker.
    pub pid: u32,
    /// Its host, if that is not this one.
    pub host: Option<HostName>,
    /// How it ended.
    pub exit: WorkerExit,
    /// Whether the kernel's out-of-memory killer probably ended it: SIGKILL did, which the pool had not sent,
    /// and the kernel has counted one more such kill in the program's control group than earlier
    /// deaths explain. `false` if the kernel's count cannot be read.
    pub oom_killed: bool,
    /// Its operation at that time.
    pub activity: Activity,
    /// The resources that it used; `None` if another part of the program collected its status.
    pub usage: Option<ResourceUsage>,
    /// The system call that it needed, and the system's answer, if a refusal ended it. In a sandbox
    /// any call may be refused.
    pub refused: Option<String>,
    /// The last lines that it wrote to stderr, if the pool captures them.
    pub stderr: Option<Box<str>>,
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, exit, activity, .. } = self;
        let host = self.host.map(|host| format!(" on {host}")).unwrap_or_default();
        match self.oom_killed {
            true => write!(
                f,
                "worker {pid} was killed by SIGKILL, probably from the kernel's out-of-memory killer,"
            )?,
            false => write!(f, "worker {pid}{host} {exit}")?,
        }
        write!(f, " while {activity}")?;
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

/// Appends what the system refused a process that ended because of it.
pub(super) fn because(refused: &Option<String>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    refused.as_ref().map_or(Ok(()), |refused| write!(f, ", because {refused}"))
}

/// Advice for the case that a process of the pool ends before it identifies itself.
pub(super) const UNSTARTED: &str = "it was this program, started again, and did not get through \
    procpool::init(): call that first in main(), before anything that reads arguments or exits; a \
    test program needs procpool::init_tests!() instead";

/// The activity of a worker, or of the forkserver that workers are forked from, when it ended.
///
/// # Examples
///
/// ```
/// use procpool::Activity;
///
/// assert_eq!(Activity::Running(7).to_string(), "running work item 7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Activity {
    /// It had not passed [`init`](crate::init) yet.
    Starting,
    /// It was running [`preload`](crate::Builder::preload).
    Preloading,
    /// It was running the initializer.
    Initializing,
    /// It was sent this work item, and had not started it: its arguments may still have been
    /// arriving.
    Receiving(u64),
    /// It was running the work item with this number: submissions are counted from 1.
    Running(u64),
    /// It was running an item of a map.
    RunningItem {
        /// The number of the work item that the item was sent in.
        work_item: u64,
        /// The index of the item, counted from 0 in its map; the largest number for all later ones.
        item: u32,
    },
    /// It was waiting for work.
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
            Activity::RunningItem { work_item, item } => {
                write!(f, "running item {item} of a map, in work item {work_item}")
            }
            Activity::Idle => f.write_str("idle"),
        }
    }
}
