//! The wake-ups of an idle pool's threads.
//!
//! The context switches, voluntary and not, of every thread of this process except the one that
//! measures, and of every thread of both workers. They are counted from a moment after the last
//! task: looking for more work for some microseconds before sleeping is no wake-up. A thread that
//! never runs has none, so the target is 0, and one timer is too many.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::bench::Bench;
use crate::pools::{Gates, pool};
use crate::row::{Figure, Row};
use crate::target::Target;

const WORKERS: usize = 2;
/// Longer than any spin, than the work of a thread before it sleeps, and than the second after which the
/// manager once looks for tasks that take long.
const SETTLING: Duration = Duration::from_millis(1500);

/// The row `idle`.
pub(crate) fn idle(bench: &Bench) -> Outcome<Row> {
    let seconds = if bench.is_quick() { 10 } else { 60 };
    let executor = pool(WORKERS)?;
    let workers = Gates::new()?.fill(&executor, WORKERS)?;
    thread::sleep(SETTLING);
    let before = switches(&workers)?;
    thread::sleep(Duration::from_secs(seconds));
    let wakes = switches(&workers)? - before;
    drop(executor);
    let mut row = Row::new("idle", "context switches of an idle parent and 2 idle workers");
    let name = format!("wake-ups in {seconds} s");
    row.figures.push(Figure::judged(name, "", vec![wakes as f64], Target::AtMost(0.0)));
    Ok(row)
}

fn switches(workers: &[u32]) -> Outcome<u64> {
    let own = std::process::id();
    let mut sum = 0;
    for pid in workers.iter().copied().chain([own]) {
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?;
            // Rows are measured by the main thread, whose id is the process's.
            if pid == own && thread.file_name().to_str() == Some(&own.to_string()) {
                continue;
            }
            let status = fs::read_to_string(thread.path().join("status"))?;
            let counts = status.lines().filter_map(|line| line.split_once("_ctxt_switches:"));
            for (_, count) in counts {
                sum += count.trim().parse::<u64>()?;
            }
        }
    }
    Ok(sum)
}
