//! Failure, typed and immediate: whatever goes wrong, the futures that it concerns fail with what
//! happened, at once, and the others do not.
//!
//! - [`panics`]: a task that panics, also where panics abort;
//! - [`initializer`]: an initializer that fails in every way, or never returns;
//! - [`deaths`]: a worker that is killed or exits;
//! - [`codecs`]: values that cannot be encoded or decoded;
//! - [`starting`]: code before `init()`, no `init()`, no room for workers;
//! - [`hostile`]: tasks that tamper with their worker's link.

mod codecs;
mod deaths;
mod hostile;
mod initializer;
mod panics;
mod starting;
mod support;

procpool::init_tests!();
