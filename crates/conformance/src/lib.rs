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
//! - [`contract`]: the words that suite and adapters exchange.

pub mod contract;
