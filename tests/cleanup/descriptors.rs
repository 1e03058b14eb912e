//! Descriptors: a fixed number of them in the parent, and none in a worker but its own.

use std::collections::HashSet;
use std::fs;
use std::os::fd::BorrowedFd;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use procpool::{Future, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, program, watch};
use serde::Deserialize;

use crate::running::Running;

/// What the program counted.
#[derive(Debug, Deserialize)]
struct Look {
    queued: usize,
    parent: usize,
    workers: Vec<usize>,
}

#[test]
fn queued_tasks_cost_no_descriptors() {
    watch::within(watch::HANG, || {
        let mut program = Running::start(&mut Command::new(program::path("clean_queue")));
        let looks: [Look; 3] = [program.line(), program.line(), program.line()];
        assert_eq!(looks.each_ref().map(|look| look.queued), [1, 100, 10_000]);
        for look in &looks {
            assert_eq!(look.workers.len(), 2, "{looks:?}");
            assert_eq!((look.parent, &look.workers), (looks[0].parent, &looks[0].workers));
        }
        let (status, complaints) = program.end();
        assert!(status.success(), "{status}: {complaints}");
    });
}

/// Says who it is, and stays until it may go on. It is known by the gate, so that is open first.
fn stay((arrived, go_on): (String, String)) -> u32 {
    let _known_by = fs::File::options().read(true).write(true).open(&go_on).expect("it is there");
    gate::give(&arrived);
    gate::take(&go_on);
    std::process::id()
}

#[test]
fn a_worker_has_its_streams_its_link_and_its_parent_and_nothing_of_other_workers() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let (arrived, go_on) =
            (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go_on"));
        let pool = || ProcessPoolExecutor::builder().max_workers(2).build().unwrap();
        let pools = [pool(), pool()];
        let paths = || (arrived.path(), go_on.path());
        let futures: Vec<Future<u32>> =
            pools.iter().flat_map(|pool| [0, 1].map(|_| pool.submit(stay, paths()))).collect();
        arrived.take(4, watch::HANG).unwrap();
        let workers: Vec<u32> = os::children_of(std::process::id())
            .iter()
            .map(|child| child.pid)
            .filter(|pid| is_inside_task(*pid, &go_on.path()))
            .collect();
        let looks: Vec<_> = workers.iter().map(|pid| (*pid, os::descriptors_of(*pid))).collect();
        go_on.give(4);
        let pids: HashSet<u32> = futures.iter().map(|future| future.result().unwrap()).collect();
        assert_eq!(pids, workers.into_iter().collect(), "every worker was looked at");

        let mut links = HashSet::new();
        for (pid, descriptors) in looks {
            let link = link_of_worker(&descriptors, &go_on.path());
            assert!(links.insert(link), "worker {pid} shares a link: {descriptors:?}");
        }
    });
}

/// Whether `pid` has the gate at `path` open: only the tasks of one test do.
fn is_inside_task(pid: u32, path: &str) -> bool {
    os::descriptors_of(pid).iter().any(|(_, target)| target == path)
}

/// Returns the one socket in `descriptors`, which are all that a worker should have.
fn link_of_worker(descriptors: &[(i32, String)], gate: &str) -> String {
    let mut links = HashSet::new();
    let mut parents = 0;
    for (number, target) in descriptors {
        match (*number, target.as_str()) {
            (0, target) => assert_eq!(target, "/dev/null"),
            (1 | 2, target) => assert_eq!(target, own_target(*number)),
            (_, target) if target.starts_with("socket:") => drop(links.insert(target.to_owned())),
            (_, "anon_inode:[pidfd]") => parents += 1,
            // The gate that the task itself has opened.
            (_, target) if target == gate => {}
            (number, target) => {
                assert!(is_handed_down(number), "{number} is {target}: {descriptors:?}");
            }
        }
    }
    assert_eq!(parents, 1, "a worker watches its parent and no one else: {descriptors:?}");
    assert_eq!(links.len(), 1, "a worker has one link: {descriptors:?}");
    links.into_iter().next().expect("there is one")
}

fn own_target(number: i32) -> String {
    let target = fs::read_link(format!("/proc/self/fd/{number}")).expect("it is open");
    target.to_string_lossy().into_owned()
}

/// Whether this test program itself was started with `number` open for all its children, which is
/// then theirs by the rules.
fn is_handed_down(number: i32) -> bool {
    // SAFETY: the borrow ends with this function, and whoever closes the descriptor meanwhile only
    // makes fcntl fail.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(descriptor, FcntlArg::F_GETFD)
        .is_ok_and(|flags| !FdFlag::from_bits_truncate(flags).contains(FdFlag::FD_CLOEXEC))
}

/// Returns what a program that this task starts has open.
fn descriptors_of_own_program(_: ()) -> String {
    let output = Command::new("/bin/sh").args(["-c", "echo /proc/$$/fd/*"]).output();
    String::from_utf8(output.expect("there is a shell").stdout).expect("paths are text")
}

#[test]
fn a_program_that_a_task_starts_inherits_neither_link_nor_parent() {
    watch::within(watch::HANG, || {
        let executor = ProcessPoolExecutor::builder().max_workers(1).build().unwrap();
        let paths = executor.submit(descriptors_of_own_program, ()).result().unwrap();
        let mut numbers: Vec<i32> = paths
            .split_whitespace()
            .map(|path| path.rsplit('/').next().expect("a path").parse().expect("a number"))
            .filter(|number| *number <= 2 || !is_handed_down(*number))
            .collect();
        numbers.sort_unstable();
        // The shell opened the folder to list it, which took the lowest number that was free.
        let listing = (3..).find(|number| !is_handed_down(*number)).expect("some number is free");
        assert_eq!(numbers, [0, 1, 2, listing], "{paths}");
    });
}
