//! Runs a task that stops this program and all its workers, with a time limit of three seconds, and
//! reports whether it was in time. The test continues them after more than that.

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::Error;
use procpool_testkit::start;

fn stop_all(_: ()) {
    kill(Pid::from_raw(0), Signal::SIGSTOP).expect("a process may signal its group");
    // The pool first notices that the limit has passed by the clock.
    std::thread::sleep(Duration::from_millis(100));
}

/// Restricts this process to one CPU, so that the task stops the program before the manager notices.
fn stay_on_one_cpu() {
    let this = Pid::from_raw(0);
    let usable = sched_getaffinity(this).expect("a process has CPUs");
    let first = (0..CpuSet::count()).find(|cpu| usable.is_set(*cpu) == Ok(true));
    let mut one = CpuSet::new();
    one.set(first.expect("there is one")).expect("it is a CPU");
    sched_setaffinity(this, &one).expect("a process may have fewer CPUs");
}

pub(crate) fn main(_: &[String]) -> Result<(), Error> {
    stay_on_one_cpu();
    procpool::init();
    let executor = start::builder_of_program().max_workers(1).build()?;
    executor.start_workers(1).result()?;
    let limited = executor.submit_options().time_limit(Duration::from_secs(3));
    match limited.submit(stop_all, ()).result() {
        Ok(()) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
