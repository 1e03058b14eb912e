//! 7 tasks for at most 3 workers.

use std::thread::sleep;
use std::time::Duration;

use procpool::{ProcessPoolExecutor, as_completed};

const MILLIS: [u64; 3] = [30, 20, 10];

fn task(identifier: u32) -> u32 {
    let millis = MILLIS[identifier as usize % MILLIS.len()];
    sleep(Duration::from_millis(millis));
    identifier
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(3).build()?;
    let submit = |identifier| executor.submit(task, identifier);
    let futures: Vec<_> = (0..7).map(submit).collect();
    for future in as_completed(&futures) {
        println!("{}", future.result()?);
    }
    Ok(())
}
