//! The article's program, recorded: two workers, each initialized once, run ten tasks.
//!
//! `just timeline` runs it. Writes `target/timeline/article.svg` and
//! `article.json`, and prints the timeline. Two lines differ from
//! `examples/initializer_worker.rs`: the `use`, and `record` in place of
//! `build`. The last line, which prints, is only for the terminal.

use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;
use procpool_timeline::Record;

fn initializer_worker() {
    sleep(Duration::from_millis(60));
}

fn task(identifier: u32) -> u32 {
    sleep(Duration::from_millis(200).mul_f64(rand::random()));
    identifier
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer(initializer_worker)
        .record("target/timeline/article")?;
    for result in executor.map(task, 0..10) {
        result?;
    }
    println!("{}", executor.finish()?.text());
    Ok(())
}
// ANCHOR_END: main
