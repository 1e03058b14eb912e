//! The unsafe fence: functions that arrive as numbers, and memory that is filled while it is read.
//!
//! Everything `unsafe` in this crate is in this folder, behind safe functions.

pub(crate) mod barrier;
pub(crate) mod filling;
pub(crate) mod function;
