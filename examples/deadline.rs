//! Tasks that would run for ever, and three ways in which they end.
//!
//! Prints the error of each, and whether its worker has survived.

use std::thread::{park, yield_now};
use std::time::Duration;

use procpool::{Error, ProcessPoolExecutor, should_stop};

// ANCHOR: main
/// Looks for a number that does not exist, until it should stop.
fn polite(limit: u64) -> Option<u64> {
    (0..limit).find(|number| should_stop() || number * number == 2)
}

/// Waits for ever.
fn deaf(_: u64) -> Option<u64> {
    loop {
        park();
    }
}

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .grace(Duration::from_secs(2))
        .build()?;
    let worker = || executor.submit(|()| std::process::id(), ()).result();
    let limited = executor.submit_options().time_limit(LIMIT);

    for (name, task) in [("polite", polite as fn(_) -> _), ("deaf", deaf)] {
        let before = worker()?;
        if let Some(error) = limited.submit(task, u64::MAX).error() {
            println!("{name}: {error}");
        }
        println!("  its worker has survived: {}", before == worker()?);
    }

    let future = executor.submit(deaf, 0);
    while !future.running() {
        yield_now();
    }
    println!("cancel: {}, kill: {:?}", future.cancel(), future.kill());
    if let Some(error) = future.error() {
        println!("  {error}");
    }
    Ok(())
}

const LIMIT: Duration = Duration::from_millis(100);
// ANCHOR_END: main
