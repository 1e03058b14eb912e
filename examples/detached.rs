//! A pool that is shut down without waiting, in a program that ends.
//!
//! Prints one line: the program's.

use std::thread::sleep;
use std::time::Duration;

use procpool::{ProcessPoolExecutor, ShutdownOptions};

// ANCHOR: main
fn task(seconds: u64) {
    sleep(Duration::from_secs(seconds));
    println!("the task has run");
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().build()?;
    executor.submit(task, 3);
    executor.shutdown_with(ShutdownOptions::new().wait(false));
    println!("main ends");
    Ok(())
}
// ANCHOR_END: main
