//! Queues more and more tasks behind workers that are held up, and counts the descriptors of itself and
//! its workers, as a line of JSON for each length of the queue.

use std::path::Path;

use procpool::Future;
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, start};
use serde_json::json;

/// The longest queue.
const LENGTHS: [usize; 3] = [1, 100, 10_000];

fn hold((running, go_on): (String, String)) {
    gate::give(&running);
    gate::take(&go_on);
}

fn length(text: String) -> usize {
    text.len()
}

pub(crate) fn main(_: &[String]) -> Result<(), procpool::Error> {
    procpool::init();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let running = Gate::new(folder.path(), "running");
    let go_on = Gate::new(folder.path(), "go_on");
    let executor = start::builder_of_program().max_workers(2).build()?;
    let held: Vec<Future<()>> =
        (0..2).map(|_| executor.submit(hold, (running.path(), go_on.path()))).collect();
    for _ in 0..2 {
        gate::take(&running.path());
    }

    let this = std::process::id();
    let mut queued = Vec::new();
    for length_of_queue in LENGTHS {
        while queued.len() < length_of_queue {
            queued.push(executor.submit(length, "a payload".to_owned()));
        }
        let workers: Vec<usize> =
            os::workers_of(this).iter().map(|child| count(child.pid, folder.path())).collect();
        let look = json!({
            "queued": length_of_queue,
            "parent": count(this, folder.path()),
            "workers": workers,
        });
        println!("{look}");
    }

    go_on.give(2);
    for future in held {
        future.result()?;
    }
    for future in queued {
        assert_eq!(future.result()?, "a payload".len());
    }
    Ok(())
}

/// Counts the descriptors of `pid`, without the gates in `folder`: a task that has reported that it runs
/// may or may not have closed that gate, and opened the next one.
fn count(pid: u32, folder: &Path) -> usize {
    let descriptors = os::descriptors_of(pid);
    descriptors.iter().filter(|(_, target)| !Path::new(target).starts_with(folder)).count()
}
