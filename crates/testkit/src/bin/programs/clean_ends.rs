//! Exits in the way that its argument says, with its pool in use:
//!
//! - `return`: submits tasks that print, and returns from `main` without reading a result;
//! - `exit`, `_exit`: has a busy worker and an idle one, prints their pids as a line of JSON, waits at the
//!   gate that is its second argument, and exits with 3 while the pool exists.

use std::process::exit;

use nix::libc;
use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::crossing::cross;
use procpool_testkit::gate::{self, Gate};
use serde_json::json;

/// The number of tasks that print: more than workers, so that some are queued when `main` returns.
const PRINTING: u32 = 50;

/// Prints a line without a line feed, so that it is still in the worker's buffer when the task is done.
fn print(number: u32) {
    print!("task {number};");
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    let mode = arguments.first().expect("usage: clean_ends return|exit|_exit [GATE]");
    if mode == "return" {
        for number in 0..PRINTING {
            executor.submit(print, number);
        }
        return Ok(());
    }
    let go = arguments.get(1).expect("usage: clean_ends return|exit|_exit [GATE]");
    let gates = std::path::Path::new(go).parent().expect("it is in a folder");
    let [running, never] = ["running", "never"].map(|name| Gate::new(gates, name));
    let _busy = executor.submit(cross, (running.path(), never.path()));
    gate::take(&running.path());
    let idle = executor.submit(|()| std::process::id(), ()).result()?;
    let children = procpool_testkit::os::children_of(std::process::id());
    let pids: Vec<u32> = children.into_iter().map(|child| child.pid).collect();
    assert!(pids.len() == 2 && pids.contains(&idle), "a busy worker and an idle one: {pids:?}");
    println!("{}", json!(pids));
    gate::take(go);
    match mode.as_str() {
        "exit" => exit(3),
        // SAFETY: _exit(2) takes an integer, and nothing runs after it.
        "_exit" => unsafe { libc::_exit(3) },
        other => panic!("there is no mode {other}"),
    }
}
