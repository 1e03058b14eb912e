//! 12 tasks for at most 2 workers.

use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use procpool::{EventKind, Events, ProcessPoolExecutor, as_completed};

const MILLIS: [u64; 1] = [400];

fn task(identifier: u32) -> u32 {
    let millis = MILLIS[identifier as usize % MILLIS.len()];
    sleep(Duration::from_millis(millis));
    identifier
}

/// Kills the second worker that is started.
fn kill_second_worker(events: Events, at: Instant) {
    let mut pids = events.filter_map(|event| match event.kind {
        EventKind::WorkerStarted(worker) => Some(worker.pid),
        _ => None,
    });
    let Some(pid) = pids.nth(1) else { return };
    sleep(at.saturating_duration_since(Instant::now()));
    let mut kill = Command::new("kill");
    kill.arg("-KILL").arg(pid.to_string());
    kill.status().expect("kill(1) is installed");
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    let events = executor.events();
    let at = Instant::now() + Duration::from_millis(1000);
    thread::spawn(move || kill_second_worker(events, at));
    let submit = |identifier| executor.submit(task, identifier);
    let futures: Vec<_> = (0..12).map(submit).collect();
    for future in as_completed(&futures) {
        println!("{}", future.result()?);
    }
    Ok(())
}
