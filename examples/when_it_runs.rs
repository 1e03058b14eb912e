//! When the initializer runs: not when the pool is made, and once in each
//! worker, also in one that takes the place of another.
//!
//! Prints what the program and its only worker do, in order.

// ANCHOR: main
use procpool::ProcessPoolExecutor;

fn initializer() {
    println!("initializer");
}

fn task(identifier: u32) {
    println!("task {identifier}");
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .max_tasks_per_child(2)
        .initializer(initializer)
        .build()?;
    println!("the pool is made");
    executor.start_workers(1).result()?;
    println!("a worker is ready");
    for identifier in 0..3 {
        executor.submit(task, identifier).result()?;
    }
    Ok(())
}
// ANCHOR_END: main
