//! A program in which the exit status of a worker gets lost, in the way that its argument names:
//!
//! - `ignored`: SIGCHLD is ignored, so the kernel discards it;
//! - `elsewhere`: another thread collects the status of every child that it can get.
//!
//! Prints, as lines of JSON, how a worker that killed itself ended, the result of a second pool, and the
//! children that are left at the end.

use std::thread;

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use procpool::{BrokenCause, Error};
use procpool_testkit::task::double;
use procpool_testkit::{os, start};
use serde_json::json;

fn die(_: ()) {
    raise(Signal::SIGKILL).expect("a process can signal itself");
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let elsewhere = match arguments.first().map(String::as_str) {
        Some("ignored") => {
            // SAFETY: ignoring a signal runs no code.
            unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("it can be ignored");
            false
        }
        Some("elsewhere") => true,
        _ => panic!("usage: clean_reaping ignored|elsewhere"),
    };

    let pool = start::builder_of_program().max_workers(2).build()?;
    if elsewhere {
        // Beside the pool, because with a second thread a program cannot be forked.
        thread::spawn(|| {
            loop {
                if waitpid(Pid::from_raw(-1), None) == Err(Errno::ECHILD) {
                    thread::yield_now();
                }
            }
        });
    }
    let exit = match pool.submit(die, ()).error() {
        Some(Error::BrokenProcessPool(broken)) => match broken.cause() {
            BrokenCause::WorkerDied(death) => format!("{:?}", death.exit),
            other => other.to_string(),
        },
        other => format!("{other:?}"),
    };
    println!("{}", json!(exit));
    drop(pool);

    let pool = start::builder_of_program_beside_another().max_workers(2).build()?;
    let doubled = pool.map(double, 0..4).collect::<Result<Vec<u32>, Error>>()?;
    println!("{}", json!(doubled));
    drop(pool);
    let children: Vec<u32> =
        os::children_of(std::process::id()).iter().map(|child| child.pid).collect();
    println!("{}", json!(children));
    Ok(())
}
