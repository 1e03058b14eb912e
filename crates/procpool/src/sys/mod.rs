//! The unsafe fence: functions received as numbers.
//!
//! All `unsafe` code of this crate is in this folder, behind safe functions.

pub(crate) mod function;
