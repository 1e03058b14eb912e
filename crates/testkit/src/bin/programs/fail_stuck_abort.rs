//! Where panics abort: a task panics in a worker whose SIGABRT handler never returns; with `replace` in a
//! pool that replaces its workers. Prints the outcome of the task and of the one behind it, and that the
//! pool ends.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use procpool::{DeathPolicy, Error};
use procpool_testkit::start;

extern "C" fn stay(_: nix::libc::c_int) {
    loop {
        nix::unistd::pause();
    }
}

fn panic_and_stay(_: u32) -> u32 {
    let action = SigAction::new(SigHandler::Handler(stay), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler only waits, which is allowed at any instant.
    unsafe { sigaction(Signal::SIGABRT, &action) }.expect("a handler can be installed");
    panic!("told to");
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let policy = match arguments.first().map(String::as_str) {
        Some("replace") => DeathPolicy::Replace { retries: 0 },
        _ => DeathPolicy::Break,
    };
    let builder = start::builder_of_program().max_workers(1).death_policy(policy);
    let executor = builder.grace(std::time::Duration::ZERO).build()?;
    // So short that the next tasks are sent together.
    (0..20).for_each(|x| drop(executor.submit(|x: u32| x, x).result()));
    let failing = executor.submit(panic_and_stay, 1);
    let behind = executor.submit(|x: u32| x + 1, 1);
    for future in [failing, behind] {
        match future.result() {
            Ok(value) => println!("{value}"),
            Err(error) => println!("{error}"),
        }
    }
    drop(executor);
    println!("dropped");
    Ok(())
}
