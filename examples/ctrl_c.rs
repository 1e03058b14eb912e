//! Ctrl-C: the running task finishes, the others are cancelled.
//!
//! Task 0 itself does what a terminal does for Ctrl-C, and interrupts its whole
//! process group. So this program needs a group of its own: `setsid --wait`.

use std::fs::File;
use std::process::Command;

use procpool::{ProcessPoolExecutor, ShutdownOptions};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

// ANCHOR: main
fn task(identifier: u32) -> Result<u32, String> {
    // Ctrl-C, for this worker, the program and the shell.
    let interrupt = ["-c", "kill -s INT 0"];
    let work = || {
        Command::new("sh").args(interrupt).status()?;
        // Waits while the program holds this lock.
        File::open(std::env::current_exe()?)?.lock()
    };
    work().map_err(|error| error.to_string())?;
    Ok(identifier)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let lock = File::open(std::env::current_exe()?)?;
    lock.lock()?;
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    let futures: Vec<_> =
        (0..5).map(|it| executor.submit(task, it)).collect();

    signals.forever().next();
    println!("interrupted");
    let now = ShutdownOptions::new().wait(false).cancel_futures(true);
    executor.shutdown_with(now);
    lock.unlock()?;
    for (identifier, future) in futures.iter().enumerate() {
        match future.result() {
            Ok(result) => println!("task {identifier}: {}", result?),
            Err(error) => println!("task {identifier}: {error}"),
        }
    }
    Ok(())
}
// ANCHOR_END: main
