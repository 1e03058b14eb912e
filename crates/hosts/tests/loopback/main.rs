//! Pools whose relays a shell starts on this machine, over the loopback interface.

mod ends;
mod failures;
mod strangers;
mod work;

use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{Builder, HostName};
use procpool_hosts::{Launcher, OnHosts, shell};

/// Longer than any step takes, so that a hang becomes a failure.
const HANG: Duration = Duration::from_secs(60);

/// Starts its relays on this machine.
fn local(workers: usize) -> Launcher {
    shell("for i in $(seq {n}); do {relay} & done; wait").workers(workers)
}

fn builder(workers: usize) -> Builder {
    procpool::ProcessPoolExecutor::builder().launcher(local(workers))
}

/// Waits until `holds`, and fails instead of hanging.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < HANG, "it never holds that {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process with this pid runs.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// The name of this machine.
fn host() -> HostName {
    nix::sys::utsname::uname().unwrap().nodename().to_str().unwrap().to_owned().into()
}

fn send(signal: Signal, pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), signal).expect("it runs");
}

/// The number of this process's descriptors.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc is mounted").count()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        test();
        Ok(())
    })
}

fn main() {
    procpool_hosts::init();
    strangers::serve_if_asked_to();
    let mut arguments = Arguments::from_args();
    // They count this process's descriptors.
    arguments.test_threads = Some(1);
    let trials = [work::trials(), failures::trials(), ends::trials(), strangers::trials()];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}
