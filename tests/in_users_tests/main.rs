//! Pools in a user's own tests: a package that depends on procpool, and its `#[test]`s and
//! doctests under every runner.
//!
//! - [`package`]: writes the user's package, and runs cargo in it;
//! - [`runners`]: `cargo test` in its ways, doctests, nextest;
//! - [`output`]: a worker's contribution to a test program's output.

mod output;
mod package;
mod runners;
