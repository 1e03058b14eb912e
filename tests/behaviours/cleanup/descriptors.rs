//! Descriptors: a fixed number of them in the parent, and only its own in a worker.

use std::collections::HashSet;
use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use procpool::{Future, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::running::Running;
use procpool_testkit::{os, program, watch};
use serde::Deserialize;

/// The counts of the program.
#[derive(Debug, Deserialize)]
struct Look {
    queued: usize,
    parent: usize,
    workers: Vec<usize>,
}

#[test]
fn queued_tasks_cost_no_descriptors() {
    watch::within(watch::HANG, || {
        let mut program =
            Running::start(&mut program::command("clean_queue"), crate::start_method());
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

/// Leaves its pid in `folder`, and stays until it is released.
fn stay(folder: String) {
    let pid = std::process::id();
    fs::write(format!("{folder}/worker-{pid}"), "").expect("the folder is there");
    gate::give(&format!("{folder}/arrived"));
    gate::take(&format!("{folder}/go_on"));
}

// Behaviours: FORK-04.
#[test]
fn a_worker_has_only_its_streams_its_link_and_one_thread() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().expect("a plain name");
        let [arrived, go_on] = ["arrived", "go_on"].map(|name| Gate::new(folder.path(), name));
        let pools = [crate::builder(), crate::builder_beside_another()]
            .map(|builder| builder.max_workers(2).build().unwrap());
        let submit = |pool: &ProcessPoolExecutor| pool.submit(stay, path.to_owned());
        let futures: Vec<Future<()>> =
            pools.iter().flat_map(|pool| [submit(pool), submit(pool)]).collect();
        arrived.take(4, watch::HANG).unwrap();

        let workers = workers_in(folder.path());
        assert_eq!(workers.len(), 4, "two pools of two workers: {workers:?}");
        let mut links = HashSet::new();
        for pid in workers {
            let descriptors = os::descriptors_of(pid);
            for end in ends_of_worker(&descriptors, path) {
                assert!(links.insert(end), "worker {pid} shares an end: {descriptors:?}");
            }
            assert_eq!(os::threads_of(pid).len(), 1, "tasks may fork, and unshare");
        }
        go_on.give(4);
        assert!(futures.iter().all(|future| future.result().is_ok()));
    });
}

/// Returns the pids that workers left in `folder`.
fn workers_in(folder: &Path) -> Vec<u32> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.to_str()?.strip_prefix("worker-")?.parse().ok()).collect()
}

/// Returns the one socket and the one pipe in `descriptors`, a link and a lifeline, which are the only
/// ones that a worker should have, beside those that its task has opened in `folder`.
fn ends_of_worker(descriptors: &[(i32, String)], folder: &str) -> [String; 2] {
    let (mut links, mut lifelines) = (Vec::new(), Vec::new());
    for (number, target) in descriptors {
        match (*number, target.as_str()) {
            (0, target) => assert_eq!(target, "/dev/null"),
            (1 | 2, target) => assert_eq!(target, own_target(*number)),
            (_, target) if target.starts_with("socket:") => links.push(target.to_owned()),
            (number, target) if target.starts_with("pipe:") && !is_handed_down(number) => {
                lifelines.push(target.to_owned());
            }
            (_, target) if target.starts_with(folder) => {}
            (number, target) => {
                assert!(is_handed_down(number), "{number} is {target}: {descriptors:?}");
            }
        }
    }
    assert_eq!((links.len(), lifelines.len()), (1, 1), "one of each: {descriptors:?}");
    [links.remove(0), lifelines.remove(0)]
}

fn own_target(number: i32) -> String {
    let target = fs::read_link(format!("/proc/self/fd/{number}")).expect("it is open");
    target.to_string_lossy().into_owned()
}

/// Whether this test program itself was started with `number` open for all its children, which may then
/// have it.
fn is_handed_down(number: i32) -> bool {
    // SAFETY: the borrow ends with this function, and another thread that closes the descriptor during it
    // only makes fcntl fail.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(descriptor, FcntlArg::F_GETFD)
        .is_ok_and(|flags| !FdFlag::from_bits_truncate(flags).contains(FdFlag::FD_CLOEXEC))
}

/// Returns the open descriptors of a program that this task starts.
fn descriptors_of_own_program(_: ()) -> String {
    // The shell waits for `ls`, so it opens no descriptor to list its own.
    let output = Command::new("/bin/sh").args(["-c", "ls /proc/$$/fd; :"]).output();
    String::from_utf8(output.expect("there is a shell").stdout).expect("numbers are text")
}

// Behaviours: NEST-01.
#[test]
fn a_program_that_a_task_starts_inherits_no_link() {
    watch::within(watch::HANG, || {
        let executor = crate::builder().max_workers(1).build().unwrap();
        let descriptors = executor.submit(descriptors_of_own_program, ()).result().unwrap();
        let mut numbers: Vec<i32> = descriptors
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .filter(|number| *number <= 2 || !is_handed_down(*number))
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2], "{descriptors}");
    });
}
