//! The article's program without an initializer, which is optional.

use procpool::ProcessPoolExecutor;

fn task(identifier: u32) -> u32 {
    identifier
}

pub(crate) fn main(_: &[String]) -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    for result in executor.map(task, 0..10) {
        println!("{}", result?);
    }
    Ok(())
}
