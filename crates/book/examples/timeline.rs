//! Records the traces that the book's timelines show: the article's
//! program, where every process records its actions, and the pool's events
//! report the exits of workers. In an allocation of Slurm, its workers are on
//! other hosts.
//!
//! Writes to the file that the environment variable `TRACE` names. The
//! initializer takes 60 ms, as if it opened a connection, and tasks take up to
//! 200 ms, so that all of it can be seen.

use std::env;
use std::thread::sleep;
use std::time::Duration;

use procpool::{EventKind, Events, ProcessPoolExecutor};
use procpool_book::timeline::Event;
use procpool_hosts::{OnHosts, srun};
use procpool_testkit::trace::{self, Record};

// ANCHOR: worker
fn initializer_worker() {
    note(Event::InitializerBegins);
    sleep(Duration::from_millis(60));
    note(Event::InitializerEnds);
}

fn task(identifier: u32) -> u32 {
    note(Event::TaskBegins { identifier });
    sleep(Duration::from_millis(200).mul_f64(rand::random()));
    note(Event::TaskEnds { identifier });
    identifier
}
// ANCHOR_END: worker

fn main() -> Result<(), procpool::Error> {
    // Workers run this too: code before `init` runs in every process of this
    // program.
    if env::args().nth(1).as_deref() != Some("--procpool-relay") {
        note(Event::Started);
    }
    procpool_hosts::init();
    let builder = ProcessPoolExecutor::builder();
    let builder = match env::var_os("SLURM_JOB_ID") {
        Some(_) => builder.launcher(srun()),
        None => builder.max_workers(2),
    };
    let executor = builder.initializer(initializer_worker).build()?;
    let events = executor.events();
    note(Event::MapCalled);
    for result in executor.map(task, 0..10) {
        note(Event::ResultGiven { identifier: result? });
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

// ANCHOR: exits
/// Notes when the pool saw each worker exit.
fn note_exits(events: Events) {
    for event in events {
        if let EventKind::WorkerExited(worker, _) = event.kind {
            let nanos = trace::now()
                - event.at.elapsed().unwrap_or_default().as_nanos() as u64;
            let pid = worker.pid;
            let note = |event| {
                trace::append_record(
                    &path(),
                    &Record { pid, nanos, event },
                );
            };
            note(Event::Exits);
            if let Some(host) = worker.host {
                note(Event::RanOn { host });
            }
        }
    }
}
// ANCHOR_END: exits
