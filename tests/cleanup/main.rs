//! Nothing is left behind, and nothing is disturbed: processes, descriptors, threads, streams and
//! signals, seen from outside the pool.
//!
//! - [`after_drop`]: what is left when an executor was dropped;
//! - [`descriptors`]: how many there are, and who has which;
//! - [`parent_ended`]: workers whose parent was killed or interrupted;
//! - [`signals`]: what workers and the programs that tasks start do with SIGINT;
//! - [`streams`]: stdin, stdout and stderr of workers;
//! - [`deaths`]: a worker's death is seen, whoever holds its socket or collects its status;
//! - [`executable`]: the file that workers are started from, and how they are started;
//! - [`groups`]: what a task started, when its worker ends.
//! - [`busy_parent`]: workers that start while the parent's threads hold locks;
//! - [`memory`]: what is kept of tasks that are over;
//! - [`nested`]: programs and pools inside tasks;
//! - [`program_ends`]: programs that return or exit with a pool in use.
//!
//! [`running`] is how these tests hold a program that runs beside them, and [`bystander`] one that is
//! to outlive it.

mod after_drop;
mod busy_parent;
mod bystander;
mod deaths;
mod descriptors;
mod executable;
mod groups;
mod memory;
mod nested;
mod parent_ended;
mod program_ends;
mod running;
mod signals;
mod streams;

procpool::init_tests!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "spawn";

/// How these tests start to make a pool.
fn builder() -> procpool::Builder {
    procpool_testkit::start::builder(START_METHOD)
}

/// How these tests start to make a pool beside another one.
fn builder_beside_another() -> procpool::Builder {
    procpool_testkit::start::builder_beside_another(START_METHOD)
}
