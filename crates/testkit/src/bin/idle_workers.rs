//! Two idle workers of a minimal program: prints their pids, as a JSON list, and exits when its stdin is
//! closed.
//!
//! It has an executable of its own because the memory of its workers is measured, which grows with that.

use std::collections::BTreeSet;
use std::io::Read;

use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::task::pid;

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    let mut workers = BTreeSet::new();
    // Until both have had a task: an idle worker gets the next one.
    while workers.len() < 2 {
        let (one, other) = (executor.submit(pid, ()), executor.submit(pid, ()));
        workers.extend([one.result()?, other.result()?]);
    }
    println!("{:?}", workers.iter().collect::<Vec<_>>());
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).expect("stdin is readable");
    Ok(())
}
