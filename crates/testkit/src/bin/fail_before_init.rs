//! Performs the action that the environment variable MODE names before `init()`; prints the outcome of two
//! tasks. Both are queued before a worker can answer, so both workers are started.
//!
//! It has an executable of its own because its workers run it before `init()`, too.

use std::io::Read;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

fn before_init() {
    let mode = std::env::var("MODE").unwrap_or_default();
    let is_worker = std::env::args().any(|argument| argument == "--procpool-worker");
    match mode.as_str() {
        "print" => println!("before init"),
        "stdin" => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).expect("stdin can be read");
            println!("read {} bytes", bytes.len());
        }
        "slow" if is_worker => std::thread::sleep(Duration::from_millis(100)),
        "never" if is_worker => loop {
            std::thread::park();
        },
        "exit" if is_worker => std::process::exit(5),
        _ => {}
    }
}

fn main() -> Result<(), procpool::Error> {
    before_init();
    procpool::init();
    let builder = ProcessPoolExecutor::builder().max_workers(2);
    let limit = match std::env::var("MODE").as_deref() {
        Ok("never") => Duration::from_millis(300),
        _ => Duration::from_secs(30),
    };
    let executor = builder.start_timeout(limit).build()?;
    let futures = [0, 1].map(|x| executor.submit(|x: u32| 2 * x, x));
    let results = futures.map(|future| future.result());
    match &results {
        [Ok(_), Ok(_)] => println!("results: {results:?}"),
        _ => {
            results.iter().filter_map(|result| result.as_ref().err()).for_each(|e| println!("{e}"))
        }
    }
    Ok(())
}
