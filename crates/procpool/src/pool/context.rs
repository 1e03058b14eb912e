//! The part of a pool that its state may use.
//!
//! Owns what never changes or has a lock of its own, below the pool's. The state gets this and
//! nothing else: not the pool's lock, the threads that wait for results, or the callbacks.

use procpool_capture::Captured;
use procpool_os::poller::Poller;

use super::inbox::Inbox;
use super::settings::Settings;

/// The parts of a pool that its state may use.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) settings: Settings,
    pub(super) poller: Poller,
    pub(super) inbox: Inbox,
    pub(super) cpus: usize,
}

/// The pool's record of a worker that is being started.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Unique in its pool, unlike the pid.
    pub(super) serial: u64,
    pub(super) slot: usize,
    pub(super) stderr: Option<Captured>,
}

impl Context {
    pub(super) fn max_workers(&self) -> usize {
        self.settings.max_workers
    }
}
