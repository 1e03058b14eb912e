//! The article's program: two workers, each initialized once, run ten tasks.
//!
//! Prints `Initializing worker process.` twice, once per worker, and `0` to
//! `9` in this order. Usually both messages come first; see chapter 2 of the
//! book for why that is not promised.

use std::io::{Write, stdout};
use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

// ANCHOR: initializer
/// Runs once in every worker process, before its first task.
fn initializer_worker() {
    println!("Initializing worker process.");
    stdout().flush().expect("standard output is open");
}
// ANCHOR_END: initializer

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
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer(initializer_worker)
        .build()?;
    for result in executor.map(task, 0..10) {
        println!("{}", result?);
    }
    Ok(())
}
// ANCHOR_END: main
