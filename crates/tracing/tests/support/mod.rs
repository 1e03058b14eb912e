//! What all of these test programs need.

pub(crate) mod pools;
pub(crate) mod recording;
