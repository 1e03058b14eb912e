//! Initializers that end badly, or not at all.
//!
//! Prints the error that a task gets, for each of them. The last one never
//! returns, until the program kills its worker.

// ANCHOR: main
use std::time::Duration;

use procpool::{Error, ProcessPoolExecutor};

fn initializer(how: String) -> Result<(), String> {
    match how.as_str() {
        "error" => Err("no licence".to_owned()),
        "panic" => panic!("no licence"),
        "exit" => std::process::exit(3),
        _ => loop {
            std::thread::park();
        },
    }
}

fn main() -> Result<(), Error> {
    procpool::init();
    for how in ["error", "panic", "exit", "hang"] {
        let executor = ProcessPoolExecutor::builder()
            .max_workers(1)
            .initializer_with_args(initializer, how.to_owned())
            .build()?;
        let future = executor.submit(|x: u32| x + 1, 1);
        if how == "hang" {
            let waited = future.result_timeout(Duration::from_secs(1));
            if let Err(error) = waited {
                println!("{how}: {error}");
            }
            executor.kill_workers();
        }
        if let Err(error) = future.result() {
            println!("{how}: {error}");
        }
    }
    Ok(())
}
// ANCHOR_END: main
