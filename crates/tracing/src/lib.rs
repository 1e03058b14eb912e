//! Records and spans of a [process pool](procpool)'s workers, in the program's [`tracing`] subscriber.
//!
//! A worker is a process of its own, so the program's subscriber sees nothing of it. With this crate each event and
//! span of a worker becomes one of the program, with its place in the code, its level and its fields.
//!
//! ```
//! use procpool::ProcessPoolExecutor;
//! use procpool_tracing::{Tracing, WorkerTracing};
//!
//! fn task(item: u32) -> u32 {
//!     tracing::info!(item, "is squared");
//!     item * item
//! }
//!
//! fn main() -> Result<(), procpool::Error> {
//!     procpool::init();
//!     tracing_subscriber::fmt().init();
//!     let tracing = Tracing::new();
//!     let executor = tracing
//!         .attach(ProcessPoolExecutor::builder().max_workers(1))
//!         .initializer_with_args(WorkerTracing::install, tracing.worker())
//!         .build()?;
//!     // INFO worker{id=0 pid=4127}:task{work_item=0}: my_program: is squared item=7
//!     assert_eq!(executor.submit(task, 7).result()?, 49);
//!     Ok(())
//! }
//! ```
//!
//! # The machine
//!
//! ```text
//!  worker                                              program
//! ┌───────────────────────────────────────────┐       ┌─────────────────────────────────────────────┐
//! │ info!(…), log::info!(…) ─▶ ReportLayer    │       │ on_report ─▶ Program ─▶ the subscriber      │
//! │   filtered by level or        │           │       │   spans by worker: own, task, opened        │
//! │   directives                Packet ───────┼───────┼▶  places in the code: leaked once, bounded  │
//! │ call.run(task): a span ───────┘           │       │ on_worker_exit ─▶ closes them, warns        │
//! └───────────────────────────────────────────┘       └─────────────────────────────────────────────┘
//! ```
//!
//! # Spans
//!
//! - `worker`, with `id` and `pid`: from the worker's first record to its exit. Records of the initializer and the
//!   finalizer are in it.
//! - `task`, in that of its worker, with `work_item`: from a task's first record to the first one that is not in it.
//!   When the task ended is not known, so the duration of this span means nothing. Records of other
//!   threads of the worker are in it, too.
//! - `task` of a [`Call`], in the span of its [`Caller`]: from the call's start to its end, with `worker`, `pid`,
//!   `work_item`, the time in the queue by the system's clock (`queue_us`) and, once it has ended, the run time
//!   (`run_us`), in microseconds.
//! - Spans that the worker opens are in these. They are opened, recorded into and closed as in the worker. That a
//!   thread enters or leaves one is not sent: a record names its span itself. So a subscriber knows no idle and busy
//!   times of them, and directives of an `EnvFilter` that enable records inside a span do not. `follows_from`
//!   is not sent either.
//!
//! The first three have the target `procpool_tracing` and the level ERROR, so that a record of any level has them.
//! Times that a subscriber takes itself are those at which things arrive.
//!
//! # Records
//!
//! - Fields keep their types. A value that only has `Debug` or `Display` arrives as the text, an error as an error with
//!   the texts of itself and its sources. A panic while a field is formatted, or a `Debug` that
//!   returns an error, is a panic of the task.
//! - Records of the crate `log` (feature `log`, on by default) have their own target and place. They go to the
//!   program's subscriber, too: a program that has only a logger of `log` gets nothing.
//! - The subscriber knows the first 4,096 places in the code, in all workers together. Records and spans of further
//!   ones, such as records of `log` with computed targets, have the target `procpool_tracing` and no file.
//!
//! # Levels
//!
//! Workers send the records within the most verbose level that any subscriber of the program has when
//! [`Tracing::new`] is called; with [`directives`](Tracing::directives), only those that these enable. The rest costs a
//! worker what a disabled record costs; without a subscriber, that is all of them. On what arrives the program's
//! subscriber decides as on its own records: levels and `RUST_LOG` are those of the program. A level that is changed
//! later does not reach workers.
//!
//! # Order and loss
//!
//! - Each record is sent when it is made, as a [report](procpool::report()). Records of one task arrive in their order,
//!   and before the callbacks of its future. A result may be there before them;
//!   [`flush`](procpool::ProcessPoolExecutor::flush) waits for them, and so do `shutdown` and the drop of the executor.
//! - Nothing is lost when a worker exits in an orderly way, from the initializer to the drop of its state.
//! - A worker that dies or is killed may lose the record that each of its threads was making just then, and no
//!   earlier one. A record at WARN says so, with the cause of its end.
//! - At most 1,000 records of a worker wait for the subscriber: then the worker waits. So a subscriber must not wait for
//!   a task.
//!
//! # Limits
//!
//! - In a worker [forked](procpool::StartMethod::Fork) from a program that already has a global subscriber, only the
//!   thread that runs the tasks sends its records: `tracing` cannot replace that subscriber. Other threads write to its
//!   copy. A logger of `log` that is not `tracing-log`'s stays in place, too.
//! - Code before the initializer, such as `preload`, and processes that a task forks send nothing.

mod call;
mod packet;
mod program;
mod site;
mod worker;

use std::fmt;
use std::sync::Arc;

use procpool::Builder;
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;
use tracing_core::LevelFilter;
use tracing_subscriber::filter::Targets;

use program::Program;

pub use call::{Call, Caller};
pub use worker::WorkerTracing;

/// The target of this crate's own spans and records.
const TARGET: &str = "procpool_tracing";

/// The program's side: where the records of a pool's workers go, and which ones are wanted.
///
/// # Examples
///
/// See [the crate](crate).
#[derive(Debug, Clone)]
pub struct Tracing {
    subscriber: Dispatch,
    directives: String,
}

impl Tracing {
    /// Sends records to the subscriber that the calling thread has now.
    ///
    /// Workers send what is within the most verbose level that is enabled in the program now. The subscriber then
    /// decides on each record, as on the program's own.
    ///
    /// # Examples
    ///
    /// See [the crate](crate).
    #[expect(clippy::new_without_default, reason = "it depends on the thread that calls it")]
    pub fn new() -> Self {
        let subscriber = dispatcher::get_default(Clone::clone);
        let is_none = subscriber.is::<NoSubscriber>();
        let level = if is_none { LevelFilter::OFF } else { LevelFilter::current() };
        Self { subscriber, directives: level.to_string() }
    }

    /// Lets workers send only what `directives` enable, such as `warn,my_crate=debug`: those of the program's
    /// `EnvFilter`, for instance, which implements `Display`. It saves workers the work for what the subscriber then
    /// discards.
    ///
    /// Directives about spans and their fields are about what only the subscriber knows: with one of those, this has
    /// no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// let tracing = procpool_tracing::Tracing::new().directives("warn,my_crate=debug");
    /// ```
    pub fn directives(mut self, directives: impl fmt::Display) -> Self {
        let directives = directives.to_string();
        // `Targets` takes such a directive for the name of a target.
        if !directives.contains('[') && directives.parse::<Targets>().is_ok() {
            self.directives = directives;
        }
        self
    }

    /// Sets the hooks of a pool that take its workers' records: an [`on_report`](Builder::on_report) and an
    /// [`on_worker_exit`](Builder::on_worker_exit), beside those of the program. Its initializer has to [install](WorkerTracing::install)
    /// [`worker`](Self::worker).
    ///
    /// # Examples
    ///
    /// See [the crate](crate).
    pub fn attach<S>(&self, builder: Builder<S>) -> Builder<S> {
        let program = Arc::new(Program::new(self.subscriber.clone()));
        let exits = Arc::clone(&program);
        builder
            .on_report(move |report| program.on_report(report))
            .on_worker_exit(move |worker, reason| exits.on_exit(worker, reason))
    }

    /// Returns what the initializer of the workers takes.
    ///
    /// # Examples
    ///
    /// See [the crate](crate) and [`WorkerTracing`].
    pub fn worker(&self) -> WorkerTracing {
        WorkerTracing { directives: self.directives.clone() }
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
