//! Has processes that must exit with it, prints their pids, as a line of JSON, and waits to be killed. Its
//! only thread is the main one when it makes the pool, so every start method works.
//!
//! The argument names their state: `working`, one worker runs a task and one is idle; `preloading`, the
//! forkserver runs `preload`, which waits at the gate that `NEVER` names, after it has given a permit to
//! the one that `ARRIVED` names.

use std::env::var;

use nix::unistd::pause;
use procpool_testkit::{gate, os, start};
use serde_json::json;

/// Reports that it runs, and never ends by itself.
fn stay((): ()) {
    gate::give(&var("ARRIVED").expect("the test sets it"));
    gate::take(&var("NEVER").expect("the test sets it"));
}

/// Clears the setting that ends this worker with its forkserver, as a change of its user would.
fn forget((): ()) {
    nix::sys::prctl::set_pdeathsig(None).expect("nothing is asked for");
}

fn forget_and_stay((): ()) {
    forget(());
    stay(());
}

pub(crate) fn main(arguments: &[String]) -> Result<(), procpool::Error> {
    procpool::init();
    let what = arguments.first().expect("usage: orphans working|preloading");
    let arrived = var("ARRIVED").expect("the test sets it");
    let builder = start::builder_of_program().max_workers(2);
    let pool = match what.as_str() {
        "preloading" => builder.preload(|| stay(())).build()?,
        _ => builder.build()?,
    };
    // A spawned worker loses the setting for good, as the pool's documentation says.
    let spawned = var(start::VARIABLE).as_deref() == Ok("spawn");
    let task = pool.submit(if spawned { stay } else { forget_and_stay }, ());
    gate::take(&arrived);
    if what == "working" {
        pool.submit(forget, ()).result()?;
    }
    let others: Vec<u32> =
        os::descendants_of(std::process::id()).iter().map(|process| process.pid).collect();
    println!("{}", json!(others));
    while !task.done() {
        pause();
    }
    Ok(())
}
