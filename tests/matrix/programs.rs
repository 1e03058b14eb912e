//! Cells in which the user's own program ends, or stops: no worker may outlive it, and if it goes on,
//! so does everything else.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use procpool::WorkerExit;
use procpool_testkit::fault::Fault;
use procpool_testkit::os::Watched;
use procpool_testkit::program;

use crate::running::Running;
use crate::table::{self, Method, Moment};
use crate::trial::{PROMISE, wait_until_stopped};

pub(crate) fn judge(method: Method, moment: Moment, fault: Fault) {
    let Method::Spawn = method;
    let mut command = Command::new(program::path("matrix_parent"));
    let fault_name = serde_json::to_string(&fault).expect("it is a name");
    command.args([format!("{moment:?}"), fault_name]);
    let mut program = Running::start(&mut command);
    let workers: [u32; 2] = program.line();
    let workers = workers.map(Watched::new);
    if fault == Fault::Sigstop {
        wait_until_stopped(program.pid());
        for worker in &workers {
            assert!(!worker.ended_within(Duration::ZERO), "a stopped program is not over");
        }
        program.signal(Signal::SIGCONT);
        assert_eq!(program.line::<[bool; 2]>(), [true; 2], "both tasks have their results");
    }
    for worker in &workers {
        assert!(worker.ended_within(PROMISE), "worker {} outlives its parent", worker.pid);
    }
    let (status, complaints) = program.end();
    let exit = match (status.code(), status.signal()) {
        (Some(code), _) => WorkerExit::Code(code),
        (_, Some(signal)) => WorkerExit::Signal(signal),
        _ => WorkerExit::Unknown,
    };
    assert_eq!(exit, table::exit_of(fault).unwrap_or(WorkerExit::Code(0)), "{complaints}");
    assert_eq!(complaints, "");
}
