//! Other pools, measured through processes that speak a small protocol.
//!
//! - [`roster`]: who takes part and how each is started;
//! - [`client`]: a peer that runs;
//! - [`protocol`]: what is said;
//! - [`contest`]: rounds in which we and every peer have a block each.

pub(crate) mod client;
pub(crate) mod contest;
pub(crate) mod protocol;
pub(crate) mod roster;

#[cfg(test)]
mod tests;
