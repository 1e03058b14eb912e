//! 9 tasks for at most 2 workers.

use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

const MILLIS: [u64; 2] = [15, 40];

fn initializer_worker() {
    sleep(Duration::from_millis(20));
}

fn task(identifier: u32) -> u32 {
    let millis = MILLIS[identifier as usize % MILLIS.len()];
    sleep(Duration::from_millis(millis));
    identifier
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .max_tasks_per_child(2)
        .initializer(initializer_worker)
        .build()?;
    for result in executor.map(task, 0..9) {
        println!("{}", result?);
    }
    Ok(())
}
