//! The article's program with its one free choice fixed: `before` or `after`, its argument, places the
//! second worker's message relative to the first result.
//!
//! Both workers are started before any task may run. The second one waits in its initializer, before the
//! message, until the main program releases it.

use std::fs::File;
use std::io::{Write, stdout};
use std::path::Path;

use procpool::ProcessPoolExecutor;
use procpool_testkit::gate::{self, Gate};

/// The gates' folder. `arrived`: a worker is in its initializer; `second`: the second one may print its
/// message; `printed`: a message has been printed; `tasks`: a task may run.
type Folder = String;

fn initializer_worker(folder: Folder) {
    gate::give(&format!("{folder}/arrived"));
    // Only one process can create the file: the other is the second worker.
    if File::create_new(Path::new(&folder).join("first")).is_err() {
        gate::take(&format!("{folder}/second"));
    }
    println!("Initializing worker process.");
    stdout().flush().expect("standard output is open");
    gate::give(&format!("{folder}/printed"));
}

fn task((folder, identifier): (Folder, u32)) -> u32 {
    gate::take(&format!("{folder}/tasks"));
    identifier
}

pub(crate) fn main(arguments: &[String]) -> Result<(), procpool::Error> {
    procpool::init();
    let order = arguments.first().expect("usage: article_orders before|after");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let gate = |name| Gate::new(folder.path(), name);
    let (arrived, second, printed, tasks) =
        (gate("arrived"), gate("second"), gate("printed"), gate("tasks"));
    let path = folder.path().to_str().expect("temporary folders have plain names").to_owned();

    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer_with_args(initializer_worker, path.clone())
        .build()?;
    let items = (0..10).map(|identifier| (path.clone(), identifier));
    let mut results = executor.map_options().chunksize(1).map(task, items);

    for _ in 0..2 {
        gate::take(&arrived.path());
    }
    gate::take(&printed.path());
    let second_goes_on = || {
        second.give(1);
        gate::take(&printed.path());
    };
    if order == "before" {
        second_goes_on();
    }
    tasks.give(10);
    println!("{}", results.next().expect("ten items")?);
    stdout().flush().expect("standard output is open");
    if order == "after" {
        second_goes_on();
    }
    for result in results {
        println!("{}", result?);
    }
    Ok(())
}
