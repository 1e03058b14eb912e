//! What a pool was built with: its settings, and the user's hooks.
//!
//! Owns no behaviour but to hand a hook that is due to the callback thread. Never changes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use procpool_launch::Surroundings;
use procpool_link::Entry;

use super::wakes::Hook;
use crate::callbacks::CallbackThread;
use crate::lifecycle::{DeathPolicy, ExitReason, WorkerInfo};
use crate::start::Starter;

/// What a pool was built with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_workers: usize,
    /// The initializer that every worker runs first, if there is one, and its encoded arguments.
    pub(crate) initialize: Option<(Entry, Bytes)>,
    pub(crate) place: Surroundings,
    /// How many lines of each worker's stderr are kept, if that goes through the pool.
    pub(crate) captured_lines: Option<usize>,
    pub(crate) starter: Starter,
    pub(crate) policies: Policies,
}

/// How workers live and end.
#[derive(Debug)]
pub(crate) struct Policies {
    pub(crate) start_timeout: Duration,
    pub(crate) death_policy: DeathPolicy,
    /// How many workers in a row may end before they take tasks, where dead ones are replaced.
    pub(crate) max_failed_starts: u32,
    /// For how long a task may run that has no limit of its own.
    pub(crate) task_time_limit: Option<Duration>,
    /// How long each step of ending a task that took too long may take.
    pub(crate) grace: Duration,
    pub(crate) max_tasks_per_child: Option<u64>,
    pub(crate) idle_timeout: Option<Duration>,
    /// What is called with a worker's state when the worker leaves.
    pub(crate) finalizer: Option<Entry>,
    /// How long a worker may take to exit once it was asked to.
    pub(crate) finalizer_time_limit: Duration,
    pub(crate) hooks: Hooks,
}

/// What the user wants called in this process.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_worker_start: Option<Arc<dyn Fn(WorkerInfo) + Send + Sync>>,
    pub(crate) on_worker_exit: Option<Arc<dyn Fn(WorkerInfo, ExitReason) + Send + Sync>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_worker_start", &self.on_worker_start.is_some())
            .field("on_worker_exit", &self.on_worker_exit.is_some())
            .finish()
    }
}

impl Hooks {
    pub(super) fn push(&self, hook: Hook, thread: &CallbackThread) {
        match hook {
            Hook::Start(worker) => {
                if let Some(call) = self.on_worker_start.clone() {
                    thread.push(Box::new(move || call(worker)));
                }
            }
            Hook::Exit(worker, reason) => {
                if let Some(call) = self.on_worker_exit.clone() {
                    thread.push(Box::new(move || call(worker, reason)));
                }
            }
        }
    }
}
