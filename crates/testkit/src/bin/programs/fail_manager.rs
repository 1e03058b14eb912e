//! Takes away the descriptors on which the pool's manager waits: `replace`, `close epoll`, `close
//! eventfd`, or `close epoll eventfd`. With a leading `idle`, it does so while there is no worker. Prints
//! the errors of a running task, a pending one and a later one, and that the pool was dropped. Then prints
//! the number of remaining children, unless the manager could not be woken.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::libc;
use procpool::{Error, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::cross;
use procpool_testkit::gate::Gate;
use procpool_testkit::{os, watch};

/// The descriptors of this program that lead to `anon_inode:[KIND]`: only its pool has them.
fn descriptors(kind: &str) -> Vec<i32> {
    let target = format!("anon_inode:[{kind}]");
    let all = os::descriptors_of(std::process::id()).into_iter();
    let found: Vec<i32> = all.filter(|(_, it)| *it == target).map(|(number, _)| number).collect();
    assert!(!found.is_empty(), "there is a pool");
    found
}

/// Changes the manager's descriptors as the arguments say.
fn take_the_managers_descriptors(arguments: &[String]) {
    if arguments.iter().any(|word| word == "replace") {
        let null = File::open("/dev/null").expect("it is always there");
        for number in descriptors("eventpoll") {
            // SAFETY: dup2(2) takes two integers. It replaces a descriptor that another object owns on
            // purpose; one of that number stays open, so nothing is closed twice.
            assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), number) }, number);
        }
    }
    for kind in ["epoll", "eventfd"] {
        if arguments.iter().any(|word| word == kind) {
            for number in descriptors(if kind == "epoll" { "eventpoll" } else { kind }) {
                // SAFETY: close(2) takes an integer. It steals the descriptor on purpose.
                assert_eq!(unsafe { libc::close(number) }, 0);
            }
        }
    }
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [arrived, never] = ["arrived", "never"].map(|name| Gate::new(folder.path(), name));
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    let submit = || executor.submit(cross, (arrived.path(), never.path()));
    let early = (!says("idle")).then(|| {
        let running = submit();
        arrived.take(1, watch::HANG).expect("the task runs");
        (running, submit())
    });
    take_the_managers_descriptors(arguments);
    // Its manager may sleep: a pool that needs a worker, or is shut down, wakes it.
    let (running, waiting) = early.unwrap_or_else(|| (submit(), submit()));
    if !says("idle") {
        executor.shutdown_with(ShutdownOptions::new().wait(false));
    }
    for (name, future) in [("running", &running), ("waiting", &waiting)] {
        println!("{name}: {}", text(future.error()));
    }
    println!("later: {}", text(executor.submit(|()| (), ()).error()));
    drop(executor);
    println!("dropped");
    if !(says("epoll") && says("eventfd")) {
        // The manager waits for its workers to exit, and then exits itself.
        while os::threads_of(std::process::id()).len() > 1 {
            std::thread::yield_now();
        }
        println!("{} children left", os::children_of(std::process::id()).len());
    }
    Ok(())
}

fn text(error: Option<Error>) -> String {
    error.map_or_else(|| "no error".to_owned(), |error| error.to_string())
}
