//! The pool's own side: who has which task, and the one thread that owns the workers.
//!
//! Owns every pid, link and descriptor of the workers. [`Pool`] is shared by the executor, the
//! manager thread and threads that wait for results; all of it is behind one mutex, under which
//! no user code runs and nothing blocks.
//!
//! - The **submitter** queues a work item and, if a worker is idle, sends it at once.
//! - The **manager** starts workers, reads their frames, assigns the next task, reaps, kills and
//!   enforces deadlines. It alone starts, kills and reaps.
//! - A **waiter** whose task is in a worker reads that worker's link itself while it waits, which
//!   saves the switch to the manager and back; see [`Pool::advance`].
//!
//! Futures are settled after the mutex is released, so a woken thread does not run into it.

mod events;
mod state;
mod waiter;
mod worker;

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;

use crate::chunk_source::ChunkSource;
use crate::error::{BrokenCause, Error};
use crate::future::{Outcome, SharedFuture};
use crate::start::{self, StartError, Started};
use crate::sys::poller::{Interest, Poller};
use crate::sys::signal;
use state::{PoolState, Queued};
use worker::{Reader, Stage, Worker};

/// What a pool was built with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_workers: usize,
    pub(crate) start_timeout: Duration,
    /// The frame that every worker gets first, if there is an initializer.
    pub(crate) initialize: Option<Vec<u8>>,
    /// The signal mask that workers run with: that of the thread that built the pool.
    pub(crate) mask: SigSet,
}

/// A submitted task and its future.
#[derive(Debug)]
pub(crate) struct WorkItem {
    pub(crate) id: u64,
    /// The `CallItem`, ready to be sent.
    pub(crate) frame: Vec<u8>,
    pub(crate) future: Arc<SharedFuture>,
}

/// Futures to settle once the lock is released.
pub(crate) type Settled = Vec<(Arc<SharedFuture>, Outcome)>;

/// A pool of workers.
#[derive(Debug)]
pub(crate) struct Pool {
    settings: Settings,
    poller: Poller,
    next_id: AtomicU64,
    next_serial: AtomicU64,
    state: Mutex<PoolState>,
}

impl Pool {
    /// Makes a pool without workers; [`run`](Self::run) is its manager.
    pub(crate) fn new(settings: Settings) -> Result<Arc<Self>, Error> {
        let poller =
            Poller::new().map_err(|errno| Error::Setup { what: "an epoll descriptor", errno })?;
        let state = Mutex::new(PoolState::new());
        let (next_id, next_serial) = (AtomicU64::new(1), AtomicU64::new(0));
        Ok(Arc::new(Self { settings, poller, next_id, next_serial, state }))
    }

    pub(crate) fn max_workers(&self) -> usize {
        self.settings.max_workers
    }

    /// Returns a number that no other work item of this pool has.
    pub(crate) fn next_id(&self) -> u64 {
        // Relaxed: only the number matters, not its order with anything else.
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues a task and hands it to an idle worker if there is one.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down; the item's future is untouched.
    pub(crate) fn submit(&self, item: WorkItem) -> Result<(), Error> {
        self.queue(Queued::Call(item))
    }

    /// Queues the chunks of a `map`.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down.
    pub(crate) fn submit_chunks(&self, source: Arc<ChunkSource>) -> Result<(), Error> {
        self.queue(Queued::Chunks(source))
    }

    fn queue(&self, queued: Queued) -> Result<(), Error> {
        self.with_state(|state, _| {
            state.accepts()?;
            state.push(queued);
            state.dispatch(self);
            Ok(())
        })
    }

    /// Looks for work again, after a `map` pushed items that the pool waits for.
    pub(crate) fn feed(&self) {
        self.with_state(|state, _| state.dispatch(self));
    }

    /// Takes no more tasks; cancels those that have not started if asked to.
    pub(crate) fn shutdown(&self, cancel_futures: bool) {
        self.with_state(|state, _| {
            state.shut_down(cancel_futures);
            state.dispatch(self);
        });
        self.poller.wake();
    }

    /// Breaks the pool and kills every worker. The manager reaps them.
    pub(crate) fn kill_workers(&self) {
        self.break_with(BrokenCause::Killed);
    }

    fn break_with(&self, cause: BrokenCause) {
        self.with_state(|state, settled| state.break_pool(self, cause, settled));
        self.poller.wake();
    }

    /// The manager thread: returns when the pool is over and every worker is reaped.
    pub(crate) fn run(&self) {
        signal::block_all();
        let run = panic::catch_unwind(AssertUnwindSafe(|| self.manage()));
        let problem = match run {
            Ok(Ok(())) => return,
            Ok(Err(errno)) => format!("waiting for events failed: {}", errno.desc()),
            Err(payload) => match payload.downcast_ref::<String>() {
                Some(message) => message.clone(),
                None => "see the message on standard error".to_owned(),
            },
        };
        // A bug, but not a reason to leave anybody waiting or any process behind.
        self.break_with(BrokenCause::Internal(problem));
        self.lock().reap_all_blocking(self);
    }

    fn manage(&self) -> nix::Result<()> {
        let mut ready = Vec::new();
        loop {
            self.start_missing_workers();
            let deadline = self.with_state(|state, settled| {
                state.enforce_deadlines(self, Instant::now(), settled);
                state.forget_what_is_over();
                if state.is_over() { None } else { Some(state.next_deadline(self)) }
            });
            let Some(deadline) = deadline else { return Ok(()) };
            self.poller.wait(&mut ready, deadline)?;
            self.with_state(|state, settled| {
                for number in &ready {
                    state.on_event(self, *number, settled);
                }
            });
        }
    }

    /// Starts workers while tasks need them. The lock is free while a process starts.
    fn start_missing_workers(&self) {
        while self.lock().needs_worker(self, Instant::now()) {
            let started = self.start_worker();
            self.with_state(|state, settled| match started {
                Ok(worker) => state.add_worker(worker),
                Err(StartError { what, errno }) => {
                    state.start_failed(self, BrokenCause::StartFailed { what, errno }, settled);
                }
            });
        }
    }

    /// Starts a process and registers it with the poller; all or nothing.
    fn start_worker(&self) -> Result<Worker, StartError> {
        let Started { pid, process, link } = start::spawn(&self.settings.mask)?;
        let mut worker = Worker {
            // Relaxed: only the number matters.
            serial: self.next_serial.fetch_add(1, Ordering::Relaxed),
            pid,
            process,
            link,
            stage: Stage::Starting,
            reader: Reader::Manager,
            deadline: Instant::now().checked_add(self.settings.start_timeout),
        };
        let watched = self
            .poller
            .add(&worker.process, worker.process_number(), Interest::Read)
            .and_then(|()| self.poller.add(&worker.link, worker.link_number(), Interest::Read));
        if let Err(errno) = watched {
            worker.kill();
            worker.unwatch(self);
            worker.reap_blocking();
            return Err(StartError { what: "an epoll registration", errno });
        }
        Ok(worker)
    }

    /// Runs `change` under the lock; afterwards settles futures and wakes the manager if a worker
    /// is to be started.
    fn with_state<T>(&self, change: impl FnOnce(&mut PoolState, &mut Settled) -> T) -> T {
        let mut settled = Settled::new();
        let mut state = self.lock();
        let value = change(&mut state, &mut settled);
        let wake = state.take_wake();
        drop(state);
        if wake {
            self.poller.wake();
        }
        for (future, outcome) in settled {
            future.finish(outcome);
        }
        value
    }

    /// No code of the user runs under this lock. After a panic of our own the state is only used
    /// to break the pool.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
