//! The same work by processes and by threads: one loop, rayon, tokio's `spawn_blocking`, procpool.
//!
//! `threads [MS]` runs each for MS milliseconds (300) on work of four kinds, and prints how many tasks
//! ended per second: almost nothing, 20 µs of arithmetic, 2 ms of it, and 100 kB of data
//! summed up, which a thread reads where it is and a process gets a copy of. The last line says what
//! only processes do: a task that aborts.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use procpool::{DeathPolicy, ProcessPoolExecutor};
use rayon::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// How many tasks are started before the clock is read.
const BATCH: usize = 200;

/// A task for threads, which borrow its argument, and for processes, which get a copy.
type Task<A> = (fn(&A) -> u64, fn(A) -> u64);

/// Arithmetic that takes as long as it is told to.
fn mix(steps: &u64) -> u64 {
    let last = |value: u64, step: u64| (value ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..black_box(*steps)).fold(1, last) >> 32
}

fn sum(data: &[u8]) -> u64 {
    data.iter().map(|byte| u64::from(*byte)).sum()
}

/// Repeats `batch` for `time` and returns how many tasks ended per second.
fn rate(time: Duration, mut batch: impl FnMut() -> u64) -> Result<u64, Box<dyn Error>> {
    let expected = batch(); // Also starts what is started once.
    let (began, mut batches) = (Instant::now(), 0);
    while began.elapsed() < time {
        if batch() != expected {
            return Err("a result differs".into());
        }
        batches += 1;
    }
    Ok((f64::from(batches) * BATCH as f64 / began.elapsed().as_secs_f64()) as u64)
}

/// One line of the table. Each way runs `task` `BATCH` times on `argument`, and adds up the results.
fn line<A: procpool::Payload + Clone + Send + Sync>(
    (name, time): (&str, Duration),
    (task, in_process): Task<A>,
    argument: A,
    (pool, runtime): (&ProcessPoolExecutor, &Runtime),
) -> Result<(), Box<dyn Error>> {
    let shared = Arc::new(argument.clone());
    let alone = rate(time, || (0..BATCH).map(|_| task(&argument)).sum())?;
    let rayon = rate(time, || (0..BATCH).into_par_iter().map(|_| task(&argument)).sum())?;
    let tokio = rate(time, || {
        runtime.block_on(async {
            let start = |_| {
                let shared = Arc::clone(&shared);
                tokio::task::spawn_blocking(move || task(&shared))
            };
            let mut total = 0;
            for task in (0..BATCH).map(start).collect::<Vec<_>>() {
                total += task.await.unwrap_or(0);
            }
            total
        })
    })?;
    let procpool = rate(time, || {
        let results = pool.map(in_process, (0..BATCH).map(|_| argument.clone()));
        results.map(|result| result.unwrap_or(0)).sum()
    })?;
    println!("| {name} | {alone} | {rayon} | {tokio} | {procpool} |");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let time = std::env::args().nth(1).map_or(Ok(300), |text| text.parse())?;
    let time = Duration::from_millis(time);
    let policy = DeathPolicy::Replace { retries: 0 };
    let pool = ProcessPoolExecutor::builder().death_policy(policy).build()?;
    let runtime = Builder::new_multi_thread().build()?;
    let ways = (&pool, &runtime);
    let of_number: Task<u64> = (mix, |steps| mix(&steps));
    let of_data: Task<Vec<u8>> = (|data| sum(data), |data| sum(&data));
    let began = Instant::now();
    black_box(mix(&1_000_000));
    let microsecond = 1_000_000 / began.elapsed().as_micros().max(1) as u64;
    println!("| tasks per second | one loop | rayon | spawn_blocking | procpool |");
    println!("|---|---|---|---|---|");
    line(("nothing", time), of_number, 1, ways)?;
    line(("20 µs", time), of_number, 20 * microsecond, ways)?;
    line(("2 ms", time), of_number, 2_000 * microsecond, ways)?;
    line(("100 kB", time), of_data, vec![1; 100_000], ways)?;
    let aborted = pool.submit(|()| -> () { std::process::abort() }, ()).error();
    println!("an abort: {}; a thread's is that of its program", aborted.ok_or("it returned")?);
    Ok(())
}
