//! Runs one cell in a program of its own, and judges the facts that the program cannot see itself: that it
//! exits as it should, and that no worker outlives it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use procpool::WorkerExit;
use procpool_testkit::fault::Fault;
use procpool_testkit::os::{self, Watched};
use procpool_testkit::{program, watch};
use serde::de::DeserializeOwned;

use crate::table::{self, Cell, Expected};

/// The time within which the workers of a program that has exited must exit.
const PROMISE: Duration = Duration::from_secs(1);

/// Runs a cell, under both policies where they matter.
pub(crate) fn run(cell: Cell) {
    if cell.expected() == Expected::Program {
        return watch::within(watch::HANG, move || run_own(cell));
    }
    for policy in ["break", "replace"] {
        watch::within(watch::HANG, move || {
            let output = command(cell).arg(policy).output().expect("the program starts");
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{policy}: {}: {complaints}", output.status);
        });
    }
}

fn command(cell: Cell) -> Command {
    let mut command = program::command("matrix");
    // Describing a backtrace takes longer than the promise, and is not the pool's time.
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command.arg(serde_json::to_string(&cell).expect("it is plain data")).stdin(Stdio::null());
    command
}

/// Runs a cell in which the program itself fails.
fn run_own(cell: Cell) {
    let mut command = command(cell);
    let mut program = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(Ending)
        .expect("the program starts");
    let mut lines = BufReader::new(program.0.stdout.take().expect("it is a pipe"));
    let workers = line::<[u32; 2]>(&mut lines).map(Watched::new);
    if cell.fault == Fault::Sigstop {
        let own = Watched::new(program.0.id());
        while os::process(own.pid).is_none_or(|process| process.state != 'T') {
            thread::yield_now();
        }
        for worker in &workers {
            assert!(!worker.ended_within(Duration::ZERO), "a stopped program is not over");
        }
        assert!(own.signal(Signal::SIGCONT));
        assert_eq!(line::<[bool; 2]>(&mut lines), [true; 2], "both tasks have their results");
    }
    let status = program.0.wait().expect("it is our child");
    for worker in &workers {
        assert!(worker.ended_within(PROMISE), "worker {} outlives its parent", worker.pid);
    }
    let exit = match (status.code(), status.signal()) {
        (Some(code), _) => WorkerExit::Code(code),
        (_, Some(signal)) => WorkerExit::Signal(signal),
        _ => WorkerExit::Unknown,
    };
    let mut complaints = String::new();
    let mut stderr = program.0.stderr.take().expect("it is a pipe");
    // It ends when no process has it open any more.
    stderr.read_to_string(&mut complaints).expect("it is text");
    assert_eq!(exit, table::exit_of(cell.fault).unwrap_or(WorkerExit::Code(0)), "{complaints}");
    assert_eq!(complaints, "");
}

fn line<T: DeserializeOwned>(lines: &mut impl BufRead) -> T {
    let mut line = String::new();
    lines.read_line(&mut line).expect("it is readable");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

/// A program that is killed and reaped with the test in any case.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // Both only fail if it has exited and was reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
