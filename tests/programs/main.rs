//! Programs with spawned workers: properties independent of the start method, and those of this one only.
//!
//! - [`starting`]: code before `init()`, no `init()`, no room for workers;
//! - [`early`]: programs that are early or late at `init()`;
//! - [`executable`]: the file from which workers are started, and how they are started;
//! - [`room`]: the resources that a worker needs;
//! - [`memory`]: memory of finished tasks;
//! - [`manager`]: a manager that cannot continue;
//! - [`program_ends`]: programs that return or exit with a pool in use.

mod early;
mod executable;
mod manager;
mod memory;
mod program_ends;
mod room;
mod starting;

procpool::init_tests!();
