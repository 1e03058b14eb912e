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
//! The program is `conformance`; this library is what it and the test program of procpool's own workspace are
//! made of, and may change with any version. The words that suite and adapters exchange are defined by [`procpool_contract`].
//!
//! - [`plan`]: the vocabulary of cases; [`case`]: a case.
//! - [`run`]: carries out a plan; [`mapped`]: for pools that have only maps. [`history`]: the record of a run.
//! - [`timeline`]: a history for readers. [`judge`]: rules for every run, and verdicts.
//! - [`cases`]: the catalogue. [`property`]: its drawn cases.
//! - [`environment`]: the variables that configure the suite.
//! - [`check`]: whether an adapter fulfils the contract, before its pool is judged.
//! - [`catalogue`]: the cases as a page of the book. [`suite`]: catalogue × adapters, as a test program.
//! - [`field`]: the known faults of other pools, as a page of the book.
//! - [`report`]: the results, for people and for programs.
//! - [`serve`]: the results in browsers that follow the file.
//! - [`schema`]: the JSON Schemas of results and of the contract.
//! - [`cli`]: the command line of `conformance`; [`kit`]: the files with which an adapter begins.

pub mod case;
pub mod cases;
pub mod catalogue;
pub mod check;
pub mod cli;
pub mod environment;
pub mod field;
pub mod history;
pub mod judge;
pub mod kit;
pub mod mapped;
pub mod plan;
pub mod property;
pub mod report;
pub mod run;
pub mod schema;
pub mod serve;
pub mod suite;
pub mod timeline;
