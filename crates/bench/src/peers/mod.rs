//! Other pools, measured through processes that speak a small protocol.
//!
//! - [`roster`]: the peers, and how each is started;
//! - [`client`]: a running peer;
//! - [`protocol`]: the messages;
//! - [`contest`]: rounds in which we and every peer have a block each.

pub(crate) mod client;
pub(crate) mod contest;
pub(crate) mod protocol;
pub(crate) mod roster;

#[cfg(test)]
mod tests;
