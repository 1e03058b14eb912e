//! A program that performs an action before `init()`, so its workers perform it too.
//!
//! The environment, which workers inherit, names the action: `BEFORE_INIT` is `wait` (at the gates
//! `ARRIVED` and `GO`), `parse` or `fork`. Prints the result of one task, or the kind of its error and the
//! error.
//!
//! It has an executable of its own because its workers run it.

use std::env::{args, var};
use std::process::exit;
use std::time::Duration;

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use procpool::{BrokenCause, Error, EventKind};
use procpool_testkit::{gate, start};

/// The exit code for a command line that is not understood, as in sysexits.h.
const USAGE: i32 = 64;

fn before_init(what: &str) {
    match what {
        "wait" => {
            gate::give(&var("ARRIVED").expect("the test sets it"));
            gate::take(&var("GO").expect("the test sets it"));
        }
        "parse" => {
            if args().len() > 1 {
                eprintln!("usage: fail_early");
                exit(USAGE);
            }
        }
        "fork" => {
            // SAFETY: the process has one thread, so its copy is whole.
            match unsafe { fork() }.expect("there is room for a process") {
                ForkResult::Child => {}
                // As a program that puts itself under supervision does.
                ForkResult::Parent { child } => {
                    let _ = waitpid(child, None);
                    exit(0);
                }
            }
        }
        other => panic!("there is no mode {other}"),
    }
}

fn main() -> Result<(), Error> {
    before_init(&var("BEFORE_INIT").expect("the test sets it"));
    procpool::init();
    let millis = var("START_TIMEOUT_MS").ok().and_then(|text| text.parse().ok());
    let limit = Duration::from_millis(millis.expect("the test sets it"));
    let builder = start::builder_of_program().max_workers(1).start_timeout(limit);
    let executor = builder.build()?;
    let events = executor.events();
    match executor.submit(|x: u32| 2 * x, 21).result() {
        Ok(result) => println!("result {result}"),
        Err(Error::BrokenProcessPool(broken)) => {
            let kind = match broken.cause() {
                BrokenCause::StartTimeout { .. } => "StartTimeout",
                BrokenCause::WorkerDied(_) => "WorkerDied",
                BrokenCause::Protocol { .. } => "Protocol",
                BrokenCause::ForkserverDied { .. } => "ForkserverDied",
                BrokenCause::ForkserverTimeout { .. } => "ForkserverTimeout",
                _ => "another",
            };
            println!("error {kind}\n{broken}");
            if kind == "StartTimeout" {
                drop(executor);
                for event in events {
                    if let EventKind::WorkerExited(_, reason) = event.kind {
                        println!("the worker {reason}");
                    }
                }
            }
        }
        Err(other) => println!("error {other:?}"),
    }
    Ok(())
}
