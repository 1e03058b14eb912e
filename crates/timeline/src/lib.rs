//! Timelines of a [`procpool`] pool: what each worker did and when, as a picture (SVG) and as a trace that
//! [Perfetto](https://ui.perfetto.dev) opens.
//!
//! Two lines of a program change: the `use`, and `record` in place of `build`.
//!
//! ```
//! use procpool::ProcessPoolExecutor;
//! use procpool_timeline::Record;
//!
//! fn square(x: u64) -> u64 {
//!     x * x
//! }
//!
//! fn main() -> Result<(), procpool::Error> {
//!     procpool::init();
//! #     let folder = std::env::temp_dir().join(format!("timeline-{}", std::process::id()));
//! #     let path = folder.join("run");
//!     let executor = ProcessPoolExecutor::builder().max_workers(2).record(&path)?;
//!     let squares: Vec<u64> = executor.map(square, 1..=4).collect::<Result<_, _>>()?;
//! #     assert_eq!(squares, [1, 4, 9, 16]);
//! #     drop(executor);
//! #     for kind in ["svg", "json"] {
//! #         assert!(path.with_extension(kind).exists());
//! #     }
//! #     std::fs::remove_dir_all(folder).expect("it can be removed");
//!     Ok(())
//! } // the drop of the executor writes run.svg and run.json
//! ```
//!
//! Where the parts of a timeline come from:
//!
//! ```text
//! program:  submit, map ──▶ Log ◀── done callbacks (outcomes)
//!             │              ▲ ◀── executor.events() (the lives of workers)
//!             │ number       │ at the end                        ┌─▶ svg    by procpool_drawing
//!             ▼              │                                   │
//! worker:   task ──▶ marks ──┴─▶ Timeline (lives, attempts, tasks) ─▶ trace  for Perfetto
//!            begin, end: 24 bytes each, appended to a file
//! ```
//!
//! - `task` wraps a task: in the worker, it notes when the task begins and ends. `marks` is the file with
//!   these notes, which outlives any worker.
//! - `log` has what the program knows, with a limit. `executor` is the pool that records.
//! - `timeline` puts both together; `svg` and `trace` write it. They get a whole timeline and cannot fail.
//!
//! The README says what is recorded, what is left out, and what it costs.

#![deny(unsafe_code)]

mod executor;
mod log;
mod marks;
mod svg;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;
mod task;
mod timeline;
mod trace;

pub use executor::{Record, Recorded};
pub use log::TASKS;
pub use task::{Items, Marked};
pub use timeline::Timeline;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(test)]
mod tests;
