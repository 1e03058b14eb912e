//! An initializer that fails: every future says why, and so does every later
//! one.
//!
//! Prints three lines, for two tasks that waited and one submitted afterwards.
//! All end in `the initializer failed in worker PID: no licence server at
//! licences.example:27000`.

// ANCHOR: main
use procpool::{BrokenCause, Error, ProcessPoolExecutor};

fn find_licence(server: String) -> Result<(), String> {
    Err(format!("no licence server at {server}"))
}

fn task(identifier: u32) -> u32 {
    identifier
}

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .initializer_with_args(
            find_licence,
            "licences.example:27000".to_owned(),
        )
        .build()?;

    let first = executor.submit(task, 1);
    let second = executor.submit(task, 2);
    println!("task 1: {}", explain(first.error()));
    println!("task 2: {}", explain(second.error()));
    println!("later: {}", explain(executor.submit(task, 3).error()));
    Ok(())
}

/// The cause is a value, not only a text.
fn explain(error: Option<Error>) -> String {
    match error {
        Some(Error::BrokenProcessPool(broken)) => match broken.cause() {
            cause @ BrokenCause::InitializerFailed { .. } => {
                cause.to_string()
            }
            other => format!("not the initializer: {other}"),
        },
        other => format!("not a broken pool: {other:?}"),
    }
}
// ANCHOR_END: main
