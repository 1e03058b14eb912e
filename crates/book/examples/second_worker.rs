//! One worker runs a task when the initializer of another one fails.
//!
//! Prints the outcome of both tasks.

use std::fs::File;
use std::io;

use procpool::ProcessPoolExecutor;

// ANCHOR: main
/// There is one licence: the first worker takes it.
fn take_licence(path: String) -> Result<(), io::Error> {
    File::create_new(path)?;
    Ok(())
}

fn task(_number: u32) {
    loop {
        std::thread::park();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let folder = tempfile::tempdir()?;
    let licence = folder.path().join("licence").display().to_string();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer_with_args(take_licence, licence)
        .build()?;
    let first = executor.submit(task, 1);
    while !first.running() {
        std::thread::yield_now();
    }
    let second = executor.submit(task, 2);
    for future in [first, second] {
        match future.result() {
            Ok(()) => println!("done"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
// ANCHOR_END: main
