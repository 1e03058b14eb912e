//! The Rust runtime of conformance adapters: everything of the contract that is not a pool's own. Beside
//! it are procpool's adapter and what is made of that.
//!
//! ```text
//! an Adapter ─▶ main ─▶ describe ─▶ the description
//! (a table)         └─▶ run ─▶ a Scenario ─▶ clients (threads) ─▶ Adapted ─▶ Lines
//!                                                                    │
//!                                  in workers: body::run ─▶ Events ◀─┘
//! ```
//!
//! A pool's own adapter is an [`Adapter`]: a table that says which function of its library does what, with
//! a description in JSON. It has [`main`] for its main function. The runtime converts what is asked for,
//! has [`body::run`] and [`body::initialize`] called in workers, and tells what comes back.

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

// procpool's own adapter, and pools that it makes with one fault each.
pub mod procpool_pool;
pub mod saboteurs;

pub use adapted::Adapted;
pub use adapter::{Adapter, Classified, Given, caught};
pub use carry_out::{begin, main, serve};
pub use library::Stop;
pub use trace::pulled;
pub use wire::Wire;

/// Words of the contract that the tables of adapters are written in.
pub use procpool_contract::{ErrorClass, Until};
