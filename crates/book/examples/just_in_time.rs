//! Workers are started when tasks need them, and not before.
//!
//! Prints how many processes the program has started: none when the pool is
//! made, one after the first task, two, which is `max_workers`, after ten more.

use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;
use procpool_testkit::os::children_of;

// ANCHOR: main
fn task(identifier: u32) -> u32 {
    sleep(Duration::from_millis(50));
    identifier
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    println!("workers of a new pool: {}", workers());
    executor.submit(task, 0).result()?;
    println!("after one task: {}", workers());
    executor.map(task, 0..10).collect::<Result<Vec<_>, _>>()?;
    println!("after ten more: {}", workers());
    Ok(())
}

/// Asks the system, not the pool.
fn workers() -> usize {
    children_of(std::process::id()).len()
}
// ANCHOR_END: main
