//! The second worker's message after the first result: an order that is not
//! guaranteed.
//!
//! The order is forced. The worker that reaches its initializer second waits
//! there for a permit, and the program gives it one after it has printed a
//! result. Prints the message, `0`, the message again, and `1` to `9`.

use std::fs::File;

use procpool::ProcessPoolExecutor;
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::watch::HANG;

// ANCHOR: initializer
/// Both workers try to make the same file. The second one waits.
fn initializer_worker((marker, permit, printed): (String, String, String)) {
    if File::create_new(marker).is_err() {
        gate::take(&permit);
    }
    println!("Initializing worker process.");
    gate::give(&printed);
}
// ANCHOR_END: initializer

fn task(identifier: u32) -> u32 {
    identifier
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let folder = tempfile::tempdir()?;
    let marker = folder.path().join("marker").display().to_string();
    let permit = Gate::new(folder.path(), "permit");
    let printed = Gate::new(folder.path(), "printed");

    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer_with_args(
            initializer_worker,
            (marker, permit.path(), printed.path()),
        )
        .build()?;
    // ANCHOR: results
    let mut results = executor.map(task, 0..10);
    if let Some(first) = results.next() {
        println!("{}", first?);
        permit.give(1);
        // Both messages: one was printed before, the other follows now.
        printed.take(2, HANG)?;
    }
    for result in results {
        println!("{}", result?);
    }
    // ANCHOR_END: results
    Ok(())
}
