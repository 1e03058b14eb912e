//! A pool that captures the stderr of its workers, in a program whose own stderr nobody reads.
//!
//! One worker writes more than all pipes hold; says, as lines of JSON, what another computes meanwhile,
//! and that the pool was killed and dropped.

use procpool::{Error, ProcessPoolExecutor};
use serde_json::json;

/// Writes more than the worker's pipe and the program's hold together, and everything in between.
fn write_much(_: ()) {
    eprint!("{}", "e".repeat(4 << 20));
}

fn double(x: u32) -> u32 {
    2 * x
}

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).capture_stderr(1).build()?;
    let stuck = executor.submit(write_much, ());
    while !stuck.running() {
        std::thread::yield_now();
    }
    println!("{}", json!(executor.submit(double, 21).result()?));
    executor.kill_workers();
    assert!(stuck.error().is_some(), "nobody has read what it writes");
    drop(executor);
    println!("{}", json!("over"));
    Ok(())
}
