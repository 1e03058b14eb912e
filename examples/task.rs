//! One task and its future: how to ask for its status, and how to get its
//! result.
//!
//! Prints `pending`, `running`, `done` and `result: 7`, each on a line of its
//! own.

use std::thread::sleep;
use std::time::Duration;

use procpool::{Future, ProcessPoolExecutor};

/// Blocks for half a second, long enough to be seen running.
fn task(identifier: u32) -> u32 {
    sleep(Duration::from_millis(500));
    identifier
}

// ANCHOR: main
fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;

    let future = executor.submit(task, 7);
    println!("{}", status(&future));
    while !future.running() && !future.done() {
        sleep(Duration::from_millis(10));
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
