//! The calls of a pool's hooks.

use std::sync::{Arc, Mutex, PoisonError};

use procpool::{ExitReason, WorkerInfo};

/// The calls of the hooks, in order: a worker that has started, or exited for a reason.
pub(crate) type Hooks = Vec<(WorkerInfo, Option<ExitReason>)>;

/// Records the calls of the hooks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hooked(Arc<Mutex<Hooks>>);

impl Hooked {
    pub(crate) fn started(&self, worker: WorkerInfo) {
        self.push((worker, None));
    }

    pub(crate) fn exited(&self, worker: WorkerInfo, reason: ExitReason) {
        self.push((worker, Some(reason)));
    }

    fn push(&self, call: (WorkerInfo, Option<ExitReason>)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub(crate) fn calls(&self) -> Hooks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
