//! The parent's side of a pool: which worker has which task, and the thread that owns the workers.
//!
//! ```text
//! submit ──▶ inbox ──take──▶ queue ──give──▶ in flight (per worker) ──▶ link ──▶ worker
//!                              ▲                 │   ▲
//!                              └── taken back ───┘   └── results ◀── link ◀── worker
//! ```
//!
//! Owns every pid, link and descriptor of the workers. The executor, the manager thread and threads
//! that wait for results share one [`Pool`]. One mutex guards all of it but the inbox; no user code
//! runs under that mutex and nothing blocks.
//!
//! - The **submitter** puts a call into the inbox. It then dispatches, so that an idle worker gets
//!   the call at once, unless a dispatch is certain to follow anyway.
//! - The **manager** starts workers, reads their results, assigns the next tasks, reaps, kills and
//!   enforces deadlines. No other thread starts or reaps; any thread may kill, under the lock. While tasks are sent ahead or
//!   chunks run, it looks every [`TICK`](alarm::TICK): it takes back tasks that wait behind a long
//!   one, and passes on the results that running chunks have so far.
//! - A **waiter** whose task is in a worker watches that worker's link itself. That saves the
//!   switch to the manager and back; see `waiter`.
//! - If stderr is **captured**, one more thread reads it and passes it on; see
//!   `procpool_capture`.
//!
//! Where a rule belongs:
//!
//! | about | file |
//! |---|---|
//! | which worker gets which task | `dispatch`; by key: `affinity`; how many ahead: `ahead`; taken back: `take_back` |
//! | what every worker runs | `broadcast` |
//! | when a worker starts and takes tasks | `starts`; its forkserver: `forkserver` |
//! | the stages of its life | `stage` |
//! | when it has done its part | `retirement` |
//! | what its end means | `ends` |
//! | what its frames mean | `events`; results before the end of a chunk: `drafts` |
//! | when it reports, and who watches it | `bells`, `waiter` |
//! | how long a task may run | `limits` |
//! | what is late, silent or unreported | `lateness`; when the manager looks: `alarm` |
//!
//! Where the data is: `inbox` has what was submitted, `block` one submitted call or many, `state` the
//! queue and the workers, `worker` what the pool knows of one of them. `settings` is what the builder
//! set, `context` what the state may see of the pool, and `wakes` what has to happen after the lock is
//! released.
//!
//! A map's chunks pass the inbox as one source, from which `dispatch` takes chunks; its reader waits for
//! the source, never for a link.
//!
//! A rule that needs a time adds it to `alarm` (`next_deadline`), and its check to `lateness`
//! (`look_around`). It needs a place in `needs_manager` too if another thread's turn can make the time
//! earlier, and one in `forgive` if time in which the program was stopped must not count.
//!
//! A *task* is what the user submits. A *call* is what a worker runs: a task or a chunk of a map. On
//! the link every call counts as a task.
//!
//! Lock order: the pool's lock, then the inbox's, a chunk source's or that of the callbacks, never
//! the reverse. Waiters are woken after the lock is released. Callbacks run on a thread of their own
//! (`callbacks`), which the manager closes when the pool is over; while that thread is started, once,
//! the lock of the callbacks is held.

mod affinity;
mod ahead;
mod alarm;
mod bells;
mod block;
mod broadcast;
mod context;
mod dispatch;
mod drafts;
mod ends;
mod events;
mod forkserver;
mod inbox;
mod lateness;
mod limits;
mod retirement;
mod settings;
mod stage;
mod starts;
mod state;
mod take_back;
mod waiter;
mod wakes;
mod worker;

use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use context::{Arrival, Context};
use inbox::Inbox;
use procpool_callbacks::CallbackThread;
use procpool_capture::Stderr;
use procpool_launch::{NewWorker, StartError};
use procpool_link::Payload;
use procpool_os::lineage::Lineage;
use procpool_os::poller::Poller;
use procpool_os::signal;
use state::PoolState;
use wakes::Wakes;
use worker::Worker;

use crate::chunk_source::ChunkSource;
use crate::error::{BrokenCause, Errno, Error};
use crate::future::{Body, SharedFuture};
use crate::lifecycle::{Event, Stats, WorkerInfo, WorkerState};

pub(crate) use inbox::WhenFull;
pub(crate) use settings::{Policies, Settings};

pub(crate) use block::{Arguments, Callee, LARGE};

/// The outcome of starting a worker.
enum Start {
    Worker(Box<Worker>),
    /// The forkserver starts it and reports it later.
    Expected(Arrival),
}

/// A pool of workers.
#[derive(Debug)]
pub(crate) struct Pool {
    context: Context,
    /// Where the workers' stderr goes, if it is captured.
    stderr: Option<Stderr>,
    /// The process that built the pool. A forked copy of it has no manager, and any lock may be
    /// locked there.
    owner: Lineage,
    is_unreachable: AtomicBool,
    next_serial: AtomicU64,
    state: Mutex<PoolState>,
    callbacks: CallbackThread,
    /// How many threads spin for results, and how many may: one fewer than there are CPUs, because
    /// the workers need one.
    spinning: AtomicUsize,
    may_spin: usize,
}

impl Pool {
    /// Creates a pool without workers; [`run`](Self::run) is its manager.
    pub(crate) fn new(mut settings: Settings) -> Result<Arc<Self>, Error> {
        let poller = Poller::new().map_err(Error::setup("an epoll descriptor"))?;
        let surroundings = &mut settings.surroundings;
        let capture = |lines| Stderr::start(lines, std::mem::take(&mut surroundings.stderr));
        let stderr = settings.captured_lines.map(capture).transpose();
        let stderr = stderr.map_err(|StartError { what, errno }| Error::setup(what)(errno))?;
        let capacity = settings.policies.queue_capacity;
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Arc::new(Self {
            callbacks: CallbackThread::new(signal::current_mask()),
            context: Context { inbox: Inbox::new(capacity), settings, poller, cpus },
            stderr,
            owner: Lineage::current(),
            is_unreachable: AtomicBool::new(false),
            next_serial: AtomicU64::new(0),
            state: Mutex::default(),
            spinning: AtomicUsize::new(0),
            may_spin: cpus.saturating_sub(1).max(1),
        }))
    }

    pub(crate) fn max_workers(&self) -> usize {
        self.context.max_workers()
    }

    pub(crate) fn cancels_on_drop(&self) -> bool {
        self.context.settings.policies.cancel_on_drop
    }

    /// The time limit of tasks that have none of their own.
    pub(crate) fn task_time_limit(&self) -> Option<Duration> {
        self.context.settings.policies.task_time_limit
    }

    /// Queues a call and hands it to an idle worker if there is one. If the queue is full, the call
    /// waits for room as `full` says.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down, or its queue is full and the call may not wait.
    pub(crate) fn submit(
        &self,
        callee: Callee,
        arguments: Arguments<'_>,
        full: WhenFull<'_>,
    ) -> Result<(Arc<SharedFuture>, u64), Error> {
        self.check_owner()?;
        let future = SharedFuture::new();
        let inbox = &self.context.inbox;
        let (id, attended) = inbox.push(callee, arguments, Arc::clone(&future), full)?;
        if !attended {
            // Changes nothing: only dispatches.
            self.turn(|_, _| ());
        }
        Ok((future, id))
    }

    /// Queues the chunks of a `map`.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down.
    pub(crate) fn submit_chunks(&self, source: Arc<ChunkSource>) -> Result<(), Error> {
        self.enter(|state, _| {
            self.context.inbox.accepts()?;
            state.push_source(&self.context, source);
            Ok(())
        })?
    }

    /// Dispatches, after a `map` pushed items that the pool waits for.
    pub(crate) fn dispatch_now(&self) {
        let _ = self.enter(|_, _| ());
    }

    /// Cancels the chunks of `source`, which was stopped, that no worker has started.
    pub(crate) fn cancel_chunks(&self, source: &ChunkSource) {
        let _ = self.enter(|state, wakes| state.cancel_chunks(&self.context, source, wakes));
    }

    /// Accepts no more tasks; if asked to, cancels those that have not started.
    ///
    /// # Errors
    ///
    /// The caller is a forked copy of the pool's process, which has nothing to shut down.
    pub(crate) fn shutdown(&self, cancel_futures: bool) -> Result<(), Error> {
        self.enter_and_wake(|state, wakes| {
            self.context.inbox.close(&Error::Shutdown, wakes);
            state.shut_down(&self.context, cancel_futures, wakes);
        })
    }

    /// Returns a future that settles when `workers` workers take tasks.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down.
    pub(crate) fn start_workers(&self, workers: usize) -> Result<Arc<SharedFuture>, Error> {
        let future = SharedFuture::new();
        self.enter(|state, wakes| {
            self.context.inbox.accepts()?;
            state.await_workers(workers, Arc::clone(&future), wakes);
            Ok(future)
        })?
    }

    /// Returns a future that settles when the hooks and callbacks that are due now have run.
    ///
    /// # Errors
    ///
    /// The caller is a forked copy of the pool's process.
    pub(crate) fn flush(&self) -> Result<Arc<SharedFuture>, Error> {
        let future = SharedFuture::new();
        let flushed = Arc::clone(&future);
        let settle = move || Wakes::default().settle(&flushed, Ok(Body::from(Payload::Small(&[]))));
        self.enter(|_, wakes| wakes.queue_hook(Some(Box::new(settle))))?;
        Ok(future)
    }

    /// Returns the pool's numbers. In a forked copy of its process they are all zero.
    pub(crate) fn stats(&self) -> Stats {
        self.enter(|state, _| state.stats(&self.context)).unwrap_or_default()
    }

    /// Returns the workers in the order of their numbers.
    pub(crate) fn workers(&self) -> Vec<(WorkerInfo, WorkerState)> {
        let each = |worker: &Worker| (worker.info(), worker.state());
        let workers = self.enter(|state, _| state.workers.iter().map(each).collect());
        let mut workers: Vec<_> = workers.unwrap_or_default();
        workers.sort_by_key(|(worker, _)| worker.id);
        workers
    }

    pub(crate) fn observe(&self, observer: mpsc::Sender<Event>) {
        let _ = self.enter(|state, _| state.observe(observer));
    }

    /// Breaks the pool and kills every worker. The manager reaps them.
    pub(crate) fn kill_workers(&self) {
        let _ = self.enter_and_wake(|state, wakes| state.kill_all(&self.context, wakes));
    }

    /// Breaks the pool and sends every worker SIGTERM; those that do not exit are killed.
    pub(crate) fn terminate_workers(&self) {
        let _ = self.enter_and_wake(|state, wakes| state.terminate_all(&self.context, wakes));
    }

    /// Waits until all callbacks and hooks have run; see [`CallbackThread::finish`].
    pub(crate) fn finish_callbacks(&self) {
        self.callbacks.finish();
    }

    fn break_with(&self, cause: BrokenCause) {
        self.change(|state, wakes| state.break_pool(&self.context, cause, wakes));
        self.check_wake(self.context.poller.wake_surely());
    }

    /// Breaks the pool if the manager could not be woken.
    fn check_wake(&self, woken: nix::Result<()>) {
        // Relaxed: a thread that waits for the manager has broken the pool itself, or does so after
        // this.
        if let Err(errno) = woken
            && !self.is_unreachable.swap(true, Ordering::Relaxed)
        {
            self.break_with(descriptor_lost(errno));
        }
    }

    /// Whether the manager sleeps forever, because the program closed every descriptor that could
    /// wake it.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.is_unreachable.load(Ordering::Relaxed)
    }

    /// Runs the manager thread. Returns when the pool is over and every worker is reaped.
    pub(crate) fn run(&self) {
        signal::block_all();
        procpool_callbacks::only_push_here();
        self.run_to_the_end();
        if let Some(mut forkserver) = self.context.settings.starter.lock() {
            forkserver.end(&self.context.poller);
        }
        if let Some(stderr) = &self.stderr {
            stderr.stop();
        }
    }

    fn run_to_the_end(&self) {
        let run = panic::catch_unwind(AssertUnwindSafe(|| self.manage()));
        let cause = match run {
            Ok(Ok(())) => return self.callbacks.close(),
            Ok(Err(errno)) => descriptor_lost(errno),
            // A bug, but no reason to leave a waiter hanging or a process running.
            Err(payload) => BrokenCause::Internal(match payload.downcast_ref::<String>() {
                Some(message) => message.clone(),
                None => "see the message on standard error".to_owned(),
            }),
        };
        self.break_with(cause);
        self.lock().reap_all_blocking(&self.context);
        self.callbacks.close();
    }

    fn manage(&self) -> nix::Result<()> {
        let mut ready = Vec::new();
        // When this thread last ran. Its process may be stopped between any two lines.
        let mut ran = Instant::now();
        loop {
            self.start_missing_worker();
            // A turn like any other, except that the manager learns how long it may sleep.
            let deadline = self.change(|state, wakes| {
                let now = Instant::now();
                state.forgive(now - ran, now);
                state.look_around(&self.context, now, wakes);
                state.dispatch(&self.context, wakes);
                if state.is_over() { None } else { Some(state.next_deadline(&self.context)) }
            });
            let Some(deadline) = deadline else { return Ok(()) };
            let deadline = [deadline, self.callbacks.retry()].into_iter().flatten().min();
            self.context.poller.wait(&mut ready, deadline)?;
            // A waker or a logger may have forked this process and returned in the copy as well.
            self.owner.end_copy();
            ran = Instant::now();
            let late = deadline.map(|deadline| ran.saturating_duration_since(deadline));
            self.turn(|state, wakes| {
                state.forgive(late.unwrap_or_default(), ran);
                state.on_events(&self.context, &ready, wakes);
            });
        }
    }

    /// Starts a worker if tasks need one. The lock is free while a process starts. Before it starts
    /// another one, the manager looks at the pool again: short tasks may already be done.
    fn start_missing_worker(&self) {
        let state = self.lock();
        let Some(slot) = state.slot_to_start(&self.context, Instant::now()) else { return };
        drop(state);
        let started = self.start_worker(slot);
        self.turn(|state, wakes| match started {
            Ok(Start::Worker(worker)) => state.add_worker(*worker),
            Ok(Start::Expected(arrival)) => state.expect_answer(&self.context, arrival, wakes),
            Err(error) => state.on_start_error(&self.context, error, wakes),
        });
    }

    /// Starts a worker in `slot`, or asks the forkserver to start it.
    fn start_worker(&self, slot: usize) -> Result<Start, StartError> {
        let surroundings = &self.context.settings.surroundings;
        let captured = self.stderr.as_ref().map(|stderr| stderr.capture(slot)).transpose()?;
        let (stderr, theirs) = captured.unzip();
        // Relaxed: only the number matters.
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let new_worker =
            NewWorker { serial, slot, surroundings, stderr: theirs.as_ref().map(AsFd::as_fd) };
        let started = self.context.settings.starter.start(new_worker)?;
        let arrival = Arrival { serial, slot, stderr };
        match started {
            Some(started) => Worker::adopt(&self.context, arrival, started)
                .map(|worker| Start::Worker(Box::new(worker))),
            None => Ok(Start::Expected(arrival)),
        }
    }

    /// Like [`turn`](Self::turn), for callers that may run in a forked copy of the pool's process.
    fn enter<T>(&self, change: impl FnOnce(&mut PoolState, &mut Wakes) -> T) -> Result<T, Error> {
        self.check_owner()?;
        Ok(self.turn(change))
    }

    /// Like [`enter`](Self::enter), and always wakes the manager to look at the state afterwards.
    fn enter_and_wake(&self, change: impl FnOnce(&mut PoolState, &mut Wakes)) -> Result<(), Error> {
        self.enter(change)?;
        self.check_wake(self.context.poller.wake_surely());
        Ok(())
    }

    /// Whether this process is the pool's own, not a forked copy of it.
    pub(crate) fn is_ours(&self) -> bool {
        self.owner.is_current()
    }

    fn check_owner(&self) -> Result<(), Error> {
        if self.is_ours() { Ok(()) } else { Err(Error::ForkedCopy) }
    }

    /// One turn: `change` changes the state, then `dispatch` sends work to workers and publishes it,
    /// and asks workers without anything left to do to exit. No other function but `manage`
    /// dispatches, so no change has to remember to.
    fn turn<T>(&self, change: impl FnOnce(&mut PoolState, &mut Wakes) -> T) -> T {
        self.change(|state, wakes| {
            let value = change(state, wakes);
            state.dispatch(&self.context, wakes);
            value
        })
    }

    /// Runs `change` under the lock. Afterwards wakes the manager if it has to look at the state,
    /// writes warnings, has the due hooks called and wakes the waiters of futures that settled. For
    /// changes that create no work for a worker; all others use [`turn`](Self::turn).
    fn change<T>(&self, change: impl FnOnce(&mut PoolState, &mut Wakes) -> T) -> T {
        /// Wakes the manager, which then finds the lock poisoned.
        struct WakeOnPanic<'a>(&'a Poller);
        impl Drop for WakeOnPanic<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    let _ = self.0.wake();
                }
            }
        }
        let mut wakes = Wakes::default();
        let _guard = WakeOnPanic(&self.context.poller);
        let mut state = self.lock();
        if self.state.is_poisoned() {
            // A panic of our own, on any thread, has left the state half changed.
            self.state.clear_poison();
            let what = "see the panic on standard error".to_owned();
            state.break_pool(&self.context, BrokenCause::Internal(what), &mut wakes);
        }
        let value = change(&mut state, &mut wakes);
        let wake = state.needs_manager(&self.context);
        state.done += wakes.done;
        state.failed += wakes.failed;
        let hooks = wakes.take_hooks();
        let has_hooks = !hooks.is_empty();
        if has_hooks {
            // Under the lock, which settles their order.
            self.callbacks.queue(hooks);
        }
        drop(state);
        if wake {
            self.check_wake(self.context.poller.wake());
        }
        if has_hooks {
            self.callbacks.attend();
        }
        wakes.warn();
        // Wakes those who wait for futures that have settled.
        drop(wakes);
        value
    }

    /// No user code runs under this lock. [`change`](Self::change) handles a panic of our own.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn descriptor_lost(errno: nix::errno::Errno) -> BrokenCause {
    BrokenCause::DescriptorLost { errno: Errno::from_raw(errno as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::{Plan, SurroundingsOptions};

    fn pool() -> Arc<Pool> {
        let surroundings = SurroundingsOptions::default().open(1).unwrap();
        let starter = Plan::default().prepare(&surroundings, 1).unwrap();
        let settings = Settings {
            max_workers: 1,
            initialize: None,
            surroundings,
            captured_lines: None,
            ignores_group_signals: false,
            starter,
            policies: Policies::new(),
        };
        Pool::new(settings).unwrap()
    }

    #[test]
    fn an_internal_panic_on_a_users_thread_breaks_the_pool() {
        let pool = pool();
        let manager = std::thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.run()
        });
        let user = std::thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.change(|_, _| panic!("a bug"))
        });
        assert!(user.join().is_err());
        // The manager is woken, finds the state half changed, and returns.
        manager.join().unwrap();
        let Err(Error::BrokenProcessPool(broken)) = pool.start_workers(1) else {
            panic!("it is not broken")
        };
        assert!(matches!(broken.cause(), BrokenCause::Internal(_)), "{broken}");
    }
}
