//! A process pool: Python's [`ProcessPoolExecutor`][python] for Rust.
//!
//! Workers are processes, so a task may crash, leak, call a C library that is not thread-safe or
//! change the process's own state, and harm only its worker. Tasks are functions; arguments and
//! results are serde types.
//!
//! ```
//! use procpool::ProcessPoolExecutor;
//!
//! fn initializer_worker() {
//!     println!("Initializing worker process.");
//! }
//!
//! fn task(identifier: u32) -> u32 {
//!     identifier
//! }
//!
//! fn main() -> Result<(), procpool::Error> {
//!     procpool::init(); // in a worker process this never returns
//!     let executor = ProcessPoolExecutor::builder()
//!         .max_workers(2)
//!         .initializer(initializer_worker)
//!         .build()?;
//!     for result in executor.map(task, 0..10) {
//!         println!("{}", result?);
//!     }
//!     Ok(())
//! } // drop = leaving Python's `with` block: shutdown()
//! ```
//!
//! # The machine
//!
//! ```text
//!  parent process                              shared          worker process
//!                                              segment         (one of max_workers)
//! ┌───────────────────────────────────────┐  ┌───────────┐  ┌───────────────────────────┐
//! │ ProcessPoolExecutor ──submit──▶ inbox │  │ calls     │  │ worker::run               │
//! │   │ encodes arguments             ▼   │  │  ring ────┼─▶│   initialize ─▶ state S   │
//! │   ▼                             queue │  │           │  │   claim ─▶ call(entry,    │
//! │ Future ◀─settles─ Pool ── in flight ──┼─▶│ claim     │◀─┼─    arguments, &mut S)    │
//! │   │ decodes result  ▲    (per worker) │  │           │  │   │                       │
//! │   ▼                 └─────────────────┼──┼─ results ◀┼──┼───┘ published before the  │
//! │ result()                              │  │  ring     │  │     next claim            │
//! │                                       │  └───────────┘  │                           │
//! │ manager thread: starts, assigns,      │                 │                           │
//! │ reads, takes back, kills, reaps       │◀─── socket: Hello, Ready, Bell, last words ─│
//! │ callback thread: what the user gave   │                 │ Exit ─▶ finalizer(S)      │
//! └───────────────────────────────────────┘                 └───────────────────────────┘
//! ```
//!
//! - **Who owns what.** The manager thread owns every pid, link and descriptor. The queue and what
//!   each worker has are behind one mutex, under which no user code runs and nothing blocks; the
//!   inbox has one of its own. A [`Future`] owns its result's bytes. A worker owns its state `S`,
//!   which never travels.
//! - **What travels.** Frames, through a small segment of memory that one worker and the parent
//!   share, and a socket pair to ring the other side with: a function as an offset in the executable,
//!   arguments and results in postcard's format.
//! - **Who runs a task** is decided by one compare-and-swap: the worker claims it, or the parent
//!   takes it back. So short tasks can be sent ahead, and cancelled or given to another worker as long
//!   as none has claimed them.
//! - **What can never happen.** Two processes share no lock, and two workers share nothing, so a
//!   worker that dies or scribbles at any instant damages only itself. A result is there for the
//!   parent to see before its worker claims the next task, so a death leaves at most one task in
//!   doubt. Nothing is sent to a process before it has proved to be this executable.
//!
//! # How to read this crate
//!
//! From the outside in: [`Builder`], [`ProcessPoolExecutor`], [`Future`], [`Map`]; then `manager`
//! (which worker gets which task is in `manager/dispatch.rs`, how workers start and end in
//! `manager/starts.rs` and `ends.rs`, how long tasks may run in `deadlines.rs`), `worker` (the other
//! side), `task` (how a function is called), `start` (which worker a process becomes), `sys` (everything
//! unsafe). Below this crate there are four, none of which knows a pool:
//!
//! ```text
//! procpool ─┬─▶ procpool-launch   how a process becomes a worker, is watched, killed and reaped
//!           ├─▶ procpool-link     rings, claims and bells between two processes; frames
//!           ├─▶ procpool-codec    values as bytes, and the proof that they arrive equal
//!           └─▶ procpool-os       Linux and this executable: futexes, descriptors, signals, functions
//! ```
//!
//! `procpool-launch` and `procpool-link` use `procpool-os` too, and do not know each other: `start` joins
//! them. Arrows between crates and between modules point one way, which a test checks.
//!
//! # Guarantees
//!
//! - The initializer runs once in every worker, before its first task.
//! - A submitted task runs at most once (at most 1 + `retries` times where the pool was told to retry),
//!   and its future settles: with a result, its own error, or the cause that broke the pool.
//! - A task that exceeds its time limit, or is killed, fails alone: what was sent behind it runs
//!   elsewhere. So does a task whose worker dies, under [`DeathPolicy::Replace`]. In a `map` a chunk
//!   counts as the task: its items without a result fail together then, while a panic, or a value that
//!   cannot travel, fails one item alone.
//! - Two workers that have run the initializer never have the same [`worker_id`] at a time, and there
//!   are never more than `max_workers` of them.
//! - [`on_worker_exit`](Builder::on_worker_exit) is called for every worker that was started.
//! - The user's code runs on the user's threads, on the callback thread and in workers: whatever it
//!   does there, the manager goes on.
//! - A task that no worker has claimed can be cancelled, also when it was sent ahead; and it does not
//!   wait behind a long one while another worker is idle, for longer than a few milliseconds.
//! - `map` gives results in the order of its items, unless asked for them as they finish. One that
//!   ends without an error has come to the end of its items.
//! - A callback runs once, when its future has settled; waiting for futures, by
//!   [`wait`](fn@wait), [`as_completed`] or `.await`, ends for every one, cancelled ones too.
//! - After the executor is dropped no worker, thread or descriptor of it is left. When the program
//!   is killed, its workers end too, in the middle of a task if need be.
//!
//! [What else users expect of a process pool](behaviours), and the reason where it does not apply.
//!
//! # Limits
//!
//! - 64-bit Linux 5.4 or later, with `/proc` and `/dev/null`, and files that may be 2 MiB long
//!   (`ulimit -f`). A program that runs under an emulator, or that the dynamic loader was given as an
//!   argument, cannot start itself again.
//! - Waiting blocks the thread: for a result, for the next item of a map, for `shutdown` and in the drop
//!   of the executor. In asynchronous code a future is [awaited](Awaiting), and a pool is shut down where
//!   blocking is allowed. [`init`] stands outside of the runtime; its page shows how.
//! - A worker is this program started again, or with another [`StartMethod`] a copy of a process that
//!   is: what stands before [`init`] in `main` runs in it. Until it gets to `init` nothing watches the
//!   parent for it: code that hangs there outlives a parent that is killed.
//! - A program with other privileges than its caller (set-user-ID, set-group-ID, file capabilities) has
//!   workers with [`StartMethod::Fork`] only: whoever starts it could say that it is a worker of his. The
//!   same goes for one whose effective user or group is not its real one.
//! - A worker inherits the environment, the working directory, stdout, stderr, and every
//!   descriptor of the program that is not close-on-exec, unless the [`Builder`] was told otherwise;
//!   and the CPU affinity of the thread that built the pool. Its stdin is `/dev/null`.
//! - A logger, and whatever else `main` sets up, is a worker's only if that stands before [`init`], or in
//!   the initializer. What a copied worker shares with its original, random numbers and
//!   connections among it, is described at [`StartMethod`] and [`preload`](Builder::preload).
//! - A program that a task has started outlives the worker, unless that leads a
//!   [process group](Builder::process_groups) and is killed or dies.
//! - A worker ends with its parent, because the kernel kills it when the parent's end of a pipe is gone.
//!   A copy of the parent, made by fork(2), holds that end open; then only the kernel's other way counts
//!   (`PR_SET_PDEATHSIG`), which it forgets when a task changes the process's user or group. The worker
//!   asks again before it next sleeps; until then that task outlives a parent that is killed.
//!   So does one that changes it in a user namespace, as in a container without root.
//! - A task that closes every descriptor of its worker closes that pipe, too. A program that may not
//!   signal such a worker, because it gave up privileges, leaves it behind: it is reported as
//!   [`ExitReason::LeftBehind`] and in the log, and nobody waits for it.
//! - Each worker shares a segment of 2 MiB of memory with its parent; what of it its tasks need is
//!   used. A task that scribbles there breaks its worker, which counts as that worker's death.
//! - Calls that take less than 20 µs keep at most two workers for each CPU busy at once, however many
//!   there are. Calls that really wait take longer than that.
//! - A worker's death breaks the whole pool, as in Python, unless [`DeathPolicy`] says otherwise:
//!   unfinished tasks fail with the cause.
//! - A worker that exits runs its finalizer and drops its state first; that keeps `shutdown` and drop
//!   waiting for at most [`finalizer_time_limit`](Builder::finalizer_time_limit). An initializer that
//!   never returns keeps them waiting until `kill_workers`, and a callback that never returns for ever.
//! - The manager enforces time limits: a task may run for some milliseconds more on a busy machine. A
//!   chunk of a `map` has the limit of its items together.
//! - A callback that never returns keeps later callbacks of its pool waiting.
//! - `Vec<u8>` and `String` move at the speed of memory as a whole argument or result. Inside others,
//!   byte vectors move element by element, at some 2 ns each; `serde_bytes` avoids that.
//! - A result is decoded in this process, as the type that the caller says. Where that has elements
//!   without bytes (`Vec<()>`) or contains itself, a worker whose memory is scribbled over could make
//!   that very long, or too deep for the stack.
//! - Values travel without names, so a type has to be read as it is written. Where serde's attributes
//!   make a difference ([`SelfDescribing`] lists them), the value is refused before it is sent, and the
//!   error names the field. To find that out, `Deserialize` of a type that is sent is called in the
//!   sending process once for each shape of its values; it gets an error from the first thing it reads,
//!   so that code written by hand does not go on. A difference that only such code makes, or that is
//!   behind it in a tuple, is found where the value is read: an error, too.
//! - A field with `#[serde(skip)]` does not travel, as its author says: it arrives as its default.
//!
//! # How long a worker may take
//!
//! A *time limit* ends the user's code, a *timeout* the patience of somebody who waits. Each stage of a
//! worker's life has one of them, or none, as here. What has none ends with
//! [`kill_workers`](ProcessPoolExecutor::kill_workers).
//!
//! | stage | for how long | afterwards |
//! |---|---|---|
//! | starts, up to `init()` | [`start_timeout`](Builder::start_timeout) | killed; the start has failed |
//! | waits for its number | none: as long as the worker that has the number | |
//! | runs the initializer | none | |
//! | runs a task | [`task_time_limit`](Builder::task_time_limit), by default none | asked to stop, SIGTERM, killed |
//! | aborts after a panic | [`grace`](Builder::grace), half a second at least | killed |
//! | runs the finalizer, drops its state, exits | [`finalizer_time_limit`](Builder::finalizer_time_limit) | killed |
//! | was sent SIGTERM | [`grace`](Builder::grace) | killed |
//! | closed its link and goes on | half a second | killed; its death counts as one |
//!
//! Time limits of tasks start anew, and the others move, when the manager finds that it could not run
//! itself for half a second or more: the program was stopped (Ctrl-Z, SIGSTOP), or the machine was suspended.
//!
//! [python]: https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor

#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("procpool needs 64-bit Linux: it is built on pidfds, memfds and /proc");

mod before_main;
mod builder;
mod callbacks;
mod chunk;
mod chunk_source;
mod codec;
mod error;
mod executor;
mod failure;
mod future;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod lifecycle;
mod manager;
mod map;
#[cfg(all(loom, test))]
mod model;
mod panics;
mod payload;
mod start;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;
mod task;
mod worker;

pub use builder::Builder;
pub use error::{
    Activity, BrokenCause, BrokenProcessPool, CodecError, CodecStep, Errno, Error, RemotePanic,
    WorkerDeath,
};
pub use executor::{ProcessPoolExecutor, ShutdownOptions, SubmitOptions};
pub use future::{
    AsCompleted, AsCompletedTimeout, Awaiting, DoneAndNotDone, Future, ReturnWhen, as_completed,
    wait,
};
pub use lifecycle::{
    DeathPolicy, Event, EventKind, Events, ExitReason, KillOutcome, Stats, WorkerInfo,
};
pub use map::{BufferedMap, Map, MapOptions};
pub use payload::Payload;
/// # Examples
///
/// ```
/// use procpool::SelfDescribing;
/// use serde_json::{Value, json};
///
/// fn keys(SelfDescribing(value): SelfDescribing<Value>) -> usize {
///     value.as_object().map_or(0, |object| object.len())
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// # procpool::init();
/// # let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let value = SelfDescribing(json!({"a": 1, "b": [true, null]}));
/// assert_eq!(executor.submit(keys, value).result()?, 2);
/// # Ok(())
/// # }
/// ```
#[doc(inline)]
pub use procpool_codec::SelfDescribing;
/// # Examples
///
/// ```
/// use procpool::ResourceUsage;
///
/// fn in_words(usage: &ResourceUsage) -> String {
///     let mib = usage.max_rss >> 20;
///     format!("{:?} of processor time, {mib} MiB", usage.user_time + usage.system_time)
/// }
/// # let [used, none] = [2, 0].map(|secs| serde_json::json!({"secs": secs, "nanos": 0}));
/// # let usage = serde_json::json!({"user_time": used, "system_time": none, "max_rss": 3 << 20});
/// # let usage = serde_json::from_value(usage).expect("numbers are serde types");
/// assert_eq!(in_words(&usage), "2s of processor time, 3 MiB");
/// ```
#[doc(inline)]
pub use procpool_launch::ResourceUsage;
/// # Examples
///
/// ```
/// use procpool::WorkerExit;
///
/// assert_eq!(WorkerExit::Code(3).to_string(), "exited with code 3");
/// assert_eq!(WorkerExit::Signal(9).to_string(), "was killed by SIGKILL");
/// ```
#[doc(inline)]
pub use procpool_launch::WorkerExit;
pub use start::{Output, StartMethod, init};
pub use task::InitializerOutput;
pub use worker::{should_stop, worker_id};

#[cfg(doc)]
#[doc = include_str!("behaviours.md")]
pub mod behaviours {}

/// Not for use: what macros of this crate expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::before_main::init_before_main;
}
