//! Names the host of each worker, and of one that dies: run it in an allocation of Slurm.
//!
//! ```text
//! cargo build --example where_workers_are
//! salloc --nodes=2 --ntasks=2 target/debug/examples/where_workers_are
//! ```

use procpool::{DeathPolicy, Error, ProcessPoolExecutor};
use procpool_hosts::{OnHosts, srun};

// ANCHOR: main
fn main() -> Result<(), procpool::Error> {
    procpool_hosts::init();
    let executor = ProcessPoolExecutor::builder()
        .launcher(srun())
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .build()?;
    executor.start_workers(2).result()?;

    let square = |x: u64| x * x;
    let mut lines = Vec::new();
    for report in executor.broadcast(square, 12).result()? {
        let host = report.worker.host.expect("it is on another host");
        lines.push(format!("12² is {} on {host}", report.result?));
    }
    lines.sort();
    println!("{}", lines.join("\n"));

    let dies = |()| -> () { std::process::abort() };
    let error = executor.submit(dies, ()).error();
    if let Some(Error::WorkerDied(death)) = error {
        println!("a worker on another host {}", death.exit);
    }
    println!("13² is {}", executor.submit(square, 13).result()?);
    Ok(())
}
// ANCHOR_END: main
