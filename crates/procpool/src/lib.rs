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
//! │ any thread, by turns: assigns, reads, │                 │                           │
//! │ takes back; manager: starts, reaps    │◀─── socket: Hello, Ready, Bell, last words ─│
//! │ callback thread: what the user gave   │                 │ Exit ─▶ finalizer(S)      │
//! └───────────────────────────────────────┘                 └───────────────────────────┘
//! ```
//!
//! - **Ownership.** The pool owns every pid, link and descriptor. One mutex guards the queue and the
//!   work of each worker; no user code runs under it and nothing blocks. The thread that submits, the
//!   one that waits for a result and the manager take turns: each makes one change under the mutex,
//!   and assigns what can be assigned. Only the manager starts and reaps processes. The inbox
//!   has a mutex of its own. A [`Future`] owns its result's bytes. A worker owns its state `S`,
//!   which never leaves it.
//! - **Data on the link.** Frames pass through a small segment of memory that one worker and the
//!   parent share, and a socket pair rings the other side. A function is an offset in the
//!   executable; arguments and results are in postcard's format.
//! - **The claim.** One compare-and-swap decides who runs a task: the worker claims it, or the
//!   parent takes it back. So short tasks can be sent ahead, and still be cancelled or moved to
//!   another worker until one claims them.
//! - **Isolation.** No two processes share a lock, and no two workers share anything, so a worker
//!   that dies or overwrites memory at any instant damages only itself. A result is visible to the
//!   parent before its worker claims the next task, so a death leaves at most one task in doubt.
//!   Nothing is sent to a process before it has proved to be this executable.
//!
//! # How to read this crate
//!
//! From the outside in: [`Builder`], [`ProcessPoolExecutor`], [`Future`], [`Map`]; then `pool`
//! (`pool/dispatch.rs` decides which worker gets which task, `pool/starts.rs` and `ends.rs` how
//! workers start and end, `limits.rs` how long tasks may run; `pool/mod.rs` lists all rules and where
//! the state is), `worker` (the other side),
//! `task` (how a function is called), `start` (which role a started process takes), `chunk_source` (how the
//! items of a map become chunks), `sys` (all unsafe code). Below this crate there are eight, none of
//! which knows how a pool decides:
//!
//! ```text
//! procpool ─┬─▶ procpool-capture    the captured stderr of workers
//!           ├─▶ procpool-buffer     what the caller of a map fills while the pool takes from it
//!           ├─▶ procpool-callbacks  the thread that runs callbacks and hooks
//!           ├─▶ procpool-launch     how a process becomes a worker, is watched, killed and reaped
//!           │     └─▶ procpool-control  what a pool and the server that starts its workers say to each other
//!           ├─▶ procpool-link       rings, claims and bells between two processes; frames
//!           ├─▶ procpool-codec      values as bytes, and the proof that they arrive equal
//!           └─▶ procpool-os         Linux and this executable: futexes, descriptors, signals, functions
//! ```
//!
//! `procpool-launch`, `procpool-link`, `procpool-callbacks` and `procpool-capture` use `procpool-os`
//! too, and the last one `procpool-launch`. The first two do not know each other: `start` joins them.
//! Arrows between crates and between top-level modules point one way; a test checks it, and a ceiling
//! on the lines of each crate (`tests/tidy.rs` of this crate). A new option goes through
//! `builder/policies.rs` and `pool/settings.rs` to the file that the table in `pool/mod.rs` names, and
//! into the README's list.
//!
//! # Guarantees
//!
//! - The initializer runs once in every worker, before its first task.
//! - A function that is [broadcast](ProcessPoolExecutor::broadcast) runs once in every worker: in one
//!   that takes tasks before any task that is submitted later, in a later one before its first task.
//! - A submitted task runs at most once (at most 1 + `retries` times if the pool is built to
//!   retry), and its future settles: with a result, its own error, or the cause that broke the
//!   pool.
//! - A task that exceeds its time limit, or is killed, fails alone: tasks sent behind it run
//!   elsewhere. The same holds for a task whose worker dies, under [`DeathPolicy::Replace`]. In a
//!   `map` the item counts as the task: the one that a worker died of fails alone, as one does that
//!   panics or whose value cannot be encoded or decoded. A time limit counts for a chunk.
//! - Two workers that have run the initializer never have the same [`worker_id`] at once, and there
//!   are never more than `max_workers` of them; with
//!   [`overlap_replacements`](Builder::overlap_replacements), never more than that many more.
//! - [`on_worker_exit`](Builder::on_worker_exit) is called for every worker that was started.
//! - User code runs on the user's threads, on the callback thread and in workers: whatever it does
//!   there, the manager continues.
//! - A task with a [key](SubmitOptions::key) waits for no worker while another one is idle, unless it
//!   is set to [wait](SubmitOptions::wait_for_worker).
//! - A task can be cancelled until a worker claims it, even after it was sent ahead. If it waits
//!   behind a long task while another worker is idle, it is moved there within milliseconds.
//! - `map` returns results in the order of its items, unless requested as they finish. A map that
//!   ends without an error has reached the end of its items.
//! - A callback runs once, when its future has settled. Waiting for futures, by [`wait`](fn@wait),
//!   [`as_completed`] or `.await`, ends for every future, including cancelled ones.
//! - After the executor is dropped, no worker, thread or descriptor of it is left. If the program
//!   is killed, its workers end too, even in the middle of a task.
//!
//! [Everything else that users expect of a process pool](behaviours), and the reason if it does not
//! apply.
//!
//! # Features
//!
//! None is on unless it is asked for.
//!
//! - `stream`: `into_stream` of [`Map`], [`BufferedMap`] and [`AsCompleted`], for asynchronous code. It
//!   adds the crate [`futures-core`](https://docs.rs/futures-core).
//!
//! # Limits
//!
//! - It needs 64-bit Linux 5.4 or later, with `/proc` and `/dev/null`, and files that may be 2 MiB
//!   long (`ulimit -f`). A program that runs under an emulator, or that is passed to the dynamic
//!   loader as an argument, cannot start itself again.
//! - Waiting blocks the thread: for a result, for the next item of a map, for room in a full
//!   [queue](Builder::queue_capacity), for `shutdown` and for the drop of the executor. In
//!   asynchronous code a future is [awaited](Awaiting), a task is submitted by
//!   [`submit_async`](ProcessPoolExecutor::submit_async), a map is read as a stream (the feature
//!   `stream`), and a pool is shut down where blocking is allowed. [`init`] must be called outside of
//!   the runtime; its page shows how.
//! - A worker is this program started again or, with another [`StartMethod`], a copy of such a
//!   process: code before [`init`] in `main` runs in it. Until it reaches `init` nothing ties it to
//!   its parent: if it hangs before, it outlives a parent that is killed.
//! - A program with other privileges than its caller (set-user-ID, set-group-ID, file capabilities)
//!   has workers with [`StartMethod::Fork`] only: anybody who starts it could pretend to be its
//!   parent. The same holds if its effective user or group differs from its real one.
//! - A worker inherits the environment, the working directory, stdout, stderr, and every descriptor
//!   of the program that is not close-on-exec, unless the [`Builder`] is set otherwise; and the CPU
//!   affinity of the thread that built the pool. Its stdin is `/dev/null`.
//! - A logger, like anything else that `main` sets up, exists in a worker only if it is set up
//!   before [`init`] or in the initializer. [`StartMethod`] and [`preload`](Builder::preload)
//!   describe what a copied worker shares with its original, such as random numbers and
//!   connections.
//! - A program that a task has started outlives the worker, unless the worker leads a
//!   [process group](Builder::process_groups) and is killed or dies.
//! - A worker ends with its parent, because the kernel kills it when the parent's end of a pipe is
//!   closed. A copy of the parent, made by fork(2), holds that end open; then only the kernel's
//!   other mechanism applies (`PR_SET_PDEATHSIG`), which it resets when a task changes the
//!   process's user or group. The worker requests it again before it next sleeps; until it does,
//!   that task outlives a parent that is killed. So does a task that changes them in a user
//!   namespace, as in a container without root.
//! - A task that closes every descriptor of its worker closes that pipe, too. A program that may
//!   not signal such a worker, because it gave up privileges, leaves it behind: this is reported as
//!   [`ExitReason::LeftBehind`] and in the log, and nobody waits for it.
//! - Each worker shares a segment of 2 MiB of memory with its parent; only the pages that its tasks
//!   touch become resident. A task that overwrites it breaks its worker, which counts as that
//!   worker's death.
//! - Calls shorter than 20 µs keep at most two workers per CPU busy at once, however many workers
//!   there are. Calls that block take longer than that.
//! - A worker's death breaks the whole pool, as in Python, unless [`DeathPolicy`] is set otherwise:
//!   unfinished tasks fail with the cause.
//! - A worker that exits runs its finalizer and drops its state first, which delays `shutdown` and
//!   the drop by at most [`finalizer_time_limit`](Builder::finalizer_time_limit). An initializer
//!   that never returns blocks them until `kill_workers`, and a callback that never returns blocks
//!   them forever.
//! - The manager enforces time limits: on a busy machine a task may run some milliseconds longer.
//!   The limit of a chunk of a `map` is that of its items together.
//! - A callback that never returns blocks later callbacks of its pool.
//! - As a whole argument or result, `Vec<u8>` and `String` are copied at the speed of memory.
//!   Inside other types, byte vectors are copied element by element, at some 2 ns each;
//!   `serde_bytes` avoids that.
//! - The parent decodes each result as the type that the caller names. If that has elements without
//!   bytes (`Vec<()>`) or is recursive, a worker with corrupted memory can make the decoding very
//!   slow, or overflow the stack.
//! - Values are sent without field names, so a type has to be read in the way it is written. If
//!   serde's attributes make a difference ([`SelfDescribing`] lists them), the value is refused
//!   before it is sent, and the error names the field. To detect this, the sending process calls
//!   `Deserialize` of the sent type once for each shape of its values; the first read returns an
//!   error, so that hand-written code does not continue. A difference that only such code makes, or
//!   that is behind it in a tuple, is detected where the value is read, as an error too.
//! - A field with `#[serde(skip)]` is not sent, as that attribute says: it arrives as its default.
//!
//! # How long a worker may take
//!
//! A *time limit* ends the user's code; a *timeout* ends a wait. Each stage of a worker's life has
//! one of them or none, as listed here. A stage with none ends with
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
//! A function of a [broadcast](ProcessPoolExecutor::broadcast) is a task of a worker that takes tasks,
//! and a part of the initializer in one that starts.
//!
//! Task time limits start anew, and the other deadlines move, if the manager finds that it could
//! not run for half a second or more: the program was stopped (Ctrl-Z, SIGSTOP), or the machine was
//! suspended.
//!
//! [python]: https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod before_main;
mod builder;
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
mod map;
mod panics;
mod payload;
mod pool;
mod report;
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
pub use executor::{
    ProcessPoolExecutor, ShutdownOptions, SubmitOptions, TrySubmitError, WorkerResult,
};
#[cfg(feature = "stream")]
pub use future::IntoStream;
pub use future::{
    AsCompleted, AsCompletedTimeout, Awaiting, DoneAndNotDone, Future, ReturnWhen, as_completed,
    wait,
};
pub use lifecycle::{
    DeathPolicy, Event, EventKind, Events, ExitReason, KillOutcome, Stats, WorkerInfo, WorkerState,
};
pub use map::{BufferedMap, Map, MapOptions};
pub use payload::Payload;
/// # Examples
///
/// ```
/// # use procpool::SelfDescribing;
/// use serde_json::{Value, json};
///
/// fn keys(SelfDescribing(value): SelfDescribing<Value>) -> usize {
///     value.as_object().map_or(0, |object| object.len())
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let value = SelfDescribing(json!({"a": 1, "b": [true, null]}));
/// assert_eq!(executor.submit(keys, value).result()?, 2);
/// #     Ok(())
/// # }
/// ```
#[doc(inline)]
pub use procpool_codec::SelfDescribing;
/// # Examples
///
/// ```
/// let host = procpool::HostName::from("n3".to_owned());
/// assert_eq!(format!("{host}"), "n3");
/// ```
#[doc(inline)]
pub use procpool_launch::HostName;
/// # Examples
///
/// ```
/// # use procpool::ResourceUsage;
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
pub use report::{Report, report};
pub use start::{Output, StartMethod, init};
pub use task::InitializerOutput;
pub use worker::{retire_worker, should_stop, worker_id};

#[cfg(doc)]
#[doc = include_str!("behaviours.md")]
pub mod behaviours {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// Not public API: the macros of this crate expand to these.
#[doc(hidden)]
pub mod __private {
    pub use crate::before_main::init_before_main;
}
