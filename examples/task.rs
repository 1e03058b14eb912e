//! One task and its future: how to ask for its status, and how to get its result.
//!
//! Prints `pending`, `running`, `done` and `result: 7`, each on a line of its own. The status is
//! watched while the worker starts and the article's task runs, so the lines come one by one.

use std::thread::{sleep, yield_now};
use std::time::Duration;

use procpool::{Future, ProcessPoolExecutor};

// ANCHOR: task
/// Blocks for a fraction of a second and returns its identifier.
fn task(identifier: u32) -> u32 {
    sleep(Duration::from_secs_f64(rand::random()));
    identifier
}
// ANCHOR_END: task

// ANCHOR: main
fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;

    let future = executor.submit(task, 7);
    println!("{}", status(&future));
    while !future.running() && !future.done() {
        yield_now();
    }
    println!("{}", status(&future));
    let result = future.result()?;
    println!("{}", status(&future));
    println!("result: {result}");
    Ok(())
}

fn status(future: &Future<u32>) -> &'static str {
    if future.done() {
        "done"
    } else if future.running() {
        "running"
    } else {
        "pending"
    }
}
// ANCHOR_END: main
