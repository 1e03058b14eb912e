//! The article's program with workers on other hosts: run it in an allocation of Slurm.
//!
//! ```text
//! cargo build --example hosts
//! salloc --nodes=2 --ntasks=2 target/debug/examples/hosts
//! ```
//!
//! It differs from `initializer_worker` in two lines: the call at the start of `main`, and the launcher.

use std::io::{Write, stdout};
use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;
use procpool_hosts::{OnHosts, srun};

/// Runs once in every worker process, before its first task.
fn initializer_worker() {
    println!("Initializing worker process.");
    stdout().flush().expect("standard output is open");
}

/// Blocks for a fraction of a second and returns its identifier.
fn task(identifier: u32) -> u32 {
    sleep(Duration::from_secs_f64(rand::random()));
    identifier
}

// ANCHOR: main
fn main() -> Result<(), procpool::Error> {
    procpool_hosts::init(); // in a relay or a worker this never returns
    let executor = ProcessPoolExecutor::builder()
        .launcher(srun()) // a worker for each task of the allocation
        .initializer(initializer_worker)
        .build()?;
    for result in executor.map(task, 0..10) {
        println!("{}", result?);
    }
    Ok(())
}
// ANCHOR_END: main
