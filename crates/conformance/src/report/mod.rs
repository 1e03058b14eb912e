//! Reports: the results of the suite, for people and for programs.
//!
//! ```text
//! results.json ──▶ Results ──▶ Matrix ──▶ html · live · markdown · badge
//!                     │ ▲
//!                     │ └── merge
//!                     └──▶ junit · diff of two
//!
//! results.json of all pools ──▶ Whole, which is kept ──▶ Results ──▶ chapter, html
//! ```
//!
//! Reports are pure functions from results to a text. The contents of a file are hostile: an adapter has
//! written names and messages, so each format escapes all of them. Nothing here runs a case.

mod badge;
mod chapter;
mod diff;
mod html;
mod junit;
mod live;
mod markdown;
mod matrix;
mod results;
mod whole;

pub use badge::badge;
pub use chapter::chapter;
pub use diff::{Change, Diff};
pub use html::html;
pub use junit::junit;
pub(crate) use live::{EVENTS, Live};
pub use markdown::markdown;
pub use matrix::{Area, Cell, Counts, Matrix, Row, Share};
pub use results::{CaseResult, Machine, Results, Run, VERSION, Verdict};
pub use whole::Whole;
