//! Two tasks that crash their worker, in a pool that breaks, or, with the
//! argument `replace`, in one that replaces dead workers.
//!
//! Prints a line for each of five tasks. The pool that breaks has one result;
//! the other one has four, and says how many workers it has replaced.

use std::process::abort;
use std::sync::atomic::{AtomicU32, Ordering};

use procpool::{BrokenCause, DeathPolicy, Error, ProcessPoolExecutor};

// ANCHOR: main
/// The tasks that this worker has started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Task 1 crashes a worker that has run a task before, task 3 any.
fn task(identifier: u32) -> u32 {
    let is_used = STARTED.fetch_add(1, Ordering::Relaxed) > 0;
    if identifier == 3 || (identifier == 1 && is_used) {
        abort();
    }
    identifier * 10
}

fn main() -> Result<(), Error> {
    procpool::init();
    let policy = match std::env::args().nth(1).as_deref() {
        Some("replace") => DeathPolicy::Replace { retries: 1 },
        _ => DeathPolicy::Break,
    };
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .death_policy(policy)
        .build()?;
    let futures: Vec<_> =
        (0..5).map(|it| executor.submit(task, it)).collect();
    for (identifier, future) in futures.iter().enumerate() {
        match future.result() {
            Ok(result) => println!("task {identifier}: {result}"),
            Err(error) => {
                println!("task {identifier}: {}", explain(&error))
            }
        }
    }
    println!("workers replaced: {}", executor.stats().restarts);
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: explain
/// What is lost, how a worker ended, and at which task.
fn explain(error: &Error) -> String {
    let (what, death) = match error {
        Error::WorkerDied(death) => ("task lost", death),
        Error::BrokenProcessPool(broken) => match broken.cause() {
            BrokenCause::WorkerDied(death) => ("pool broken", death),
            other => return other.to_string(),
        },
        other => return other.to_string(),
    };
    format!("{what}: a worker {} while {}", death.exit, death.activity)
}
// ANCHOR_END: explain
