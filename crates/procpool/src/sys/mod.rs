//! The unsafe fence: functions received as numbers, and memory that is filled while it is read.
//!
//! All `unsafe` code of this crate is in this folder, behind safe functions.

pub(crate) mod barrier;
pub(crate) mod filling;
pub(crate) mod function;
