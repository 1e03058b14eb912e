//! A program that ignores SIGCHLD, so that a worker's pid may be reused as soon as it has exited, and
//! whose worker leads a process group. The worker is spawned under every start method of the tests: a
//! forkserver ignores SIGCHLD as its program does, and then does not kill the groups of its workers.
//!
//! The arguments are three gates. The worker's task starts a program that passes a permit on from the
//! first gate to the second. Prints its pid; kills the workers when the third gate opens.

use std::process::{Command, Stdio};

use nix::sys::signal::{SigHandler, Signal, signal};
use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::gate;
use serde_json::json;

fn start_program((go, gone): (String, String)) -> u32 {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "exec head -c 1 < \"$1\" > \"$2\"", "program", &go, &gone]);
    shell.stderr(Stdio::null()).spawn().expect("there is a shell").id()
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let [go, gone, kill] = arguments else { panic!("usage: clean_groups GO GONE KILL") };
    // SAFETY: ignoring a signal runs no code.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("it can be ignored");
    let executor = ProcessPoolExecutor::builder().max_workers(1).process_groups(true).build()?;
    println!("{}", json!(executor.submit(start_program, (go.clone(), gone.clone())).result()?));
    gate::take(kill);
    executor.kill_workers();
    Ok(())
}
