//! Processes that a task started, when its worker exits: they are killed if the worker leads a process
//! group and is killed or dies, and left alone otherwise.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::unistd::{getpgrp, getpid};
use procpool::{Builder, ProcessPoolExecutor};
use procpool_testkit::bystander::Bystander;
use procpool_testkit::gate::Gate;
use procpool_testkit::os::Watched;
use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};
use tempfile::TempDir;

/// A pool of one worker, whose task has started a program. The program waits for a permit, and passes it
/// on.
struct Started {
    executor: ProcessPoolExecutor,
    program: Bystander,
    go: Gate,
    gone: Gate,
    _folder: TempDir,
}

fn start_program((go, gone): (String, String)) -> u32 {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "exec head -c 1 < \"$1\" > \"$2\"", "program", &go, &gone]);
    shell.stderr(Stdio::null()).spawn().expect("there is a shell").id()
}

fn in_groups() -> Builder {
    crate::builder().process_groups(true)
}

impl Started {
    fn new(builder: Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [go, gone] = ["go", "gone"].map(|name| Gate::new(folder.path(), name));
        let executor = builder.max_workers(1).build().unwrap();
        let program = executor.submit(start_program, (go.path(), gone.path())).result().unwrap();
        let program = Bystander(Watched::new(program));
        Self { executor, program, go, gone, _folder: folder }
    }

    /// Ends the pool, unless it has ended; asserts that the program is killed, or was.
    fn assert_goes_with_the_pool(self) {
        drop(self.executor);
        assert!(self.program.0.ended_within(watch::HANG), "it lives on");
        self.go.give(1);
        assert!(self.gone.take(1, Duration::ZERO).is_err(), "it was let go");
    }

    /// Like that, but asserts that the program is untouched.
    fn assert_outlives_the_pool(self) {
        drop(self.executor);
        self.go.give(1);
        self.gone.take(1, watch::HANG).expect("it goes on");
        assert!(self.program.0.ended_within(watch::HANG));
    }
}

fn die(_: ()) {
    raise(Signal::SIGSEGV).expect("a process can signal itself");
}

#[test]
fn a_worker_killed_by_the_pool_takes_its_group_with_it() {
    watch::within(watch::HANG, || {
        let started = Started::new(in_groups());
        started.executor.kill_workers();
        started.assert_goes_with_the_pool();
    });
}

#[test]
fn a_killed_workers_group_dies_if_the_kernel_discards_its_status() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let [go, gone, kill] = ["go", "gone", "kill"].map(|name| Gate::new(folder.path(), name));
        let mut command = program::command("clean_groups");
        let mut program = Running::start(
            command.args([go.path(), gone.path(), kill.path()]),
            crate::start_method(),
        );
        let started = Bystander(Watched::new(program.line()));
        kill.give(1);
        let (status, complaints) = program.end();
        assert!(status.success(), "{status}: {complaints}");
        assert!(started.0.ended_within(watch::HANG), "it lives on");
        go.give(1);
        assert!(gone.take(1, Duration::ZERO).is_err(), "it was let go");
    });
}

#[test]
fn a_worker_that_dies_takes_its_group_with_it() {
    watch::within(watch::HANG, || {
        let started = Started::new(in_groups());
        assert!(started.executor.submit(die, ()).error().is_some());
        started.assert_goes_with_the_pool();
    });
}

#[test]
fn a_worker_that_exits_with_its_pool_leaves_its_group_alone() {
    watch::within(watch::HANG, || Started::new(in_groups()).assert_outlives_the_pool());
}

#[test]
fn by_default_a_worker_is_in_the_programs_group() {
    fn look(_: ()) -> (i32, i32) {
        (getpid().as_raw(), getpgrp().as_raw())
    }
    watch::within(watch::HANG, || {
        let group_in = |builder: Builder| {
            builder.max_workers(1).build().unwrap().submit(look, ()).result().unwrap()
        };
        assert_eq!(group_in(crate::builder()).1, look(()).1);
        let (worker, group) = group_in(in_groups());
        assert_eq!(group, worker);
        assert_eq!(group_in(in_groups().process_groups(false)).1, look(()).1);
    });
}

#[test]
fn a_worker_without_a_group_takes_no_process_with_it() {
    watch::within(watch::HANG, || {
        let started = Started::new(crate::builder());
        started.executor.kill_workers();
        started.assert_outlives_the_pool();
    });
}
