//! A program that may not signal its workers, and the effect of each end.
//!
//! `fail_unkillable WHY WHAT ARRIVED`: WHY is `user` (root drops its privileges after the pool is made),
//! `EPERM` or `ENOSYS` (a filter makes pidfd_send_signal and kill fail with it). WHAT names the action on
//! a worker that runs a task that never ends:
//!
//! - `drop`: no task runs, and the pool is dropped;
//! - `kill-workers`, `terminate-workers`, `kill-task`, `limit`: the call of that name, and the pool is
//!   dropped;
//! - `stopped`: the worker is stopped first;
//! - `die`: the program is killed;
//! - `unlinked`: the task closes every descriptor of its worker, and the pool is dropped.
//!
//! Prints the worker's pid, and the outcome.

use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::{Gid, Pid, Uid, setgid, setuid};
use procpool::{DeathPolicy, Error, EventKind, ProcessPoolExecutor};
use procpool_testkit::sandbox::{Answer, refuse};
use procpool_testkit::{gate, os, start};

fn stay(arrived: String) {
    // Like `kill`, SIGTERM is refused; but here it must not end the task, either.
    // SAFETY: ignoring a signal runs no code of this process.
    unsafe { nix::sys::signal::signal(Signal::SIGTERM, nix::sys::signal::SigHandler::SigIgn) }
        .expect("a signal can be ignored");
    gate::give(&arrived);
    loop {
        nix::unistd::pause();
    }
}

fn unlink_and_stay(arrived: String) {
    for (number, _) in os::descriptors_of(std::process::id()) {
        if number > 2 {
            let _ = nix::unistd::close(number);
        }
    }
    stay(arrived);
}

fn lose_the_right(why: &str) {
    let answer = match why {
        "user" => {
            setgid(Gid::from_raw(65534)).expect("root may");
            return setuid(Uid::from_raw(65534)).expect("root may");
        }
        "EPERM" => libc::EPERM,
        _ => libc::ENOSYS,
    };
    for call in [libc::SYS_pidfd_send_signal, libc::SYS_kill] {
        refuse(call, Answer::Errno(answer));
    }
}

fn say<T>(what: Result<T, Error>) {
    match what {
        Ok(_) => println!("a result"),
        Err(error) => println!("{error}"),
    }
}

fn act(what: &str, executor: ProcessPoolExecutor, arrived: String) {
    let limit = if what == "limit" { Duration::from_millis(20) } else { Duration::MAX };
    let task = if what == "unlinked" { unlink_and_stay } else { stay };
    let endless = executor.submit_options().time_limit(limit).submit(task, arrived.clone());
    if what != "limit" {
        gate::take(&arrived);
    }
    match what {
        "kill-workers" | "unlinked" => executor.kill_workers(),
        "terminate-workers" => executor.terminate_workers(),
        "kill-task" => println!("{:?}", endless.kill()),
        "die" => raise(Signal::SIGKILL).expect("this process may"),
        _ => {}
    }
    say(endless.result());
    if matches!(what, "kill-task" | "limit") {
        say(executor.submit(|x: u32| x, 1).result());
    }
    let left = executor.events();
    drop(executor);
    let is_left = |kind: &EventKind| {
        matches!(kind, EventKind::WorkerExited(_, procpool::ExitReason::LeftBehind))
    };
    println!("{} left behind", left.filter(|event| is_left(&event.kind)).count());
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let [why, what, arrived] = arguments else { panic!("usage: fail_unkillable WHY WHAT ARRIVED") };
    let builder = start::builder_of_program().max_workers(1).grace(Duration::from_millis(20));
    let policy = DeathPolicy::Replace { retries: 0 };
    let executor = builder.death_policy(policy).build()?;
    let worker = executor.submit(|()| std::process::id(), ()).result()?;
    println!("{worker}");
    if what == "stopped" {
        kill(Pid::from_raw(worker.cast_signed()), Signal::SIGSTOP).expect("this process may yet");
    }
    lose_the_right(why);
    match what.as_str() {
        "drop" => drop(executor),
        "stopped" => {
            executor.kill_workers();
            drop(executor);
        }
        _ => act(what, executor, arrived.clone()),
    }
    println!("dropped");
    Ok(())
}
