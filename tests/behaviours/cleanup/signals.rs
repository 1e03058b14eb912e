//! SIGINT: a worker handles it, by doing nothing; a program that a task starts has the default action.

use std::process::Command;

use nix::libc;
use procpool_testkit::watch;

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
    let executor = crate::builder().max_workers(1).build().unwrap();
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
