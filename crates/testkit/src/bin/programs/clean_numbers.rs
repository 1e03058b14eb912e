//! Closes standard streams at a moment of a pool's life, and checks which descriptors get their numbers.
//!
//! `clean_numbers MOMENT NUMBERS REPORT`: the moment is `build`, `start` or `second`, before which the
//! streams with these numbers are closed, such as `12`; faults are written to the file `REPORT`, because
//! there may be no stream to print them. Its own streams lead to `/dev/null` or to files.

use std::fs;

use nix::libc;
use procpool::{Error, Output};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, start, watch};

fn close(numbers: &str) {
    for number in numbers.chars().filter_map(|digit| digit.to_digit(10)) {
        // SAFETY: close(2) takes an integer. No object in this program owns a standard stream.
        assert_eq!(unsafe { libc::close(number as i32) }, 0);
    }
}

/// Prints, and stays in its task.
fn print_and_stay((arrived, go): (String, String)) -> u32 {
    println!("printed by a task");
    eprintln!("printed by a task");
    gate::give(&arrived);
    gate::take(&go);
    std::process::id()
}

/// The standard streams of `pid` that are descriptors of the pool.
fn taken_streams(what: &str, pid: u32, captured: bool) -> Vec<String> {
    let kinds = ["socket:", "anon_inode:", "/memfd:", "pipe:", "/proc/"];
    let is_own = |number: i32, target: &str| {
        let is_capture = captured && number == 2 && target.starts_with("pipe:");
        !is_capture && kinds.iter().any(|kind| target.starts_with(kind))
    };
    let streams = os::descriptors_of(pid).into_iter().filter(|(number, _)| *number <= 2);
    streams
        .filter(|(number, target)| is_own(*number, target))
        .map(|(number, target)| format!("{what}: {number} is {target}\n"))
        .collect()
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let [moment, numbers, report] = arguments else { panic!("three arguments") };
    let close_before = |this: &str| {
        if moment == this {
            close(numbers);
        }
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let log = folder.path().join("log");
    // A file that is opened later may itself get the number of a stream, and with it the output.
    let [arrived, go] = ["arrived", "go"].map(|name| Gate::new(folder.path(), name));
    let builder = start::builder_of_program().max_workers(2);
    close_before("build");
    let executor = builder.stdout(Output::File(log.clone())).capture_stderr(1).build()?;
    let places = || (arrived.path(), go.path());
    close_before("start");
    let first = executor.submit(print_and_stay, places());
    arrived.take(1, watch::HANG).expect("a task runs");
    close_before("second");
    let second = executor.submit(print_and_stay, places());
    arrived.take(1, watch::HANG).expect("another one runs beside it");
    println!("printed by the program");
    eprintln!("printed by the program");

    let this = std::process::id();
    let mut found = taken_streams("the program", this, false);
    for server in os::servers_of(this) {
        found.extend(taken_streams("its server", server.pid, false));
    }
    let workers = os::workers_of(this);
    if workers.len() != 2 {
        found.push(format!("there are not two workers: {workers:?}\n"));
    }
    workers.iter().for_each(|worker| found.extend(taken_streams("a worker", worker.pid, true)));
    go.give(2);
    for future in [first, second] {
        if let Err(error) = future.result() {
            found.push(format!("a task: {error}\n"));
        }
    }
    let printed = fs::read_to_string(log).expect("it was opened");
    if printed != "printed by a task\n".repeat(2) {
        found.push(format!("tasks printed: {printed}\n"));
    }
    fs::write(report, found.concat()).expect("the test can read it");
    Ok(())
}
