//! A pool that captures the stderr of its workers, in a program whose own stderr is full. With the
//! argument `read` this program reads it later; otherwise it is never read.
//!
//! Prints, as lines of JSON, the result of a worker after it wrote more than a pipe holds, the report of
//! its death, whether everything was passed on in the end, and that the pool was dropped.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{dup2_stderr, pipe, read};
use procpool::{BrokenCause, Error};
use procpool_testkit::start;
use procpool_testkit::task::double;
use serde_json::json;

/// More than a pipe holds, less than a pipe and one read.
const MUCH: usize = 100 << 10;

/// Returns when some of it has been read. No more is read after that.
fn write_much(_: ()) {
    io::stderr().write_all(&vec![b'e'; MUCH]).expect("stderr is open");
}

fn write_and_exit(code: i32) {
    eprint!("\nlast words");
    std::process::exit(code);
}

/// Writes to stderr until it is full.
fn fill_stderr() {
    let stderr = io::stderr();
    let takes_more =
        || poll(&mut [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO);
    while takes_more().expect("it can be polled") > 0 {
        stderr.lock().write_all(&[b'e'; 4 << 10]).expect("there is room");
    }
}

/// Makes stderr a pipe, and returns the end for reading.
fn read_own_stderr() -> OwnedFd {
    let (ours, stderr) = pipe().expect("a pipe can be made");
    dup2_stderr(stderr).expect("stderr can be replaced");
    ours
}

/// Reads until the last line has arrived.
fn read_to_last_words(stderr: &OwnedFd) {
    let mut text = Vec::new();
    let mut chunk = [0; 4 << 10];
    while !text.ends_with(b"last words") {
        let count = read(stderr, &mut chunk).expect("it can be read");
        text.extend_from_slice(&chunk[..count]);
    }
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let reads = arguments.first().is_some_and(|argument| argument == "read");
    let stderr = reads.then(read_own_stderr);
    fill_stderr();
    let executor = start::builder_of_program().max_workers(1).capture_stderr(1).build()?;
    executor.submit(write_much, ()).result()?;
    println!("{}", json!(executor.submit(double, 21).result()?));
    match executor.submit(write_and_exit, 3).result() {
        Err(Error::BrokenProcessPool(broken)) => match broken.cause() {
            BrokenCause::WorkerDied(death) => println!("{}", json!(death.stderr)),
            other => println!("{}", json!(other.to_string())),
        },
        other => println!("{}", json!(format!("{other:?}"))),
    }
    if let Some(stderr) = &stderr {
        read_to_last_words(stderr);
    }
    println!("{}", json!(reads));
    drop(executor);
    println!("{}", json!("over"));
    Ok(())
}
