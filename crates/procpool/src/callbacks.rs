//! The thread that runs the user's code in the parent: callbacks of futures.
//!
//! Owns their order, the thread and its end. Knows no future and no worker: what it runs is given
//! to it, whole.
//!
//! There is one for each pool, started when it is first needed, so that what it runs may block, for
//! ever if need be, and delays nothing but what is behind it. Whoever runs callbacks is the
//! *runner*, and there is never more than one:
//!
//! ```text
//! push ──▶ queue ──▶ the thread procpool-callbacks      (the rule)
//!            ├─────▶ the thread that pushes             (the system has refused the thread, or
//!            │                                           the pool is over and the thread has ended)
//!            └─────▶ the thread that ends the pool      (what is left, if there is no thread)
//! ```
//!
//! The manager must not run the user's code while there is a pool to manage. If the thread is
//! refused when the manager pushes, it leaves the callback in the queue and tries again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use procpool_os::lineage::Lineage;
use procpool_os::signal;

use crate::panics;

/// What the thread runs.
pub(crate) type Callback = Box<dyn FnOnce() + Send>;

/// How long the manager waits before it tries again to start the thread. Shorter tries a full
/// system harder; longer delays callbacks longer once there is room again.
const START_RETRY: Duration = Duration::from_secs(1);

thread_local! {
    /// On a thread that runs nothing else: the process that has it.
    static HOME: Cell<Option<Lineage>> = const { Cell::new(None) };
    /// Whether this thread must not run what it pushes.
    static ONLY_PUSHES: Cell<bool> = const { Cell::new(false) };
}

/// Says that the calling thread manages a pool, and must not run what it pushes.
pub(crate) fn only_push_here() {
    ONLY_PUSHES.set(true);
}

/// Runs something of the user's; a panic goes to the log and no further.
pub(crate) fn run(callback: impl FnOnce()) {
    if let Err(panic) = panics::catch_message(AssertUnwindSafe(callback)) {
        log::error!("a callback panicked: {}", panic.message);
    }
}

/// See the module. Copies are handles to the same thread.
#[derive(Clone)]
pub(crate) struct CallbackThread(Arc<Shared>);

struct Shared {
    /// The signal mask that callbacks run with: that of the thread that built the pool.
    mask: SigSet,
    state: Mutex<State>,
    /// Told of callbacks, of the closing, and of a runner that leaves.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Callback>,
    /// Who runs callbacks, or waits for some to run.
    runner: Option<ThreadId>,
    /// The thread, until somebody joins it.
    thread: Option<JoinHandle<()>>,
    /// Whether the pool is over. Then the thread ends when the queue is empty.
    closed: bool,
}

impl CallbackThread {
    pub(crate) fn new(mask: SigSet) -> Self {
        let (state, changed) = (Mutex::new(State::default()), Condvar::new());
        Self(Arc::new(Shared { mask, state, changed }))
    }

    /// Has `callback` run, behind those that were pushed before.
    pub(crate) fn push(&self, callback: Callback) {
        let mut state = self.lock();
        state.queue.push_back(callback);
        if state.runner.is_some() {
            self.0.changed.notify_all();
            return;
        }
        let started = !state.closed && self.start(&mut state);
        if !started && !ONLY_PUSHES.get() {
            drop(self.run_queued(state));
        }
    }

    /// Tries again to start a thread for callbacks that nobody runs. Returns when to try next, if
    /// there are still such.
    pub(crate) fn retry(&self) -> Option<Instant> {
        let mut state = self.lock();
        let stranded = state.runner.is_none() && !state.queue.is_empty();
        (stranded && !self.start(&mut state)).then(|| Instant::now() + START_RETRY)
    }

    /// Says that the pool is over, without waiting for the thread. Runs what is left if there is no
    /// thread for it.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.0.changed.notify_all();
        let stranded = state.runner.is_none() && !state.queue.is_empty();
        if stranded && !self.start(&mut state) {
            drop(self.run_queued(state));
        }
    }

    /// Waits until the pool's callbacks have run and the thread has ended; a callback that calls
    /// this does not wait for itself.
    pub(crate) fn finish(&self) {
        self.close();
        let mut state = self.lock();
        if state.runner == Some(thread::current().id()) {
            return;
        }
        while state.runner.is_some() {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let thread = state.thread.take();
        drop(state);
        // It catches the panics of what it runs.
        let _ = thread.map(JoinHandle::join);
    }

    fn start(&self, state: &mut State) -> bool {
        let thread = thread::Builder::new().name("procpool-callbacks".to_owned()).spawn({
            let this = self.clone();
            move || {
                signal::set_mask(&this.0.mask);
                HOME.set(Some(Lineage::current()));
                drop(this.run_until_closed());
            }
        });
        let Ok(thread) = thread else { return false };
        // It cannot look before this lock is free.
        state.runner = Some(thread.thread().id());
        state.thread = Some(thread);
        true
    }

    /// The thread: runs callbacks until the pool is over and none is left.
    fn run_until_closed(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        loop {
            while state.queue.is_empty() && !state.closed {
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let closed = state.closed;
            state = self.run_queued(state);
            if closed {
                return state;
            }
            state.runner = Some(thread::current().id());
        }
    }

    /// Runs callbacks on the calling thread until none is left. Callbacks may push more.
    fn run_queued<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.runner = Some(thread::current().id());
        while let Some(callback) = state.queue.pop_front() {
            drop(state);
            run(callback);
            HOME.get().inspect(Lineage::end_copy);
            state = self.lock();
        }
        state.runner = None;
        self.0.changed.notify_all();
        state
    }

    /// No code of the user runs under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallbackThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("CallbackThread")
            .field("queued", &state.queue.len())
            .field("runner", &state.runner)
            .field("closed", &state.closed)
            .finish_non_exhaustive()
    }
}
