//! Programs with spawned workers: what a start method cannot change, and what only that one has.
//!
//! - [`starting`]: code before `init()`, no `init()`, no room for workers;
//! - [`early`]: programs that are early or late at `init()`;
//! - [`executable`]: the file that workers are started from, and how they are started;
//! - [`room`]: how much room a worker needs;
//! - [`memory`]: what is kept of tasks that are over;
//! - [`manager`]: a manager that cannot go on;
//! - [`program_ends`]: programs that return or exit with a pool in use.

mod early;
mod executable;
mod manager;
mod memory;
mod program_ends;
mod room;
mod starting;

procpool::init_tests!();
