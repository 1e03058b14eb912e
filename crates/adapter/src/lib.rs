//! The Rust runtime of conformance adapters: everything in the contract that does not depend on the pool.
//! Also contains procpool's adapter and the saboteurs made from it.
//!
//! ```text
//! an Adapter ─▶ main ─▶ describe ─▶ the description
//! (a table)         └─▶ run ─▶ a Scenario ─▶ clients (threads) ─▶ Adapted ─▶ Lines
//!                                                                    │
//!                                  in workers: body::run ─▶ Events ◀─┘
//! ```
//!
//! A pool's own adapter is an [`Adapter`]: a table of the library's functions, with a description in JSON.
//! Its main function is [`main`]. The runtime converts the steps, makes workers call [`body::run`] and
//! [`body::initialize`], and reports the outcomes.

// The runtime.
pub mod adapter;
pub mod body;
pub mod library;
pub mod settings;
pub mod trace;
pub mod wire;

mod adapted;
mod carry_out;
mod description;

// procpool's own adapter, and the pools with one fault each.
pub mod procpool_pool;
pub mod saboteurs;

pub use adapted::Adapted;
pub use adapter::{Adapter, Classified, Given, caught};
pub use carry_out::{begin, main, serve};
pub use library::Stop;
pub use trace::pulled;
pub use wire::Wire;

/// The words of the contract that tables of adapters need.
pub use procpool_contract::{ErrorClass, Until};
