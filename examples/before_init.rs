//! Code before `init()` runs in each worker, too. Here it waits for a lock that
//! the program holds.
//!
//! Prints the error of the task: its worker did not reach `init()`.

// ANCHOR: main
use std::error::Error;
use std::fs::File;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

fn main() -> Result<(), Box<dyn Error>> {
    // Only one copy of this program may run at a time.
    let lock = File::open(std::env::current_exe()?)?;
    lock.lock()?;
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .start_timeout(Duration::from_secs(1))
        .build()?;
    let future = executor.submit(|x: u32| x + 1, 1);
    if let Err(error) = future.result() {
        println!("{error}");
    }
    Ok(())
}
// ANCHOR_END: main
