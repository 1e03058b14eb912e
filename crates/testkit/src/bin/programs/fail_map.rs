//! A map one of whose items panics; prints the outcome of each. Also built so that a panic aborts.

use procpool::Error;
use procpool_testkit::start;

fn item_that_may_be_wrong(item: u32) -> u32 {
    if item == 1 {
        panic!("item {item} is wrong");
    }
    item
}

pub(crate) fn main(_: &[String]) -> Result<(), Error> {
    procpool::init();
    let executor = start::builder_of_program().max_workers(1).build()?;
    for result in executor.map_options().chunksize(1).map(item_that_may_be_wrong, 0..4) {
        match result {
            Ok(item) => println!("item {item}"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
