//! Has workers in every state, prints their pids, and continues as its arguments say:
//!
//! - without one it waits to be killed;
//! - `fork` first forks a child that holds copies of all descriptors and lives on;
//! - `on-interrupt` waits for SIGINT, then lets the workers finish, prints their results and exits.
//!
//! Every line is JSON.

use std::fs;

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, fork, pause};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::task::pid;
use procpool_testkit::{os, start};
use serde_json::json;

/// Prints its pid, and waits: as a task, it is a busy worker; as an initializer, a starting one.
fn stay((running, pid_file, go_on): (String, String, String)) {
    fs::write(pid_file, std::process::id().to_string()).expect("the folder is there");
    gate::give(&running);
    gate::take(&go_on);
}

/// Clears the setting that ends this worker with its parent, as a change of its user would.
fn pid_of_the_forgotten(_: ()) -> u32 {
    nix::sys::prctl::set_pdeathsig(None).expect("nothing is asked for");
    pid(())
}

pub(crate) fn main(arguments: &[String]) -> Result<(), procpool::Error> {
    procpool::init();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let running = Gate::new(folder.path(), "running");
    let go_on = Gate::new(folder.path(), "go_on");
    let pid_file = folder.path().join("pid").to_str().expect("a plain name").to_owned();
    let places = || (running.path(), pid_file.clone(), go_on.path());
    let next_pid = || {
        gate::take(&running.path());
        let text = fs::read_to_string(&pid_file).expect("it was written before the permit");
        text.parse::<u32>().expect("a number")
    };

    let pool = start::builder_of_program().max_workers(2).build()?;
    let task = pool.submit(stay, places());
    let busy = next_pid();
    let idle = pool.submit(pid_of_the_forgotten, ()).result()?;
    let starting = start::builder_of_program_beside_another()
        .max_workers(1)
        .initializer_with_args(stay, places())
        .build()?;
    let first = starting.submit(pid, ());
    let initializing = next_pid();

    let mode = arguments.first().map_or("", String::as_str);
    let servers: Vec<u32> =
        os::servers_of(std::process::id()).iter().map(|server| server.pid).collect();
    let bystander = (mode == "fork").then(fork_bystander);
    println!(
        "{}",
        json!({
            "busy": busy, "idle": idle, "initializing": initializing, "bystander": bystander,
            "servers": servers,
        })
    );

    if mode != "on-interrupt" {
        loop {
            pause();
        }
    }
    // The other threads of this program block every signal, so it stays pending until the wait.
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.thread_block().expect("signals can be blocked");
    println!("{}", json!("ready"));
    assert_eq!(interrupt.wait(), Ok(Signal::SIGINT));
    println!("{}", json!("interrupted"));
    go_on.give(2);
    println!(
        "{}",
        json!([
            task.result().is_ok(),
            pool.submit(pid, ()).result().is_ok(),
            first.result() == Ok(initializing),
        ])
    );
    Ok(())
}

fn fork_bystander() -> i32 {
    // SAFETY: the child of this program of several threads calls pause(2) and nothing else, which
    // is async-signal-safe.
    match unsafe { fork() }.expect("a process can be forked") {
        ForkResult::Parent { child } => child.as_raw(),
        ForkResult::Child => loop {
            // SAFETY: pause(2) has no preconditions.
            unsafe { libc::pause() };
        },
    }
}
