//! A counter in a global: each process counts for itself.
//!
//! Prints what the only worker has counted, and then what the program has.

// ANCHOR: main
use std::sync::atomic::{AtomicU32, Ordering};

use procpool::ProcessPoolExecutor;

static COUNTER: AtomicU32 = AtomicU32::new(0);

fn add(number: u32) -> u32 {
    COUNTER.fetch_add(number, Ordering::Relaxed) + number
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    add(100);
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    for counted in executor.map(add, [1, 1, 1]) {
        println!("worker: {}", counted?);
    }
    println!("program: {}", add(0));
    Ok(())
}
// ANCHOR_END: main
