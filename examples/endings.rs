//! Four ways to end a pool, and what becomes of its tasks.
//!
//! Prints a line for each way: one task is running at the end, four wait.

use std::fs::File;
use std::thread::yield_now;

use procpool::{Error, ProcessPoolExecutor, ShutdownOptions};

// ANCHOR: tasks
/// Waits while the program holds the lock on its own executable.
fn task(identifier: u32) -> Result<u32, String> {
    let wait = || File::open(std::env::current_exe()?)?.lock();
    wait().map_err(|error| error.to_string())?;
    Ok(identifier)
}

type Pool = ProcessPoolExecutor;
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Ends a pool by `end`, in which the lock is to be released.
fn ending(name: &str, end: fn(Pool, &File) -> Result<()>) -> Result<()> {
    let lock = File::open(std::env::current_exe()?)?;
    lock.lock()?;
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    let futures: Vec<_> =
        (0..5).map(|it| executor.submit(task, it)).collect();
    while !futures[0].running() {
        yield_now();
    }
    end(executor, &lock)?;
    let outcomes: Vec<_> = futures
        .iter()
        .map(|future| match future.result() {
            Ok(_) => "done",
            Err(Error::Cancelled) => "cancelled",
            Err(Error::BrokenProcessPool(_)) => "lost",
            Err(_) => "failed",
        })
        .collect();
    println!("{name}: {}", outcomes.join(", "));
    Ok(())
}
// ANCHOR_END: tasks

// ANCHOR: main
fn main() -> Result<()> {
    procpool::init();
    ending("drop", |executor, lock| {
        lock.unlock()?;
        drop(executor);
        Ok(())
    })?;
    ending("cancel_futures", |executor, lock| {
        let options = ShutdownOptions::new().wait(false);
        executor.shutdown_with(options.cancel_futures(true));
        lock.unlock()?;
        executor.shutdown();
        Ok(())
    })?;
    ending("wait(false)", |executor, lock| {
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        drop(executor);
        lock.unlock()?;
        Ok(())
    })?;
    ending("kill_workers", |executor, _| {
        executor.kill_workers();
        Ok(())
    })
}
// ANCHOR_END: main
