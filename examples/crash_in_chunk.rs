//! One item of a chunk ends its worker, with exit code 0.
//!
//! Prints a line for each of six items, of which one has no result.

use procpool::{DeathPolicy, Error, ProcessPoolExecutor};

// ANCHOR: main
fn task(identifier: u32) -> u32 {
    if identifier == 3 {
        std::process::exit(0);
    }
    identifier
}

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .build()?;
    for result in executor.map_options().chunksize(6).map(task, 0..6) {
        match result {
            Ok(result) => println!("{result}"),
            Err(Error::WorkerDied(death)) => println!("{}", death.exit),
            Err(other) => println!("{other}"),
        }
    }
    Ok(())
}
// ANCHOR_END: main
