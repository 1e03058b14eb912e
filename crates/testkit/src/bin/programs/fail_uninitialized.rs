//! Builds a pool without having called `init()`; prints a line every time its main runs.

use procpool::ProcessPoolExecutor;

pub(crate) fn main(_: &[String]) {
    println!("main runs");
    match ProcessPoolExecutor::builder().max_workers(1).build() {
        Ok(executor) => println!("a pool: {:?}", executor.submit(|()| (), ()).result()),
        Err(error) => println!("{error}"),
    }
}
