//! The queue of callbacks, and the thread that runs them.
//!
//! Each pool has a thread of its own, started when first needed, so its callbacks may block, even forever, and
//! delay only those behind them. The thread that runs callbacks is the *runner*, and there is never
//! more than one.
//!
//! The manager must not run user code while it manages a pool. If the thread is refused when the
//! manager pushes, the callback stays in the queue and the manager retries.

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

use crate::{catch, write_to_log};

/// A callback or hook for the thread to run.
pub type Callback = Box<dyn FnOnce() + Send>;

/// How long the manager waits before it retries to start the thread. Shorter tries a full system
/// harder; longer delays callbacks more once there is room again.
const START_RETRY: Duration = Duration::from_secs(1);

thread_local! {
    /// Set on a thread that runs only callbacks: the process that the thread belongs to.
    static HOME: Cell<Option<Lineage>> = const { Cell::new(None) };
    /// Whether this thread must not run the callbacks that it pushes.
    static ONLY_PUSHES: Cell<bool> = const { Cell::new(false) };
}

/// Marks the calling thread as a manager, which must not run the callbacks that it pushes.
pub fn only_push_here() {
    ONLY_PUSHES.set(true);
}

/// Runs user code; a panic is logged and goes no further.
pub fn run(callback: impl FnOnce()) {
    if let Err(panic) = catch(AssertUnwindSafe(callback)) {
        write_to_log(log::Level::Error, format_args!("a callback panicked: {}", panic.message()));
    }
}

/// See the module. Clones are handles to the same thread.
#[derive(Clone)]
pub struct CallbackThread(Arc<Shared>);

struct Shared {
    /// The signal mask of callbacks: that of the thread that built the pool.
    mask: SigSet,
    state: Mutex<State>,
    /// Notified of new callbacks, of the closing, and of a runner that stops.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Callback>,
    /// The thread that runs callbacks, or waits for some.
    runner: Option<ThreadId>,
    /// The thread, until it is joined.
    thread: Option<JoinHandle<()>>,
    /// Whether the pool is over. If so, the thread exits when the queue is empty.
    closed: bool,
}

impl CallbackThread {
    /// Creates the queue. Its thread will have the signal mask `mask`.
    pub fn new(mask: SigSet) -> Self {
        let (state, changed) = (Mutex::new(State::default()), Condvar::new());
        Self(Arc::new(Shared { mask, state, changed }))
    }

    /// Queues `callback` behind those that were queued before.
    pub fn push(&self, callback: Callback) {
        self.queue([callback]);
        self.attend();
    }

    /// Queues `callbacks`. [`attend`](Self::attend) has to follow.
    pub fn queue(&self, callbacks: impl IntoIterator<Item = Callback>) {
        self.lock().queue.extend(callbacks);
    }

    /// Has what is queued run.
    pub fn attend(&self) {
        let mut state = self.lock();
        if state.queue.is_empty() {
            return;
        }
        if state.runner.is_some() {
            self.0.changed.notify_all();
            return;
        }
        let started = !state.closed && self.start(&mut state);
        if !started && !ONLY_PUSHES.get() {
            drop(self.run_queued(state));
        }
    }

    /// Retries to start a thread for callbacks that no thread runs. Returns when to retry next, if
    /// any are left.
    pub fn retry(&self) -> Option<Instant> {
        let mut state = self.lock();
        let stranded = state.runner.is_none() && !state.queue.is_empty();
        (stranded && !self.start(&mut state)).then(|| Instant::now() + START_RETRY)
    }

    /// Marks the pool as over, without waiting for the thread. Runs the remaining callbacks if
    /// there is no thread for them.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.0.changed.notify_all();
        let stranded = state.runner.is_none() && !state.queue.is_empty();
        if stranded && !self.start(&mut state) {
            drop(self.run_queued(state));
        }
    }

    /// Waits until the pool's callbacks have run and the thread has exited. A callback that calls
    /// this does not wait for itself.
    pub fn finish(&self) {
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
        // The thread catches the panics of its callbacks.
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
        // It cannot check before this lock is released.
        state.runner = Some(thread.thread().id());
        state.thread = Some(thread);
        true
    }

    /// Runs the thread: runs callbacks until the pool is over and none is left.
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

    /// Runs callbacks on the calling thread until none is left. They may push more.
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

    /// No user code runs under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallbackThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackThread")
            .field("queued", &self.lock().queue.len())
            .finish_non_exhaustive()
    }
}
