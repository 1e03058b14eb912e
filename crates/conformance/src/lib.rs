//! A conformance suite for process pools in any language.
//!
//! ```text
//! case ──Scenario──▶ run ──▶ ADAPTER run ──▶ the pool ──▶ workers
//!                     │ ▲        │ Lines                    │ Events
//!                     │ └── conductor: gates, signals, /proc ┘
//!                     ▼
//!                  History ──▶ judges (the case's own, and those of every run) ──▶ Verdict ──▶ reports
//! ```
//!
//! The words that suite and adapters exchange are those of [`procpool_contract`].
//!
//! - [`plan`]: the words in which cases are written; [`case`]: what a case is.
//! - [`run`]: carries a plan out. [`history`]: what happened.
//! - [`timeline`]: a history for people. [`judge`]: rules that hold for every run, and verdicts.
//! - [`cases`]: the catalogue. [`property`]: what of it is drawn.
//! - [`environment`]: the variables by which the suite is told what to do.
//! - [`check`]: whether an adapter keeps to the contract, before its pool is judged.
//! - [`catalogue`]: the cases as a page of the book. [`suite`]: the catalogue × adapters, as a test program.
//! - [`field`]: what is known of other pools, as a page of the book.
//! - [`report`]: what came of it, for people and for other programs.

pub mod case;
pub mod cases;
pub mod catalogue;
pub mod check;
pub mod environment;
pub mod field;
pub mod history;
pub mod judge;
pub mod plan;
pub mod property;
pub mod report;
pub mod run;
pub mod suite;
pub mod timeline;
