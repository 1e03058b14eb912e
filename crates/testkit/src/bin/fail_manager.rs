//! Takes the pool's manager the descriptor that it waits on, and gives it one that cannot be waited
//! on. Prints the errors of a task that runs, of one that waits and of one that comes later; then
//! how many children are left.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::libc;
use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, watch};

/// Says that it runs, and never ends by itself.
fn stay((running, never): (String, String)) {
    gate::give(&running);
    gate::take(&never);
}

/// Puts /dev/null where the only epoll descriptor of this program was.
fn take_the_managers_descriptor() {
    let mut descriptors = os::descriptors_of(std::process::id()).into_iter();
    let is_epoll = |(_, target): &(i32, String)| target == "anon_inode:[eventpoll]";
    let (number, _) = descriptors.find(is_epoll).expect("there is a pool");
    let null = File::open("/dev/null").expect("it is always there");
    // SAFETY: dup2(2) takes two integers. That it replaces a descriptor which somebody else owns is
    // the point; a descriptor of that number stays open, so nothing is closed twice.
    assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), number) }, number);
}

fn main() -> Result<(), Error> {
    procpool::init();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [arrived, never] = ["arrived", "never"].map(|name| Gate::new(folder.path(), name));
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    let running = executor.submit(stay, (arrived.path(), never.path()));
    arrived.take(1, watch::HANG).expect("the task runs");
    let waiting = executor.submit(stay, (arrived.path(), never.path()));
    take_the_managers_descriptor();
    // Its manager may be asleep: a pool that is told to end wakes it.
    executor.shutdown(false, false);
    for (name, future) in [("running", &running), ("waiting", &waiting)] {
        println!("{name}: {}", text(future.error()));
    }
    println!("later: {}", text(executor.submit(|()| (), ()).error()));
    // The manager waits for the ends of its workers, and then ends itself.
    while os::threads_of(std::process::id()).len() > 1 {
        std::thread::yield_now();
    }
    println!("{} children left", os::children_of(std::process::id()).len());
    Ok(())
}

fn text(error: Option<Error>) -> String {
    error.map_or_else(|| "no error".to_owned(), |error| error.to_string())
}
