//! Helpers for all of these test programs.

pub(crate) mod pools;
pub(crate) mod recording;
