//! Records the trace that the book's first timeline shows: the article's program, where every
//! process writes down what it does.
//!
//! Writes to the file that the environment variable `TRACE` names. The initializer takes 60 ms,
//! as if it opened a connection, and tasks take up to 200 ms, so that all of it can be seen.

use std::convert::Infallible;
use std::env;
use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;
use procpool_book::timeline::Event;
use procpool_testkit::trace;

// ANCHOR: worker
/// What a worker keeps from its initializer to its end.
struct Presence;

fn initializer_worker() -> Result<Presence, Infallible> {
    note(Event::InitializerBegins);
    sleep(Duration::from_millis(60));
    note(Event::InitializerEnds);
    Ok(Presence)
}

fn task(_presence: &mut Presence, identifier: u32) -> u32 {
    note(Event::TaskBegins { identifier });
    sleep(Duration::from_millis(200).mul_f64(rand::random()));
    note(Event::TaskEnds { identifier });
    identifier
}

impl Drop for Presence {
    fn drop(&mut self) {
        note(Event::Exits);
    }
}
// ANCHOR_END: worker

fn main() -> Result<(), procpool::Error> {
    // Workers pass here too: what stands before `init` runs in every process of this program.
    note(Event::Started);
    procpool::init();
    let executor =
        ProcessPoolExecutor::builder().max_workers(2).initializer(initializer_worker).build()?;
    note(Event::MapCalled);
    for result in executor.map_with(task, 0..10) {
        note(Event::ResultGiven { identifier: result? });
    }
    Ok(())
}

/// Workers inherit the environment, and so the name of the file.
fn note(event: Event) {
    let path = env::var("TRACE").expect("TRACE names the file to write the trace to");
    trace::append(&path, event);
}
