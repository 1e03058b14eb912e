//! Four ways to end a pool, and what becomes of its tasks.
//!
//! Prints a line for each way: one task is running at the end, four wait.

use std::error::Error;
use std::fs::File;
use std::thread::yield_now;

use procpool::{Error as PoolError, ProcessPoolExecutor, ShutdownOptions};

// ANCHOR: main
/// Waits while the program holds the lock on its own executable.
fn task(identifier: u32) -> Result<u32, String> {
    let wait = || File::open(std::env::current_exe()?)?.lock();
    wait().map_err(|error| error.to_string())?;
    Ok(identifier)
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let builder = || ProcessPoolExecutor::builder().max_workers(1);
    let at_once = ShutdownOptions::new().wait(false);
    for way in ["drop", "cancel_futures", "wait(false)", "kill_workers"] {
        let lock = File::open(std::env::current_exe()?)?;
        lock.lock()?;
        let executor = builder().build()?;
        let submit = |it| executor.submit(task, it);
        let futures: Vec<_> = (0..5).map(submit).collect();
        while !futures[0].running() {
            yield_now();
        }
        match way {
            "cancel_futures" => {
                executor.shutdown_with(at_once.cancel_futures(true));
            }
            "wait(false)" => executor.shutdown_with(at_once),
            "kill_workers" => executor.kill_workers(),
            _ => {}
        }
        lock.unlock()?;
        drop(executor);
        let outcomes = futures.iter().map(|future| match future.result() {
            Ok(_) => "done",
            Err(PoolError::Cancelled) => "cancelled",
            Err(_) => "lost",
        });
        println!("{way}: {}", Vec::from_iter(outcomes).join(", "));
    }
    Ok(())
}
// ANCHOR_END: main
