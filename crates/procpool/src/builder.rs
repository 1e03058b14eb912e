//! The builder: the settings of a pool, checked once.
//!
//! Ties an initializer to its arguments and to the state of the tasks.
//! Starts nothing before `build`. `surroundings` has the settings for what workers find when they start.

mod surroundings;

mod policies;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use procpool_link::Entry;

use crate::codec;
use crate::error::{CodecStep, Error};
use crate::executor::ProcessPoolExecutor;
use crate::payload::Payload;
use crate::pool::{Policies, Settings};
use crate::start::{Plan, StartMethod, SurroundingsOptions, is_initialized};
use crate::task::{self, InitializerOutput};

/// Builds a [`ProcessPoolExecutor`]. Start with [`ProcessPoolExecutor::builder`].
///
/// `S` is the state that the initializer creates for tasks.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// let builder: procpool::Builder<u32> = procpool::ProcessPoolExecutor::builder()
///     .max_workers(2)
///     .initializer(|| Ok::<u32, String>(40));
/// let executor = builder.build()?;
/// assert_eq!(executor.submit_with(|state, x: u32| *state + x, 2).result()?, 42);
/// #     Ok(())
/// # }
/// ```
#[must_use = "no pool is made before `build`"]
pub struct Builder<S = ()> {
    max_workers: Option<usize>,
    policies: Policies,
    surroundings: SurroundingsOptions,
    start: Plan,
    /// The initializer and its encoded arguments. `build` reports an error.
    initialize: Result<Option<(Entry, Bytes)>, Error>,
    state: PhantomData<fn() -> S>,
}

impl ProcessPoolExecutor {
    /// Returns a builder with the defaults.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder().build()?;
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder {
        Builder {
            max_workers: None,
            policies: Policies::new(),
            surroundings: SurroundingsOptions::default(),
            start: Plan::default(),
            initialize: Ok(None),
            state: PhantomData,
        }
    }
}

impl Builder {
    /// Calls `initializer` in every worker, once, before its first task. By default there is none.
    ///
    /// It returns `()`, or `Result<S, E>` with the state for the worker's tasks. For one with
    /// arguments, use [`initializer_with_args`](Self::initializer_with_args). If it fails, panics
    /// or ends the process, the pool is broken with that cause; under
    /// [`Replace`](crate::DeathPolicy::Replace), after
    /// [`max_failed_starts`](Self::max_failed_starts) such failures. It has no time limit: one that
    /// never returns keeps its worker until
    /// [`kill_workers`](ProcessPoolExecutor::kill_workers) ends it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// fn open_log() -> Result<Vec<String>, std::io::Error> {
    ///     Ok(vec!["opened".to_owned()])
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder().initializer(open_log).build()?;
    /// let first_line = executor.submit_with(|log, ()| log[0].clone(), ());
    /// assert_eq!(first_line.result()?, "opened");
    /// #     Ok(())
    /// # }
    /// ```
    ///
    /// # Recipes
    ///
    /// A worker is a process of its own, so an initializer may change process-wide settings without
    /// any effect elsewhere. These recipes use the crate `nix` where the standard library has no
    /// function.
    ///
    /// Another working directory:
    ///
    /// ```
    /// use std::path::PathBuf;
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    ///     .initializer_with_args(std::env::set_current_dir::<PathBuf>, std::env::temp_dir())
    ///     .build()?;
    /// let folder = executor.submit(|()| std::env::current_dir().unwrap(), ()).result()?;
    /// assert_eq!(folder, std::env::temp_dir().canonicalize().unwrap());
    /// #     Ok(())
    /// # }
    /// ```
    ///
    /// A lower priority, which keeps the machine responsive:
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     fn niceness() -> i32 {
    /// #         // SAFETY: nice(2) takes an integer. Adding 0 to it asks for the niceness.
    /// #         unsafe { nix::libc::nice(0) }
    /// #     }
    /// fn be_nice() {
    ///     // SAFETY: nice(2) takes an integer.
    ///     unsafe { nix::libc::nice(5) };
    /// }
    ///
    /// let executor = procpool::ProcessPoolExecutor::builder().initializer(be_nice).build()?;
    /// #     assert_eq!(executor.submit(|()| niceness(), ()).result()?, (niceness() + 5).min(19));
    /// #     Ok(())
    /// # }
    /// ```
    ///
    /// Certain CPUs, here one, which leaves the others to the program:
    ///
    /// ```
    /// # use nix::sched::sched_getaffinity;
    /// use nix::sched::{CpuSet, sched_setaffinity};
    /// use nix::unistd::Pid;
    ///
    /// fn run_on(cpus: Vec<usize>) -> nix::Result<()> {
    ///     let mut set = CpuSet::new();
    ///     cpus.into_iter().try_for_each(|cpu| set.set(cpu))?;
    ///     sched_setaffinity(Pid::from_raw(0), &set)
    /// }
    ///
    /// # fn cpus() -> Vec<usize> {
    /// #     let set = sched_getaffinity(Pid::from_raw(0)).expect("it is this process");
    /// #     (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).collect()
    /// # }
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let first = vec![cpus()[0]];
    /// let executor = procpool::ProcessPoolExecutor::builder()
    ///     .max_workers(1)
    ///     .initializer_with_args(run_on, first.clone())
    ///     .build()?;
    /// #     assert_eq!(executor.submit(|()| cpus(), ()).result()?, first);
    /// #     Ok(())
    /// # }
    /// ```
    ///
    /// A memory limit, beyond which allocations fail in the worker instead of the machine running
    /// out of memory. A task that does not handle this aborts, and the report of its worker's death
    /// says so.
    ///
    /// ```
    /// use nix::sys::resource::{Resource, setrlimit};
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    ///     .initializer_with_args(|bytes| setrlimit(Resource::RLIMIT_AS, bytes, bytes), 1_u64 << 30)
    ///     .build()?;
    /// let has_room = |bytes| Vec::<u8>::new().try_reserve(bytes).is_ok();
    /// assert_eq!(executor.submit(has_room, 1 << 20).result()?, true);
    /// assert_eq!(executor.submit(has_room, 2 << 30).result()?, false);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn initializer<O: InitializerOutput>(self, initializer: fn() -> O) -> Builder<O::State> {
        let entry = task::initializer_entry(initializer);
        self.with_initializer(entry.map(|entry| (entry, Bytes::new())))
    }

    /// Calls `initializer` with `args` in every worker, once, before its first task.
    ///
    /// The arguments are encoded once and decoded in every worker; several form a tuple. Otherwise
    /// it is like [`initializer`](Self::initializer).
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// fn connect((host, port): (String, u16)) -> Result<String, std::convert::Infallible> {
    ///     Ok(format!("{host}:{port}"))
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer_with_args(connect, ("localhost".to_owned(), 5432))
    ///     .build()?;
    /// let address = executor.submit_with(|address, ()| address.clone(), ());
    /// assert_eq!(address.result()?, "localhost:5432");
    /// #     Ok(())
    /// # }
    /// ```
    #[doc(alias = "initargs")]
    pub fn initializer_with_args<A: Payload, O: InitializerOutput>(
        self,
        initializer: fn(A) -> O,
        args: A,
    ) -> Builder<O::State> {
        let mut encoded = Vec::new();
        let done = codec::encode(&args, &mut encoded, CodecStep::EncodeArguments);
        let done = done.map_err(|error| Error::Codec(*error));
        let entry = task::initializer_with_entry(initializer);
        self.with_initializer(entry.and_then(|entry| done.map(|()| (entry, encoded.into()))))
    }
}

impl<S> Builder<S> {
    /// Sets how many workers may exist at once. Workers are started when tasks need them: one for
    /// each task, or item of a map, that waits while no worker is idle or starting. Results are
    /// checked between two starts, so short tasks finish before many workers are started for them,
    /// however large the number is.
    ///
    /// The default is the number of CPUs that the calling thread may use at once, as
    /// [`std::thread::available_parallelism`] finds it in [`build`](Builder::build): its CPU
    /// affinity, which workers inherit, and the quotas of its control groups count.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     use procpool::{Error, ProcessPoolExecutor};
    /// let none = ProcessPoolExecutor::builder().max_workers(0).build();
    /// assert!(matches!(none, Err(Error::InvalidArgument(_))));
    /// let two = ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// two.start_workers(2).result()?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = Some(max_workers);
        self
    }

    /// Sets how long a started worker may take to reach [`init`](crate::init); 30 seconds by
    /// default.
    ///
    /// A worker that takes longer is killed. If it was the only one, the pool is broken; under
    /// [`Replace`](crate::DeathPolicy::Replace), after
    /// [`max_failed_starts`](Self::max_failed_starts). The same timeout holds for the forkserver that workers are forked from, including its
    /// [`preload`](Self::preload), and for each of its answers.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     use std::time::Duration;
    /// let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.start_timeout(Duration::from_secs(60)).build()?;
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.policies.start_timeout = timeout;
        self
    }

    /// Sets how workers are started: [`StartMethod::Spawn`] by default.
    ///
    /// See [`StartMethod`] for the effects of the choice.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     use procpool::{ProcessPoolExecutor, StartMethod};
    /// let builder = ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.start_method(StartMethod::Forkserver).build()?;
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.start.method = method;
        self
    }

    /// Calls `preload` once in the forkserver that workers are forked from, before the first of them is
    /// forked.
    ///
    /// Every worker finds the memory that it has filled, for instance a `static`, and shares it
    /// until either side writes to it. A file or a connection that it opens is one for all workers:
    /// their writes to it are mixed, and any of them may read an answer; so connect in the
    /// initializer. It runs in the forkserver of [`StartMethod::Forkserver`] or [`StartMethod::Fork`];
    /// [`build`](Builder::build) refuses it with [`StartMethod::Spawn`]. If it panics or leaves a
    /// thread behind, the pool is broken with that cause. The same holds if it ends the process,
    /// but under [`DeathPolicy::Replace`](crate::DeathPolicy::Replace) with
    /// [`StartMethod::Forkserver`] only after [`max_failed_starts`](Self::max_failed_starts) such
    /// failures. It is part of the forkserver's start, and counts against
    /// [`start_timeout`](Self::start_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::OnceLock;
    /// # use procpool::{ProcessPoolExecutor, StartMethod};
    /// static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    ///
    /// fn load_words() {
    ///     WORDS.set(vec!["one".to_owned(), "two".to_owned()]).expect("it runs once");
    /// }
    ///
    /// # fn word(number: usize) -> Option<String> {
    /// #     WORDS.get()?.get(number).cloned()
    /// # }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(2)
    ///     .start_method(StartMethod::Forkserver)
    ///     .preload(load_words)
    ///     .build()?;
    /// assert_eq!(executor.submit(word, 1).result()?, Some("two".to_owned()));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn preload(mut self, preload: fn()) -> Self {
        self.start.preload = Some(preload);
        self
    }

    /// Not public API: `procpool-hosts` has `server` start the workers.
    ///
    /// # Examples
    ///
    /// See `procpool_hosts::OnHosts`.
    #[doc(hidden)]
    pub fn __elsewhere(mut self, server: Box<dyn procpool_launch::Elsewhere>) -> Self {
        self.start.elsewhere = Some(server);
        self
    }

    fn with_initializer<T>(self, initialize: Result<(Entry, Bytes), Error>) -> Builder<T> {
        let initialize = match self.policies.finalizer {
            None => initialize.map(Some),
            Some(_) => Err(Error::InvalidArgument(
                "finalizer: name it after the initializer, whose state it takes".into(),
            )),
        };
        Builder {
            max_workers: self.max_workers,
            initialize,
            policies: self.policies,
            surroundings: self.surroundings,
            start: self.start,
            state: PhantomData,
        }
    }
}

impl<S: 'static> Builder<S> {
    /// Builds the pool. No worker is started yet. With [`StartMethod::Fork`] this process is forked
    /// here; the copy never returns from this call.
    ///
    /// # Errors
    ///
    /// - [`Error::NotInitialized`]: [`init`](crate::init) was not called before.
    /// - [`Error::NotRestartable`]: the program has other privileges than its caller, because its
    ///   file is set-user-ID or set-group-ID or has capabilities, or because it has changed only
    ///   its effective user or group. Anybody who may start it can pass it a worker's command line,
    ///   so neither it nor its workers trust one. [`StartMethod::Fork`] starts no program and is
    ///   not refused: workers have the privileges that this process has at this call. Or the
    ///   dynamic loader was started with the program as its argument.
    /// - [`Error::InvalidArgument`]: `max_workers`, `max_tasks_per_child` or `queue_capacity` is 0, a
    ///   `start_backoff` begins with 0 or ends with less than it begins with, a finalizer was set
    ///   before the initializer, an environment variable is one that no environment can hold, an
    ///   `oom_score_adj` is beyond 1000, or `capture_stderr` is to keep no line.
    /// - [`Error::OutputFile`]: a file for the workers' output cannot be opened.
    /// - [`Error::Codec`]: the initializer's arguments cannot be encoded.
    /// - [`Error::ForeignFunction`]: workers could not find the initializer, or their forkserver could
    ///   not find `preload`.
    /// - [`Error::ForkWithThreads`]: [`StartMethod::Fork`] in a process with several threads.
    /// - [`Error::Setup`]: the system refused a descriptor, a thread or a process.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// assert_eq!(executor.stats().idle, 0, "workers are started when tasks need them");
    /// #     Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Result<ProcessPoolExecutor<S>, Error> {
        if !is_initialized() {
            return Err(Error::NotInitialized);
        }
        self.start.check_privileges()?;
        let max_workers = match self.max_workers {
            Some(0) => {
                return Err(Error::InvalidArgument("max_workers must be greater than 0".into()));
            }
            Some(max_workers) => max_workers,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        if self.policies.max_tasks_per_child == Some(0) {
            return Err(Error::InvalidArgument(
                "max_tasks_per_child must be greater than 0".into(),
            ));
        }
        if self.policies.start_backoff.is_some_and(|(first, max)| first.is_zero() || max < first) {
            return Err(Error::InvalidArgument(
                "start_backoff must begin with more than 0, and not end with less".into(),
            ));
        }
        if self.policies.oom_score_adj.is_some_and(|score| !(-1000..=1000).contains(&score)) {
            return Err(Error::InvalidArgument("oom_score_adj is from -1000 to 1000".into()));
        }
        if self.policies.queue_capacity == Some(0) {
            return Err(Error::InvalidArgument("queue_capacity must be greater than 0".into()));
        }
        let needs_this_host = self.start.method != StartMethod::Spawn
            || self.policies.oom_score_adj.is_some()
            || self.policies.max_memory_per_child.is_some();
        if self.start.elsewhere.is_some() && needs_this_host {
            let text = "start_method, oom_score_adj, max_memory_per_child: only on this machine";
            return Err(Error::InvalidArgument(text.into()));
        }
        let initialize = self.initialize?.map(|(entry, initargs)| (0, entry, initargs));
        let captured_lines = self.surroundings.captured_lines;
        let ignores_group_signals = self.surroundings.ignores_group_signals;
        let slots = max_workers.saturating_add(self.policies.overlap_replacements);
        let surroundings = self.surroundings.open(slots)?;
        // Last, when nothing else can fail: it may start a process.
        let starter = self.start.prepare(&surroundings, slots)?;
        let policies = self.policies;
        ProcessPoolExecutor::start(Settings {
            max_workers,
            initialize,
            surroundings,
            captured_lines,
            ignores_group_signals,
            policies,
            starter,
        })
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_workers", &self.max_workers)
            .field("policies", &self.policies)
            .field("surroundings", &self.surroundings)
            .field("start_method", &self.start.method)
            .finish_non_exhaustive()
    }
}
