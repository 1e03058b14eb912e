//! How the pool's workers live and end: settings that most pools leave alone.
//!
//! Owns no defaults: those are in `pool/settings.rs`, with their reasons.

use std::sync::Arc;
use std::time::Duration;

use super::Builder;
use crate::lifecycle::{DeathPolicy, ExitReason, WorkerInfo};
use crate::payload::Payload;
use crate::report::{self, Report};
use crate::task;

impl<S> Builder<S> {
    /// Sets the effect of a worker's death; [`DeathPolicy::Break`] by default.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{DeathPolicy, Error, ProcessPoolExecutor};
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .death_policy(DeathPolicy::Replace { retries: 0 })
    ///     .build()?;
    /// let dies = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3);
    /// assert!(matches!(dies.result(), Err(Error::WorkerDied(_))));
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn death_policy(mut self, policy: DeathPolicy) -> Self {
        self.policies.death_policy = policy;
        self
    }

    /// Sets how many workers in a row may fail before they take tasks, under
    /// [`DeathPolicy::Replace`]; 3 by default, and 0 counts as 1.
    ///
    /// They may fail before `init`, in the initializer, or by its error. The last of them breaks
    /// the pool, and unfinished tasks fail with its cause: another worker would fail too. While
    /// another worker takes tasks, nothing breaks: the pool continues with that one, and retries
    /// every second while it needs more. With a [`start_backoff`](Self::start_backoff) there is no
    /// default: any number may fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{DeathPolicy, Error, ProcessPoolExecutor};
    /// # fn initializer() -> Result<(), String> {
    /// #     Err("no such database".to_owned())
    /// # }
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .death_policy(DeathPolicy::Replace { retries: 0 })
    ///     .max_failed_starts(2)
    ///     .initializer(initializer)
    ///     .build()?;
    /// let error = executor.submit(|()| (), ()).result().expect_err("no worker gets ready");
    /// assert!(error.to_string().contains("no such database"));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn max_failed_starts(mut self, starts: u32) -> Self {
        self.policies.max_failed_starts = Some(starts);
        self
    }

    /// Delays the next start after a worker failed before it took tasks, under
    /// [`DeathPolicy::Replace`]: by `first`, and by twice the last delay after each further failure
    /// in a row, at most `max`. By default there is no delay.
    ///
    /// The pool then does not break because of such failures: a service that the initializer needs
    /// may be away for a while. Tasks wait, unless
    /// [`max_failed_starts`](Self::max_failed_starts) is set too. The cause of each failure is in an
    /// [event](crate::EventKind::StartFailed), that of the first in the log, and their number in
    /// [`Stats`](crate::Stats::failed_starts). A
    /// [`start_workers`](crate::ProcessPoolExecutor::start_workers) that waits fails with the cause.
    /// Workers that take tasks continue. The next one that does ends the delay.
    ///
    /// The system's refusal to start a process counts as such a failure, too. While starts fail, one
    /// is tried after each delay; those that were under way at the first failure are not affected.
    ///
    /// Nobody waits for a delay once the pool is shut down: it tries at once, and breaks after the
    /// same failures as without this setting, so tasks that wait run or fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{DeathPolicy, Error, EventKind, ProcessPoolExecutor};
    /// # use std::time::Duration;
    /// // Succeeds once the server is there.
    /// fn connect(server: String) -> Result<String, std::io::Error> {
    ///     std::fs::read_to_string(server)
    /// }
    ///
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// #     let server = std::env::temp_dir().join(format!("server-{}", std::process::id()));
    /// #     let server = server.display().to_string();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .death_policy(DeathPolicy::Replace { retries: 0 })
    ///     .start_backoff(Duration::from_millis(10), Duration::from_secs(5))
    ///     .initializer_with_args(connect, server.clone())
    ///     .build()?;
    /// let mut events = executor.events();
    /// let future = executor.submit_with(|greeting, ()| greeting.clone(), ());
    /// assert!(events.any(|event| matches!(event.kind, EventKind::StartFailed(_))));
    /// std::fs::write(&server, "welcome").expect("the folder exists");
    /// assert_eq!(future.result()?, "welcome");
    /// #     std::fs::remove_file(server).expect("it exists");
    /// #     Ok(())
    /// # }
    /// ```
    pub fn start_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.policies.start_backoff = Some((first, max));
        self
    }

    /// Sets how many submitted tasks may wait in the queue, at least 1; by default any number.
    ///
    /// A task waits until it is sent to a worker or cancelled. A worker may be sent short tasks ahead of
    /// their turn; a task that is taken back, or retried, waits again, even in a full queue. While the
    /// queue is full, [`submit`](crate::ProcessPoolExecutor::submit) blocks its thread,
    /// [`submit_async`](crate::ProcessPoolExecutor::submit_async) waits without one, and
    /// [`try_submit`](crate::ProcessPoolExecutor::try_submit) returns the arguments. Those that wait get
    /// room in the order of their calls. If the pool breaks or is shut down, they end with its error.
    ///
    /// The items of a `map` are not counted: a [`buffersize`](crate::MapOptions::buffersize) limits them.
    /// Calls that wait for room are not counted by [`Stats::queued`](crate::Stats::queued). A callback or
    /// hook that waits for room delays later ones; where tasks [report](crate::report()), it may wait for
    /// ever, and should call `try_submit`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let builder = procpool::ProcessPoolExecutor::builder().max_workers(2);
    /// let executor = builder.queue_capacity(100).build()?;
    /// for number in 0..1_000 {
    ///     // Waits while 100 tasks do.
    ///     executor.submit(|number: u32| number.to_string(), number);
    /// }
    /// #     Ok(())
    /// # }
    /// ```
    pub fn queue_capacity(mut self, tasks: usize) -> Self {
        self.policies.queue_capacity = Some(tasks);
        self
    }

    /// Sets how long a task may run, from the moment at which a worker starts it; by default there
    /// is no limit. A submission may have [a limit of its own](crate::SubmitOptions::time_limit).
    ///
    /// A task that runs for longer fails with
    /// [`Error::TimeLimitExceeded`](crate::Error::TimeLimitExceeded), and the pool continues. In
    /// the task, [`should_stop`](crate::should_stop) returns `true` from then on. If the task has
    /// not returned after [`grace`](Self::grace), its worker is sent SIGTERM, and after another
    /// `grace` SIGKILL. Other tasks that were sent to that worker run elsewhere.
    ///
    /// In a `map`, the limit of a chunk is that of its items together, and all of its items without
    /// a result fail; a [`chunksize`](crate::MapOptions::chunksize) of 1 limits each item.
    ///
    /// Time in which the whole program could not run for half a second or more (Ctrl-Z, SIGSTOP, a
    /// suspended machine) does not count: the task's limit then starts anew. The time that its
    /// result takes to arrive does not count either.
    ///
    /// # Examples
    ///
    /// See [`should_stop`](crate::should_stop).
    pub fn task_time_limit(mut self, limit: Duration) -> Self {
        self.policies.task_time_limit = Some(limit);
        self
    }

    /// Sets how long a task that exceeded its limit has to return, and then its process to end by
    /// SIGTERM; 1 second by default.
    /// [`terminate_workers`](crate::ProcessPoolExecutor::terminate_workers) waits this long before
    /// it kills.
    ///
    /// # Examples
    ///
    /// See [`SubmitOptions::time_limit`](crate::SubmitOptions::time_limit).
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policies.grace = grace;
        self
    }

    /// Replaces each worker after `tasks` tasks; by default none is replaced. A chunk of a `map` is
    /// one task, and a function of a [broadcast](crate::ProcessPoolExecutor::broadcast) is none.
    ///
    /// Useful for tasks that leak. The replacement is started while the old worker runs its last
    /// task, but its initializer only runs once the old one is gone, unless replacements
    /// [overlap](Self::overlap_replacements).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashSet;
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor =
    ///     procpool::ProcessPoolExecutor::builder().max_workers(1).max_tasks_per_child(2).build()?;
    /// let pids = executor.map_options().chunksize(1).map(|_: u32| std::process::id(), 0..6);
    /// assert_eq!(pids.collect::<Result<HashSet<_>, _>>()?.len(), 3);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn max_tasks_per_child(mut self, tasks: u64) -> Self {
        self.policies.max_tasks_per_child = Some(tasks);
        self
    }

    /// Lets each worker run up to `tasks` tasks more than
    /// [`max_tasks_per_child`](Self::max_tasks_per_child), each another number, so that workers that
    /// started together are not replaced together; 0 by default. Without a `max_tasks_per_child` it has
    /// no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// // Each worker runs 1000 to 1100 tasks.
    /// let builder = ProcessPoolExecutor::builder().max_tasks_per_child(1000).max_tasks_jitter(100);
    /// ```
    pub fn max_tasks_jitter(mut self, tasks: u64) -> Self {
        self.policies.max_tasks_jitter = tasks;
        self
    }

    /// Lets up to `workers` replacements start and run the initializer while the workers that they
    /// replace still take tasks; 0 by default. So an initializer that takes long delays no task.
    ///
    /// A worker that reaches its [`max_tasks_per_child`](Self::max_tasks_per_child) or
    /// [`max_memory_per_child`](Self::max_memory_per_child) then takes tasks until a replacement is
    /// ready, which may be more than that number. With overlapping replacements, such a limit is the
    /// point at which the pool begins to replace a worker. One that
    /// [a task retires](crate::retire_worker()) takes no more tasks: its replacement does not wait
    /// for its exit, but tasks wait for the replacement.
    ///
    /// The pool has up to `workers` processes more that have run the initializer, each of which may
    /// run a task: the old worker may still be in its last one. A replacement gets a
    /// [`worker_id`](crate::worker_id()) that no other worker has, so ids are then below
    /// [`max_workers`](Builder::max_workers) + `workers`. A replacement that fails to start has the
    /// effect of any worker that does; under [`DeathPolicy::Replace`] the old worker goes on taking
    /// tasks meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// # fn load_model() {}
    /// let builder = procpool::ProcessPoolExecutor::builder().max_workers(1).initializer(load_model);
    /// let executor = builder.max_tasks_per_child(100).overlap_replacements(1).build()?;
    /// let id = |()| procpool::worker_id().expect("it runs in a worker");
    /// let ids = executor.map_options().chunksize(1).map(id, [(); 1000]);
    /// for id in ids {
    ///     assert!(id? < 2);
    /// }
    /// #     Ok(())
    /// # }
    /// ```
    pub fn overlap_replacements(mut self, workers: usize) -> Self {
        self.policies.overlap_replacements = workers;
        self
    }

    /// Replaces a worker after a task if its process then occupies more than `bytes` of memory (its
    /// resident set); by default none is replaced.
    ///
    /// The pool looks whenever it reads results, so a worker with several short tasks ahead of it runs
    /// some of them first. A task that must not exceed a limit while it runs needs one that the
    /// kernel enforces, such as `RLIMIT_AS`, set in the initializer.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.max_memory_per_child(64 << 20).build()?;
    /// let leak = |bytes: usize| {
    ///     std::mem::forget(vec![1_u8; bytes]);
    ///     std::process::id()
    /// };
    /// let first = executor.submit(leak, 100 << 20).result()?;
    /// assert_ne!(executor.submit(leak, 0).result()?, first);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn max_memory_per_child(mut self, bytes: u64) -> Self {
        self.policies.max_memory_per_child = Some(bytes);
        self
    }

    /// Ends a worker that has been idle for `timeout`. By default idle workers stay. Another one is
    /// started when a task needs it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use procpool::{EventKind, ExitReason, ProcessPoolExecutor};
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .idle_timeout(Duration::from_millis(10))
    ///     .build()?;
    /// let mut events = executor.events();
    /// executor.submit(|()| (), ()).result()?;
    /// let exits_idle = |kind| matches!(kind, EventKind::WorkerExited(_, ExitReason::Idle));
    /// assert!(events.any(|event| exits_idle(event.kind)));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.policies.idle_timeout = Some(timeout);
        self
    }

    /// Lets dropping the executor cancel the tasks that have not started, instead of waiting for
    /// them. So a panic or an early return in the scope that owns the pool waits for the running
    /// tasks alone.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder().cancel_on_drop().build()?;
    /// let many: Vec<_> = (0..1_000_000).map(|x: u64| executor.submit(|x| x, x)).collect();
    /// drop(executor);
    /// assert!(many.iter().all(|future| future.done()));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn cancel_on_drop(mut self) -> Self {
        self.policies.cancel_on_drop = true;
        self
    }

    /// Keeps `workers` idle workers, however long they are idle: an
    /// [`idle_timeout`](Self::idle_timeout) ends only those beyond. 0 by default. It starts none:
    /// [`start_workers`](crate::ProcessPoolExecutor::start_workers) does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// # use std::time::Duration;
    /// let builder = ProcessPoolExecutor::builder().idle_timeout(Duration::from_secs(10)).min_idle(2);
    /// ```
    pub fn min_idle(mut self, workers: usize) -> Self {
        self.policies.min_idle = workers;
        self
    }

    /// Sets how long a worker may take to exit after it was asked to: for the
    /// [finalizer](Builder::finalizer), its state's destructor and its exit handlers; 30 seconds by
    /// default. A worker that takes longer is killed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use procpool::{EventKind, ExitReason, ProcessPoolExecutor};
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .finalizer(|()| std::thread::park())
    ///     .finalizer_time_limit(Duration::from_millis(10))
    ///     .build()?;
    /// #     let events = executor.events();
    /// #     executor.submit(|()| (), ()).result()?;
    /// #     drop(executor);
    /// #     let last = events.last().map(|event| event.kind);
    /// #     assert!(matches!(last, Some(EventKind::WorkerExited(_, ExitReason::TimeLimitExceeded))));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn finalizer_time_limit(mut self, limit: Duration) -> Self {
        self.policies.finalizer_time_limit = limit;
        self
    }

    /// Calls `hook` in this process whenever a worker has run the initializer, if any, and takes
    /// tasks.
    ///
    /// Hooks run on a thread of the pool, in the order of the events. One that blocks delays other
    /// hooks, and a `shutdown` or drop that waits, but never the pool; one that panics is logged. A pool
    /// may have several hooks of a kind, which are called in the order in which they were set.
    ///
    /// # Examples
    ///
    /// See [`on_worker_exit`](Self::on_worker_exit).
    pub fn on_worker_start(mut self, hook: impl Fn(WorkerInfo) + Send + Sync + 'static) -> Self {
        let earlier = self.policies.hooks.on_worker_start.take();
        self.policies.hooks.on_worker_start = Some(Arc::new(move |worker| {
            earlier.iter().for_each(|earlier| procpool_callbacks::run(|| earlier(worker)));
            hook(worker);
        }));
        self
    }

    /// Calls `hook` in this process whenever a worker has ended, with the reason: always, however
    /// it ended, even if it never took a task.
    ///
    /// At that point the process is gone and reaped, unless the reason is
    /// [`ExitReason::LeftBehind`](crate::ExitReason::LeftBehind). It runs on the thread that
    /// [`on_worker_start`](Self::on_worker_start) describes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::mpsc;
    /// # use procpool::{ExitReason, ProcessPoolExecutor};
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let (sender, receiver) = mpsc::channel();
    /// let starts = sender.clone();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .on_worker_start(move |worker| drop(starts.send((worker.id, None))))
    ///     .on_worker_exit(move |worker, reason| drop(sender.send((worker.id, Some(reason)))))
    ///     .build()?;
    /// #     executor.submit(|()| (), ()).result()?;
    /// #     drop(executor);
    /// let calls: Vec<_> = receiver.into_iter().collect();
    /// assert_eq!(calls, [(0, None), (0, Some(ExitReason::Finished))]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn on_worker_exit(
        mut self,
        hook: impl Fn(WorkerInfo, ExitReason) + Send + Sync + 'static,
    ) -> Self {
        let earlier = self.policies.hooks.on_worker_exit.take();
        self.policies.hooks.on_worker_exit = Some(Arc::new(move |worker, reason| {
            earlier.iter().for_each(|earlier| procpool_callbacks::run(|| earlier(worker, reason)));
            hook(worker, reason);
        }));
        self
    }

    /// Calls `hook` in this process with each value of type `T` that a task [reports](crate::report()).
    ///
    /// It runs on the thread that [`on_worker_start`](Self::on_worker_start) describes, and must not
    /// wait for a task of the pool, which may [wait for it](crate::report()). A pool may have a hook for
    /// each type that its tasks report; of two for one type, the one that was set last counts. A value
    /// for whose type there is no hook is passed as an error to the hook that was set first. To read
    /// reports elsewhere, send them through a channel.
    ///
    /// # Examples
    ///
    /// See [`report`](crate::report()).
    pub fn on_report<T: Payload>(
        mut self,
        hook: impl Fn(Report<T>) + Send + Sync + 'static,
    ) -> Self {
        let earlier = self.policies.hooks.on_report.take();
        self.policies.hooks.on_report =
            Some(Arc::new(move |worker, work_item, payload| match &earlier {
                Some(earlier) if report::value_of::<T>(payload).is_none() => {
                    earlier(worker, work_item, payload)
                }
                _ => hook(Report { worker, work_item, value: report::decode(payload) }),
            }));
        self
    }
}

impl<S: 'static> Builder<S> {
    /// Passes a worker's state to `finalizer` when the worker exits in an orderly way,
    /// with the reason [`Finished`](ExitReason::Finished), [`Idle`](ExitReason::Idle) or
    /// [`Recycled`](ExitReason::Recycled).
    ///
    /// It runs in the worker, after its last task. A worker that dies, is killed, or whose
    /// initializer failed does not run it; use [`on_worker_exit`](Builder::on_worker_exit) for
    /// anything that must happen in any case. A finalizer that panics is reported on stderr, and
    /// the worker exits with code 101. Set it after the initializer, whose state it takes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// # fn open_log() -> Result<Vec<String>, std::io::Error> {
    /// #     Ok(Vec::new())
    /// # }
    /// fn write_log(log: Vec<String>) {
    ///     println!("{} lines", log.len());
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer(open_log)
    ///     .finalizer(write_log)
    ///     .build()?;
    /// #     executor.submit_with(|log, line| log.push(line), "a line".to_owned()).result()?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn finalizer(mut self, finalizer: fn(S)) -> Self {
        match task::finalizer_entry(finalizer) {
            Ok(entry) => self.policies.finalizer = Some(entry),
            Err(error) => self.initialize = self.initialize.and(Err(error)),
        }
        self
    }
}
