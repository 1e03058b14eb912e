//! SIGINT: a worker handles it, by doing nothing; a program that a task starts has the default action. And
//! the other signals for a group of processes, if workers are to ignore them.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc;

use nix::libc;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use procpool::{BrokenCause, Builder, Error};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::pool::cause_reported_by;
use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};

use crate::behaviours::lives::{NEVER, SHORT, park};

/// The signal masks of a process, as /proc shows them.
#[derive(Debug)]
struct Masks {
    blocked: u64,
    ignored: u64,
    caught: u64,
}

impl Masks {
    fn parse(status: &str) -> Self {
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            u64::from_str_radix(line.trim(), 16).expect("masks are hexadecimal")
        };
        Self { blocked: mask("SigBlk:"), ignored: mask("SigIgn:"), caught: mask("SigCgt:") }
    }

    /// Returns whether `signal` is blocked, ignored, caught.
    fn of(&self, signal: libc::c_int) -> [bool; 3] {
        [self.blocked, self.ignored, self.caught].map(|mask| mask & 1 << (signal - 1) != 0)
    }
}

fn own_status(_: ()) -> String {
    std::fs::read_to_string("/proc/thread-self/status").expect("/proc is mounted")
}

fn status_of_own_program(_: ()) -> String {
    let output = Command::new("/bin/sh").args(["-c", "grep ^Sig /proc/self/status"]).output();
    String::from_utf8(output.expect("there is a shell").stdout).expect("it is text")
}

fn masks_from(task: fn(()) -> String) -> Masks {
    masks_in(crate::builder(), task)
}

fn masks_in(builder: Builder, task: fn(()) -> String) -> Masks {
    let executor = builder.max_workers(1).build().unwrap();
    Masks::parse(&executor.submit(task, ()).result().unwrap())
}

#[test]
fn a_worker_catches_sigint() {
    watch::within(watch::HANG, || {
        assert_eq!(masks_from(own_status).of(libc::SIGINT), [false, false, true]);
    });
}

#[test]
fn a_program_that_a_task_starts_has_sigint_at_its_default() {
    watch::within(watch::HANG, || {
        assert_eq!(masks_from(status_of_own_program).of(libc::SIGINT), [false, false, false]);
    });
}

#[test]
fn a_program_that_a_task_starts_has_no_signal_blocked() {
    watch::within(watch::HANG, || {
        let masks = masks_from(status_of_own_program);
        assert_eq!(masks.blocked, 0, "{masks:x?}");
    });
}

#[test]
fn a_program_that_a_task_starts_can_be_killed_by_sigint() {
    fn interrupt_own_program(_: ()) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = Command::new("/bin/sh").args(["-c", "kill -INT $$; read x"]).status();
        status.expect("there is a shell").signal()
    }
    watch::within(watch::HANG, || {
        let executor = crate::builder().max_workers(1).build().unwrap();
        let signal = executor.submit(interrupt_own_program, ()).result();
        assert_eq!(signal, Ok(Some(libc::SIGINT)));
    });
}

#[test]
fn a_program_that_is_asked_to_end_can_finish_its_tasks() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (arrived, go) = crossing.places();
        let mut command = program::command("clean_signals");
        let command = command.args([arrived, go]).process_group(0);
        let mut program = Running::start(command, crate::start_method());
        crossing.wait_for(2);
        let group = Pid::from_raw(program.pid().cast_signed());
        for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGINT] {
            killpg(group, signal).expect("it is there");
        }
        // It has received all of them, and so has every process that is in a task.
        assert_eq!(program.line::<i32>(), group.as_raw());
        crossing.let_go(2);
        assert_eq!(program.line::<usize>(), 22);
        let (status, complaints) = program.end();
        assert!(status.success() && complaints.is_empty(), "{status}: {complaints}");
    });
}

#[test]
fn a_program_that_a_task_starts_ignores_the_signals_of_its_worker() {
    watch::within(watch::HANG, || {
        // Started without a shell, which would unblock them.
        let task = |()| {
            let output = Command::new("grep").args(["^Sig", "/proc/self/status"]).output();
            String::from_utf8(output.expect("grep is there").stdout).expect("it is text")
        };
        let masks = masks_in(crate::builder().ignore_group_signals(), task);
        let free = masks_in(crate::builder(), task);
        // The parent of this program may ignore some, which all its processes inherit.
        let own = Masks::parse(&own_status(()));
        for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            let [_, is_ignored, _] = own.of(signal);
            assert_eq!(masks.of(signal), [true, is_ignored, false], "{signal}");
            assert_eq!(free.of(signal), [false, is_ignored, false], "{signal}");
        }
    });
}

#[test]
fn workers_that_ignore_sigterm_are_killed_instead() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = crate::builder().max_workers(2).grace(NEVER).ignore_group_signals();
        let executor = executor.build().unwrap();
        executor.start_workers(2).result().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        executor.terminate_workers();
        assert_eq!(cause_reported_by(&running), BrokenCause::Terminated);
        // Nobody waits for the grace.
        drop(executor);
    });
}

#[test]
fn a_task_over_its_limit_ends_though_its_worker_ignores_sigterm() {
    watch::within(watch::HANG, || {
        let builder = crate::builder().max_workers(1).grace(SHORT).ignore_group_signals();
        let executor = builder.build().unwrap();
        let late = executor.submit_options().time_limit(SHORT).submit(|()| park(), ());
        assert!(matches!(late.result(), Err(Error::TimeLimitExceeded { .. })));
        assert!(executor.submit(|()| (), ()).result().is_ok());
    });
}

#[test]
fn the_programs_own_threads_ignore_no_signal_that_workers_ignore() {
    watch::within(watch::HANG, || {
        let executor = crate::builder().max_workers(1).ignore_group_signals().build().unwrap();
        let (sender, receiver) = mpsc::channel();
        let future = executor.submit(|()| (), ());
        future.add_done_callback(move |_| drop(sender.send(own_status(()))));
        let masks = Masks::parse(&receiver.recv().expect("the callback runs"));
        assert_eq!(masks.blocked, Masks::parse(&own_status(())).blocked);
    });
}
