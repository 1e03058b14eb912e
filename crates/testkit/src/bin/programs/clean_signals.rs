//! A program that finishes its tasks when it is asked to end, by signals for its whole process group.
//!
//! The arguments are a crossing. Two tasks stop there, and twenty wait. After four signals it prints its
//! pid, shuts the pool down, and prints how many tasks returned a result.

use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use procpool::Error;
use procpool_testkit::crossing::cross;
use procpool_testkit::{start, task};
use serde_json::json;

static SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    SEEN.fetch_add(1, Ordering::SeqCst);
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let [arrived, go] = arguments else { panic!("usage: clean_signals ARRIVED GO") };
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        // SAFETY: the handler adds to an atomic number, which may be done at any time.
        unsafe { sigaction(signal, &action) }.expect("a signal can be handled");
    }
    let executor = start::builder_of_program().max_workers(2).ignore_group_signals().build()?;
    let stopped = [(); 2].map(|()| executor.submit(cross, (arrived.clone(), go.clone())));
    let waiting = [(); 20].map(|()| executor.submit(task::pid, ()));
    while SEEN.load(Ordering::SeqCst) < 4 {
        std::thread::yield_now();
    }
    println!("{}", json!(std::process::id()));
    executor.shutdown();
    let done = stopped.iter().chain(&waiting).filter(|future| future.result().is_ok());
    println!("{}", json!(done.count()));
    Ok(())
}
