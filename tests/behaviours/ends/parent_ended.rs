//! When the parent has exited, its workers exit: busy ones, idle ones and those in the initializer.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::libc;
use nix::pty::openpty;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{setsid, write};
use procpool_testkit::bystander::Bystander;
use procpool_testkit::os::Watched;
use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};
use serde::Deserialize;

/// The time within which workers must exit. It takes them milliseconds; the limit is the promise.
const PROMISE: Duration = Duration::from_secs(2);

/// The pids of the workers in each state.
#[derive(Debug, Deserialize)]
struct Workers {
    busy: u32,
    idle: u32,
    initializing: u32,
    bystander: Option<u32>,
    servers: Vec<u32>,
}

impl Workers {
    /// Watches the workers and forkservers, which are alive now.
    fn watch(&self) -> Vec<(&'static str, Watched)> {
        let servers = match crate::start_method() {
            "spawn" => 0,
            // The second pool is made beside the first one.
            "fork" => 1,
            _ => 2,
        };
        assert_eq!(self.servers.len(), servers, "one for each pool that has one");
        [("busy", self.busy), ("idle", self.idle), ("initializing", self.initializing)]
            .into_iter()
            .chain(self.servers.iter().map(|server| ("serving", *server)))
            .map(|(state, pid)| (state, Watched::new(pid)))
            .inspect(|(state, worker)| {
                assert!(!worker.ended_within(Duration::ZERO), "the {state} process is not there");
            })
            .collect()
    }
}

fn assert_gone(workers: Vec<(&'static str, Watched)>) {
    for (state, worker) in workers {
        assert!(worker.ended_within(PROMISE), "the {state} process outlives its parent");
    }
}

// Behaviours: PAR-01, PAR-03.
#[test]
fn workers_exit_when_their_parent_is_killed() {
    watch::within(watch::HANG, || {
        let mut program =
            Running::start(&mut program::command("clean_workers"), crate::start_method());
        let workers = program.line::<Workers>().watch();
        program.signal(Signal::SIGKILL);
        assert_gone(workers);
        let (status, complaints) = program.end();
        assert_eq!((status.signal(), complaints.as_str()), (Some(libc::SIGKILL), ""));
    });
}

// Behaviours: PAR-01, PAR-03.
#[test]
fn workers_exit_with_their_parent_if_a_fork_holds_its_descriptors() {
    watch::within(watch::HANG, || {
        let mut command = program::command("clean_workers");
        let mut program = Running::start(command.arg("fork"), crate::start_method());
        let pids: Workers = program.line();
        let bystander = Bystander(Watched::new(pids.bystander.expect("it was forked")));
        let workers = pids.watch();
        program.signal(Signal::SIGKILL);
        assert_gone(workers);
        assert!(!bystander.0.ended_within(Duration::ZERO), "the forked child should live on");
    });
}

/// Makes `command` the foreground program of a new terminal, and returns the terminal's other end.
fn in_terminal(command: &mut Command) -> OwnedFd {
    let terminal = openpty(None, None).expect("a terminal can be made");
    let stdin = terminal.slave.try_clone().expect("a descriptor can be doubled");
    let become_foreground = || {
        setsid()?;
        // If this test was started in the background, SIGINT may be ignored.
        // SAFETY: the default action runs no code.
        unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }?;
        // SAFETY: TIOCSCTTY takes an integer and touches no memory.
        match unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: setsid(2), sigaction(2) and ioctl(2) are async-signal-safe, and nothing allocates.
    unsafe { command.stdin(Stdio::from(stdin)).pre_exec(become_foreground) };
    terminal.master
}

fn press_ctrl_c(terminal: &OwnedFd) {
    assert_eq!(write(terminal.as_fd(), b"\x03"), Ok(1), "terminal {}", terminal.as_raw_fd());
}

#[test]
fn ctrl_c_ends_the_program_and_its_workers_silently() {
    watch::within(watch::HANG, || {
        let mut command = program::command("clean_workers");
        let terminal = in_terminal(&mut command);
        let mut program = Running::start(&mut command, crate::start_method());
        let workers = program.line::<Workers>().watch();
        press_ctrl_c(&terminal);
        assert_gone(workers);
        let (status, complaints) = program.end();
        assert_eq!((status.signal(), complaints.as_str()), (Some(libc::SIGINT), ""));
    });
}

// Behaviours: BRK-21.
#[test]
fn workers_finish_their_tasks_if_the_program_survives_ctrl_c() {
    watch::within(watch::HANG, || {
        let mut command = program::command("clean_workers");
        let terminal = in_terminal(command.arg("on-interrupt"));
        let mut program = Running::start(&mut command, crate::start_method());
        let workers = program.line::<Workers>().watch();
        assert_eq!(program.line::<String>(), "ready");
        press_ctrl_c(&terminal);
        assert_eq!(program.line::<String>(), "interrupted");
        assert_eq!(program.line::<[bool; 3]>(), [true; 3], "busy, idle, initializing");
        assert_gone(workers);
        let (status, complaints) = program.end();
        assert_eq!((status.code(), complaints.as_str()), (Some(0), ""));
    });
}
