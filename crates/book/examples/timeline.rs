//! Records the trace that the book's first timeline shows: the article's
//! program, where every process records its actions, and the pool's events
//! report the exits of workers.
//!
//! Writes to the file that the environment variable `TRACE` names. The
//! initializer takes 60 ms, as if it opened a connection, and tasks take up to
//! 200 ms, so that all of it can be seen.

use std::env;
use std::thread::sleep;
use std::time::Duration;

use procpool::{EventKind, Events, ProcessPoolExecutor};
use procpool_book::timeline::Event;
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
    note(Event::Started);
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer(initializer_worker)
        .build()?;
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
            let (pid, event) = (worker.pid, Event::Exits);
            trace::append_record(&path(), &Record { pid, nanos, event });
        }
    }
}
// ANCHOR_END: exits
