//! The Rust runtime of conformance adapters: everything of the contract that is not a pool's own.
//!
//! ```text
//! main ─▶ describe ─▶ Library::describe
//!      └▶ run ─▶ a Scenario ─▶ clients (threads) ─▶ Library, Pool, Future, Map ─▶ Lines
//!                                                        │
//!                       in workers: body::run ─▶ Events ◀┘
//! ```
//!
//! An adapter implements [`Library`] and [`Pool`], with [`Unsupported`](Stop::Unsupported) for what its
//! pool has not, calls [`body::run`] in its workers with what travels as a [`wire::Wire`], and ends its
//! `main` with [`main`]. [`procpool_pool`] is procpool's;
//! [`saboteurs`] are it, with one fault each.

pub mod body;
pub mod library;
pub mod procpool_pool;
pub mod saboteurs;
pub mod trace;
pub mod wire;

mod carry_out;

pub use carry_out::{main, pulled};
pub use library::{Callback, Future, Library, Map, Pool, Stop};
