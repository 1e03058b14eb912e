//! A fault in this program itself while it has a pool.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::sync::mpsc::channel;

use procpool::Future;
use procpool_testkit::fault::{Decoded, Encoded};
use procpool_testkit::gate::{self, Gate};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::builder;
use super::table::{Cell, Moment};

/// Prints its pid, and waits.
fn stay((running, pid_file, go_on): (String, String, String)) {
    // Opened first: after the permit the folder is deleted.
    let mut go_on = OpenOptions::new().read(true).write(true).open(go_on).expect("it is a gate");
    fs::write(pid_file, std::process::id().to_string()).expect("the folder is there");
    gate::give(&running);
    go_on.read_exact(&mut [0]).expect("a permit is one byte");
}

/// Prints its workers, of which one is busy and one idle, as a line of JSON, and fails. If it continues
/// after that, it lets the busy worker finish, and prints that both tasks have their results.
pub(crate) fn go_wrong(cell: &Cell) {
    let executor = builder(cell.method).max_workers(2).build().expect("a pool can be made");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let running = Gate::new(folder.path(), "running");
    let go_on = Gate::new(folder.path(), "go_on");
    let pid_file = folder.path().join("pid").to_str().expect("a plain name").to_owned();
    let stays = executor.submit(stay, (running.path(), pid_file.clone(), go_on.path()));
    gate::take(&running.path());
    let idle = executor.submit(|()| std::process::id(), ()).result().expect("it is free");
    let busy = fs::read_to_string(&pid_file).expect("it was written before the permit");
    // The folder is no longer needed, and a crashing program does not delete it.
    drop(folder);
    println!("[{busy},{idle}]");

    let fault = cell.fault;
    let has_result = match cell.moment {
        Moment::ArgumentEncode => answers(&executor.submit(|_: Encoded| (), Encoded(fault))),
        Moment::ResultDecode => answers(&executor.submit(Decoded, fault)),
        Moment::Callback => {
            let future = executor.submit(|()| (), ());
            let (sender, receiver) = channel();
            future.add_done_callback(move |_| {
                drop(fault.commit());
                sender.send(()).expect("somebody waits");
            });
            receiver.recv().expect("it goes on");
            answers(&future)
        }
        other => panic!("nothing of this process's own happens at {other:?}"),
    };
    go_on.give(1);
    println!("{}", json!([has_result, answers(&stays)]));
}

fn answers<T: DeserializeOwned + 'static>(future: &Future<T>) -> bool {
    future.result().is_ok()
}
