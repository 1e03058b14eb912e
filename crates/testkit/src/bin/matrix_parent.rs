//! Goes wrong itself while it has a pool: `matrix_parent MOMENT FAULT`, both as JSON names them.
//!
//! Prints its workers, of which one is busy and one idle, as a line of JSON, and goes wrong. If it goes
//! on after that, it lets the busy worker finish, prints that both tasks have their results, and ends.

use std::fs;

use procpool::{Future, ProcessPoolExecutor};
use procpool_testkit::fault::{Decoded, Encoded, Fault};
use procpool_testkit::gate::{self, Gate};
use serde_json::json;

/// Says who runs, and waits.
fn stay((running, pid_file, go_on): (String, String, String)) {
    fs::write(pid_file, std::process::id().to_string()).expect("the folder is there");
    gate::give(&running);
    gate::take(&go_on);
}

fn main() {
    procpool::init();
    let [moment, fault] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("two");
    let fault: Fault = serde_json::from_str(&fault).expect("such a fault exists");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let running = Gate::new(folder.path(), "running");
    let go_on = Gate::new(folder.path(), "go_on");
    let pid_file = folder.path().join("pid").to_str().expect("a plain name").to_owned();
    let executor =
        ProcessPoolExecutor::builder().max_workers(2).build().expect("a pool can be made");
    let stays = executor.submit(stay, (running.path(), pid_file.clone(), go_on.path()));
    gate::take(&running.path());
    let idle = executor.submit(|()| std::process::id(), ()).result().expect("it is free");
    let busy = fs::read_to_string(&pid_file).expect("it was written before the permit");
    // The folder is of no use any more, and who ends badly does not delete it.
    fs::remove_dir_all(folder.path()).expect("it is ours");
    println!("[{busy},{idle}]");

    let has_result = match moment.as_str() {
        "ArgumentEncode" => is_done(&executor.submit(|_: Encoded| (), Encoded(fault))),
        "ResultDecode" => is_done(&executor.submit(Decoded, fault)),
        other => panic!("nothing of this process's own happens at {other}"),
    };
    go_on.give(1);
    println!("{}", json!([has_result, is_done(&stays)]));
}

fn is_done<T: serde::de::DeserializeOwned + 'static>(future: &Future<T>) -> bool {
    future.result().is_ok()
}
