//! Runs a task that waits at a gate, with a limit of three seconds, and reports whether it was in time.
//! The test stops this program and its worker meanwhile.

use std::time::Duration;

use procpool::Error;
use procpool_testkit::{gate, start};

fn cross((arrived, go): (String, String)) {
    gate::give(&arrived);
    gate::take(&go);
    // The pool notices first that the limit has passed by the clock.
    std::thread::sleep(Duration::from_millis(100));
}

fn main() -> Result<(), Error> {
    procpool::init();
    let mut paths = std::env::args().skip(1);
    let paths = (paths.next().unwrap_or_default(), paths.next().unwrap_or_default());
    let executor = start::builder_of_program().max_workers(1).build()?;
    executor.ready(1).result()?;
    match executor.timeout(Duration::from_secs(3)).submit(cross, paths).result() {
        Ok(()) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
