//! Records what becomes of a map when a task crashes its worker: in a pool that
//! breaks, or, with the argument `replace`, in one that replaces dead workers.
//!
//! Writes to the file that the environment variable `TRACE` names. A seed gives
//! the time of each task, so that both runs do the same until the crash.

use std::env;
use std::fs::File;
use std::process::abort;
use std::thread::sleep;
use std::time::Duration;

use procpool::{
    DeathPolicy, EventKind, Events, ExitReason, ProcessPoolExecutor,
};
use procpool_book::timeline::Event;
use procpool_testkit::trace::{self, Record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SEED: u64 = 50;

// ANCHOR: task
fn task((identifier, millis): (u32, u64)) {
    note(Event::TaskBegins { identifier });
    sleep(Duration::from_millis(millis));
    // The first attempt to run task 3 crashes.
    if identifier == 3 && File::create_new(path() + ".crashed").is_ok() {
        abort();
    }
    note(Event::TaskEnds { identifier });
}
// ANCHOR_END: task

fn initializer_worker() {
    note(Event::InitializerBegins);
    sleep(Duration::from_millis(60));
    note(Event::InitializerEnds);
}

fn main() -> Result<(), procpool::Error> {
    note(Event::Started);
    procpool::init();
    let policy = match env::args().nth(1).as_deref() {
        Some("replace") => DeathPolicy::Replace { retries: 1 },
        _ => DeathPolicy::Break,
    };
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .death_policy(policy)
        .initializer(initializer_worker)
        .build()?;
    executor.start_workers(2).result()?;
    let events = executor.events();

    let mut random = StdRng::seed_from_u64(SEED);
    let items = (0..8).map(|it| (it, random.random_range(60..180)));
    note(Event::MapCalled);
    let results = executor.map_options().chunksize(1).map(task, items);
    for (identifier, result) in (0..).zip(results) {
        note(match result {
            Ok(()) => Event::ResultGiven { identifier },
            Err(_) => Event::ErrorGiven { identifier },
        });
    }
    drop(executor);
    note_exits(events);
    Ok(())
}

/// Workers inherit the environment, and so the name of the file.
fn path() -> String {
    env::var("TRACE").expect("TRACE names the file to write the trace to")
}

fn note(event: Event) {
    trace::append(&path(), event);
}

/// Notes when the pool saw each worker exit or die.
fn note_exits(events: Events) {
    for event in events {
        let EventKind::WorkerExited(worker, reason) = event.kind else {
            continue;
        };
        let ago = event.at.elapsed().unwrap_or_default().as_nanos() as u64;
        let end = match reason {
            ExitReason::Died(_) | ExitReason::Killed => Event::Dies,
            _ => Event::Exits,
        };
        let (pid, nanos) = (worker.pid, trace::now() - ago);
        trace::append_record(&path(), &Record { pid, nanos, event: end });
    }
}
