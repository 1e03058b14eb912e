//! The unsafe fence: memory that two processes share, and advice to the kernel about ordinary memory.
//!
//! Everything `unsafe` in this crate is in this folder, behind safe functions. It knows no protocol.

pub(crate) mod memory;
#[cfg(not(loom))]
pub(crate) mod segment;
#[cfg(loom)]
#[path = "segment_model.rs"]
pub(crate) mod segment;
