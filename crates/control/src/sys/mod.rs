//! The unsafe fence: descriptors that arrive in packets, and the kernel's answer to a pipe.
//!
//! Everything `unsafe` in this crate is in this folder, behind safe functions.

pub(crate) mod lifeline;
pub(crate) mod packet;
