//! A call that carries its caller's span to its worker.
//!
//! Owns the spans of callers, in the program, by number; and, in a worker, the span of a call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use procpool::ProcessPoolExecutor;
use serde::{Deserialize, Serialize};
use tracing::field::Empty;
use tracing::span::{EnteredSpan, Span};

static CALLERS: LazyLock<Mutex<HashMap<u64, Span>>> = LazyLock::new(Mutex::default);

/// Returns the spans of callers, by their numbers.
pub(crate) fn callers() -> MutexGuard<'static, HashMap<u64, Span>> {
    CALLERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The span that calls are made from: the parent of the spans of their tasks.
///
/// It keeps the span open, until it is dropped and the pool's [hooks are flushed](ProcessPoolExecutor::flush). So drop it
/// when the results are there: a task that starts later has a span without that parent.
///
/// # Examples
///
/// ```
/// # use procpool::ProcessPoolExecutor;
/// use procpool_tracing::{Call, Caller, Tracing, WorkerTracing};
///
/// fn task(item: u32) -> u32 {
///     tracing::info!("in the task's span, which is in the caller's");
///     item * item
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// # let tracing = Tracing::new();
/// # let builder = tracing.attach(ProcessPoolExecutor::builder().max_workers(1));
/// # let executor =
/// #     builder.initializer_with_args(WorkerTracing::install, tracing.worker()).build()?;
/// let request = tracing::info_span!("request").entered();
/// let caller = Caller::current(&executor);
/// // A task.
/// let future = executor.submit(|call: Call<u32>| call.run(task), caller.call(7));
/// // The items of a map: each has a span of its own.
/// let squares = executor.map(|call: Call<u32>| call.run(task), (0..3).map(|it| caller.call(it)));
/// assert_eq!(squares.collect::<Result<Vec<_>, _>>()?, [0, 1, 4]);
/// assert_eq!(future.result()?, 49);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "tasks that start after it is dropped have no parent"]
pub struct Caller<'a, S: 'static = ()> {
    executor: &'a ProcessPoolExecutor<S>,
    /// 0 if there is no span.
    number: u64,
}

impl<'a, S> Caller<'a, S> {
    /// Returns the current span of this thread as a caller of tasks of `executor`.
    ///
    /// # Examples
    ///
    /// See [`Caller`].
    pub fn current(executor: &'a ProcessPoolExecutor<S>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let span = Span::current();
        if span.is_disabled() {
            return Self { executor, number: 0 };
        }
        // Relaxed: only the number matters.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        callers().insert(number, span);
        Self { executor, number }
    }

    /// Returns `arguments` as those of a call from this span. Its queue time starts now.
    ///
    /// # Examples
    ///
    /// See [`Caller`].
    pub fn call<A>(&self, arguments: A) -> Call<A> {
        Call { caller: self.number, submitted: SystemTime::now(), arguments }
    }
}

impl<S> Drop for Caller<'_, S> {
    fn drop(&mut self) {
        let number = self.number;
        if number != 0 {
            // The starts of calls that have results may not be handled yet. Closing a span runs user code: the table
            // is not locked then.
            let end = move || callers().remove(&number);
            self.executor.flush().add_done_callback(move |_| drop(end()));
        }
    }
}

/// The arguments of a task, with its caller. Made by [`Caller::call`].
///
/// # Examples
///
/// See [`Caller`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call<A> {
    caller: u64,
    submitted: SystemTime,
    arguments: A,
}

impl<A> Call<A> {
    /// Runs `task` in a span of its own, with the time in the queue and the run time as fields.
    ///
    /// # Examples
    ///
    /// See [`Caller`]. A task that takes the worker's state: `|state, call| call.run(|it| task(state, it))`.
    pub fn run<R>(self, task: impl FnOnce(A) -> R) -> R {
        // The program takes the caller out and puts the work item in.
        let span = tracing::error_span!(
            target: crate::TARGET, "task", worker = procpool::worker_id(), pid = std::process::id(),
            work_item = Empty, queue_us = self.submitted.elapsed().unwrap_or_default().as_micros() as u64,
            run_us = Empty, caller = self.caller,
        );
        let _end = End(span.entered(), Instant::now());
        task(self.arguments)
    }
}

/// Records the run time of a call when it ends, also by a panic.
struct End(EnteredSpan, Instant);

impl Drop for End {
    fn drop(&mut self) {
        self.0.record("run_us", self.1.elapsed().as_micros() as u64);
    }
}
