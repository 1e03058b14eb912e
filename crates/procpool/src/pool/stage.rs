//! The stages of a worker's life, and which may follow which.
//!
//! ```text
//! Starting ──Hello──▶ Waiting ──its slot is free──▶ Initializing ──Ready──▶ Ready ──last words──▶ Dying
//!                        │ └──the same, no initializer────────────────────▶ │
//!                        └──Exit sent──▶ Exiting ◀──Exit sent───────────────┘
//! any ──killed by the pool──▶ Killed
//! ```

use crate::lifecycle::ExitReason;

/// The stage of a worker's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Started; it has not said Hello, and is sent nothing until then.
    Starting,
    /// It has said Hello; an earlier worker still has its slot.
    Waiting,
    /// It runs the initializer, or a function of a broadcast before its first task.
    Initializing,
    /// It runs tasks or waits for one.
    Ready,
    /// It reported the failure of this work item and is about to abort.
    Dying(u64),
    /// It was asked to exit.
    Exiting(ExitReason),
    /// It was killed by the pool, or sent SIGTERM, which it may handle until its deadline.
    Killed(ExitReason),
}

impl Stage {
    /// Whether a worker in stage `before` may enter this one.
    pub(super) fn may_follow(self, before: Stage) -> bool {
        match self {
            Stage::Starting => false,
            Stage::Waiting => before == Stage::Starting,
            Stage::Initializing => matches!(before, Stage::Waiting | Stage::Initializing),
            Stage::Ready => matches!(before, Stage::Waiting | Stage::Initializing),
            Stage::Dying(_) => before == Stage::Ready,
            Stage::Exiting(_) => matches!(before, Stage::Waiting | Stage::Ready),
            Stage::Killed(_) => !matches!(before, Stage::Killed(_)),
        }
    }
}
