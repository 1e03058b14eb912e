//! The settings that a pool was built with, and the user's hooks.
//!
//! Owns the defaults. Never changes. Its only behaviour is to make callbacks of due hooks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use procpool_callbacks::Callback;
use procpool_launch::Surroundings;
use procpool_link::{Entry, Receipt};

use crate::lifecycle::{DeathPolicy, ExitReason, WorkerInfo};
use crate::start::Starter;

/// How long a worker may take to reach `init()`. Shorter gives up on slow machines; longer delays
/// the error of a program that never reaches it.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a task may take to end after it was asked to, and a process after SIGTERM. Shorter
/// interrupts tasks that would have ended well; longer keeps a useless worker.
const GRACE: Duration = Duration::from_secs(1);

/// How long a worker may take to exit after it was asked to. Shorter cuts off finalizers with much
/// to write; longer delays the end of a pool behind a worker that hangs.
const FINALIZER_TIME_LIMIT: Duration = Duration::from_secs(30);

/// The settings of a pool.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_workers: usize,
    /// The initializer, if any: the step that every worker runs first, number 0.
    pub(crate) initialize: Option<Step>,
    pub(crate) surroundings: Surroundings,
    /// How many lines of each worker's stderr are kept, if it is captured.
    pub(crate) captured_lines: Option<usize>,
    /// Whether workers ignore SIGTERM, so that they are killed instead.
    pub(crate) ignores_group_signals: bool,
    pub(crate) starter: Starter,
    pub(crate) policies: Policies,
}

/// How workers live and end. What `Default` returns is no pool's: [`new`](Self::new) is.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    pub(crate) start_timeout: Duration,
    pub(crate) death_policy: DeathPolicy,
    /// How many workers in a row may end before they take tasks, if dead ones are replaced.
    pub(crate) max_failed_starts: Option<u32>,
    /// The first and the longest delay after such an end.
    pub(crate) start_backoff: Option<(Duration, Duration)>,
    /// How many tasks may wait, if that is limited.
    pub(crate) queue_capacity: Option<usize>,
    /// The time limit of tasks that have none of their own.
    pub(crate) task_time_limit: Option<Duration>,
    /// How long each step of ending a task that took too long may take.
    pub(crate) grace: Duration,
    pub(crate) max_tasks_per_child: Option<u64>,
    /// How many tasks more a worker may run.
    pub(crate) max_tasks_jitter: u64,
    /// How many workers more than `max_workers` there may be while others are replaced.
    pub(crate) overlap_replacements: usize,
    /// How soon the kernel's out-of-memory killer takes a worker.
    pub(crate) oom_score_adj: Option<i16>,
    /// In bytes.
    pub(crate) max_memory_per_child: Option<u64>,
    pub(crate) idle_timeout: Option<Duration>,
    /// How many idle workers stay, however long they are idle.
    pub(crate) min_idle: usize,
    /// Called with a worker's state when the worker exits.
    pub(crate) finalizer: Option<Entry>,
    /// How long a worker may take to exit once it was asked to.
    pub(crate) finalizer_time_limit: Duration,
    /// Whether dropping the executor cancels the tasks that have not started.
    pub(crate) cancel_on_drop: bool,
    pub(crate) hooks: Hooks,
}

impl Policies {
    /// Returns the defaults of a pool: all policies are off but for these.
    pub(crate) fn new() -> Self {
        Self {
            start_timeout: START_TIMEOUT,
            grace: GRACE,
            finalizer_time_limit: FINALIZER_TIME_LIMIT,
            ..Self::default()
        }
    }
}

/// A function that a worker runs before its first task: a number that grows, the function, its arguments.
pub(crate) type Step = (u64, Entry, Bytes);

/// Gets the worker, the work item and the encoded report.
pub(crate) type OnReport = dyn Fn(WorkerInfo, Option<u64>, &[u8]) + Send + Sync;

/// The user's hooks, which run in this process.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_worker_start: Option<Arc<dyn Fn(WorkerInfo) + Send + Sync>>,
    pub(crate) on_worker_exit: Option<Arc<dyn Fn(WorkerInfo, ExitReason) + Send + Sync>>,
    pub(crate) on_report: Option<Arc<OnReport>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

impl Hooks {
    pub(super) fn start(&self, worker: WorkerInfo) -> Option<Callback> {
        let call = self.on_worker_start.clone()?;
        Some(Box::new(move || call(worker)))
    }

    pub(super) fn exit(&self, worker: WorkerInfo, reason: ExitReason) -> Option<Callback> {
        let call = self.on_worker_exit.clone()?;
        Some(Box::new(move || call(worker, reason)))
    }

    pub(super) fn report(
        &self,
        worker: WorkerInfo,
        work_item: Option<u64>,
        payload: Vec<u8>,
        receipt: Receipt,
    ) -> Option<Callback> {
        let call = self.on_report.clone()?;
        Some(Box::new(move || {
            let _until_it_is_handled = receipt;
            call(worker, work_item, &payload);
        }))
    }
}
