//! Starts one worker, waits until its executable has been changed, and starts another.
//!
//! Its argument is the folder of three gates. A permit at `running` means that the first worker runs its
//! task; the program takes one at `changed` before it starts the second; and the first worker stays busy
//! until it gets one at `go_on`. Prints, as a line of JSON, the names of both workers and the first words
//! of their command lines.

use std::fs;

use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::gate;
use serde_json::json;

/// Returns the name of the process and the first word of its command line.
fn names(_: ()) -> (String, String) {
    let name = fs::read_to_string("/proc/self/comm").expect("/proc is mounted");
    let program = std::env::args().next().expect("a program has a name");
    (name.trim_end().to_owned(), program)
}

/// Keeps its worker busy until the executable has been changed.
fn names_later(folder: String) -> (String, String) {
    gate::give(&format!("{folder}/running"));
    gate::take(&format!("{folder}/go_on"));
    names(())
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let folder = arguments.first().expect("usage: clean_executable FOLDER");
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    let first = executor.submit(names_later, folder.clone());
    gate::take(&format!("{folder}/changed"));
    // The first worker is busy, so this one needs a new process.
    let second = executor.submit(names, ()).result()?;
    gate::give(&format!("{folder}/go_on"));
    println!("{}", json!([first.result()?, second]));
    Ok(())
}
