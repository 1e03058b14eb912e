//! A pool in which much goes wrong, recorded: a task that kills its worker and
//! is retried, one that panics, one that exceeds its time limit, one that is
//! killed, one that is cancelled; and workers that are replaced after four
//! tasks.
//!
//! `just timeline failures` runs it. Writes `target/timeline/failures.svg` and
//! `failures.json`, and prints the timeline.

use std::process::abort;
use std::thread::sleep;
use std::time::Duration;

use procpool::{DeathPolicy, ProcessPoolExecutor};
use procpool_timeline::Record;

fn work(millis: u64) {
    sleep(Duration::from_millis(millis));
}

fn crash(millis: u64) {
    sleep(Duration::from_millis(millis));
    abort();
}

fn refuse(millis: u64) {
    sleep(Duration::from_millis(millis));
    panic!("no");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(3)
        .death_policy(DeathPolicy::Replace { retries: 1 })
        .max_tasks_per_child(4)
        .grace(Duration::from_millis(20))
        .initializer(|| work(20))
        .record("target/timeline/failures")?;
    let short = executor.submit_options().time_limit(Duration::from_millis(50));
    let mut failing = vec![
        executor.submit(crash, 30),
        executor.submit(refuse, 40),
        executor.submit_by(work, 60_000, |task, millis| short.submit(task, millis)),
    ];
    let killed = executor.submit(work, 60_000);
    let map = executor.map(work, (0..40).map(|index| 5 + index % 7 * 5));
    let cancelled = executor.submit(work, 10);
    cancelled.cancel();
    while !killed.running() {
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(40));
    killed.kill();
    map.collect::<Result<Vec<()>, _>>()?;
    failing.extend([killed, cancelled]);
    for (number, future) in failing.iter().enumerate() {
        println!("{number}: {}", future.error().expect("it fails"));
    }
    println!("{}", executor.finish()?.text());
    Ok(())
}
