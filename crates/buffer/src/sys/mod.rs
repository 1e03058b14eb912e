//! The unsafe fence: memory that is filled while it is read, and fences between threads.

pub mod barrier;
pub(crate) mod filling;
