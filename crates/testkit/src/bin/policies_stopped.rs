//! Runs a task that waits at a gate, with a limit of a second, and says whether it was in time. The test
//! stops this program and its worker meanwhile.

use std::time::Duration;

use procpool::Error;
use procpool_testkit::{gate, start};

fn cross((arrived, go): (String, String)) {
    gate::give(&arrived);
    gate::take(&go);
}

fn main() -> Result<(), Error> {
    procpool::init();
    let mut paths = std::env::args().skip(1);
    let paths = (paths.next().unwrap_or_default(), paths.next().unwrap_or_default());
    let executor = start::builder_of_program().max_workers(1).build()?;
    executor.start_workers(1).result()?;
    match executor.submit_options().time_limit(Duration::from_secs(1)).submit(cross, paths).result()
    {
        Ok(()) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
