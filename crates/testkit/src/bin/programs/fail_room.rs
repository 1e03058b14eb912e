//! A pool that runs into a limit: `fail_room descriptors|processes manager|first|later|callbacks|each`.
//!
//! - `manager`: there is no room for the pool itself. Prints why it was not made.
//! - `first`: there is no room for the first worker. Prints the outcome of three tasks.
//! - `later`: there is one worker and no room for another. Prints how often tasks ran and where; then
//!   makes room, and prints how many tasks ran at the same time.
//! - `callbacks`: there is no room for the thread that runs callbacks. Prints where they run.
//! - `each`: prints the outcome of the first worker with 0, 1, 2 … descriptors left.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use procpool::{BrokenCause, Error, Future, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::limits::{Limit, become_nobody_else, first_free_descriptor};
use procpool_testkit::{os, watch};
use tempfile::TempDir;

/// Uses up the room for another worker. For processes, `threads` is the number that exist.
fn close(limit: Limit, threads: u64) {
    limit.set(match limit {
        Limit::Descriptors => first_free_descriptor(),
        Limit::Processes => threads,
    });
}

/// Counts its calls: the state of a worker.
fn zero() -> Result<u32, Infallible> {
    Ok(0)
}

fn count(calls: &mut u32, _: ()) -> (u32, u32) {
    *calls += 1;
    (std::process::id(), *calls)
}

fn cross(_: &mut u32, (arrived, go): (String, String)) {
    gate::give(&arrived);
    gate::take(&go);
}

fn pool() -> Result<ProcessPoolExecutor<u32>, Error> {
    ProcessPoolExecutor::builder().max_workers(3).initializer(zero).build()
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let limit = match arguments[0].as_str() {
        "descriptors" => Limit::Descriptors,
        "processes" => Limit::Processes,
        other => panic!("there is no limit {other}"),
    };
    // Before anything belongs to another user: this user must be able to use the files made below.
    if limit != Limit::Descriptors {
        become_nobody_else();
    }
    match arguments[1].as_str() {
        "manager" => fail_without_a_pool(limit),
        "first" => fail_at_the_first(limit),
        "later" => go_on_with_one(limit),
        "callbacks" => run_callbacks_elsewhere(limit),
        "each" => try_each_number(),
        other => panic!("there is no mode {other}"),
    }
}

/// The number of threads of this process and its children.
fn threads() -> u64 {
    let this = std::process::id();
    let children = os::children_of(this).into_iter().map(|process| process.pid);
    children.chain([this]).map(|pid| os::threads_of(pid).len() as u64).sum()
}

fn fail_without_a_pool(limit: Limit) -> Result<(), Error> {
    close(limit, threads());
    println!("{}", pool().expect_err("there is no room for a pool"));
    Ok(())
}

fn fail_at_the_first(limit: Limit) -> Result<(), Error> {
    let executor = pool()?;
    close(limit, threads());
    for future in [executor.submit_with(count, ()), executor.submit_with(count, ())] {
        print_failure(&future);
    }
    print_failure(&executor.submit_with(count, ()));
    Ok(())
}

fn print_failure(future: &Future<(u32, u32)>) {
    match future.error() {
        Some(Error::BrokenProcessPool(broken)) => match broken.cause() {
            BrokenCause::StartFailed { errno, .. } => println!("StartFailed {errno:?}: {broken}"),
            BrokenCause::Protocol { .. } => println!("Protocol: {broken}"),
            _ => println!("{broken}"),
        },
        other => println!("{other:?}"),
    }
}

fn go_on_with_one(limit: Limit) -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
    let executor = pool()?;
    let cross = || executor.submit_with(cross, (arrived.path(), go.path()));
    let first = cross();
    arrived.take(1, watch::HANG).expect("the first worker starts");
    close(limit, threads());
    // More tasks than idle workers, so more workers are needed, and refused.
    let futures: Vec<_> = (0..20).map(|_| executor.submit_with(count, ())).collect();
    go.give(1);
    first.result()?;
    let runs: Vec<(u32, u32)> = futures.iter().map(Future::result).collect::<Result<_, _>>()?;
    let workers: BTreeSet<u32> = runs.iter().map(|(pid, _)| *pid).collect();
    let once_each = runs.iter().map(|(_, calls)| *calls).eq(1..=20);
    let times = if once_each { "once each" } else { "not once each" };
    println!("{} tasks ran {times} in {} worker", runs.len(), workers.len());
    // The manager reads results that no thread waits for. It finds that no worker is needed and sleeps;
    // the next submission must wake it, although a start failed a moment ago and is not retried at once.
    for _ in 0..10 {
        let unwatched = executor.submit_with(count, ());
        while !unwatched.done() {
            std::thread::yield_now();
        }
    }
    let both = [cross(), cross()];
    limit.open();
    arrived.take(2, watch::HANG).expect("a second worker is started");
    go.give(2);
    println!("{} tasks met", both.iter().filter(|future| future.result().is_ok()).count());
    Ok(())
}

/// A pool with one worker, whose task runs until it is released, and no room for another thread.
struct Crowded {
    executor: Arc<ProcessPoolExecutor<u32>>,
    running: Future<()>,
    go: Gate,
    _folder: TempDir,
}

impl Crowded {
    fn new(limit: Limit) -> Result<Self, Error> {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
        let executor = Arc::new(pool()?);
        let running = executor.submit_with(cross, (arrived.path(), go.path()));
        arrived.take(1, watch::HANG).expect("the worker starts");
        // Fewer than exist: no room either when the worker has exited.
        close(limit, 1);
        Ok(Self { executor, running, go, _folder: folder })
    }

    /// Adds a callback that shuts the pool down and reports where it runs.
    fn add_callback(&self) -> Receiver<String> {
        let (sender, receiver) = channel();
        let executor = Arc::downgrade(&self.executor);
        self.running.add_done_callback(move |_| {
            if let Some(executor) = executor.upgrade() {
                executor.shutdown();
            }
            let name = std::thread::current().name().unwrap_or("a thread").to_owned();
            sender.send(name).expect("somebody waits");
        });
        receiver
    }

    /// Releases the task, and waits without helping the manager.
    fn settle(&self) {
        self.go.give(1);
        while !self.running.done() {
            std::thread::yield_now();
        }
    }
}

fn run_callbacks_elsewhere(limit: Limit) -> Result<(), Error> {
    let crowded = Crowded::new(limit)?;
    let callback = crowded.add_callback();
    crowded.settle();
    println!("while there is no room: {:?}", callback.try_recv().ok());
    limit.open();
    println!("when there is room: {:?}", callback.recv().ok());

    let crowded = Crowded::new(limit)?;
    let callback = crowded.add_callback();
    crowded.settle();
    crowded.executor.shutdown();
    println!("at the end: {:?}", callback.try_recv().ok());
    limit.open();

    let crowded = Crowded::new(limit)?;
    let behind = crowded.executor.submit_with(count, ());
    let (sender, callback) = channel();
    behind.add_done_callback(move |_| {
        let name = std::thread::current().name().unwrap_or("a thread").to_owned();
        sender.send(name).expect("somebody waits");
    });
    behind.cancel();
    println!("where it is cancelled: {:?}", callback.try_recv().ok());
    limit.open();
    crowded.settle();
    Ok(())
}

fn try_each_number() -> Result<(), Error> {
    // Inherited descriptors would be among the counted numbers.
    for (number, _) in os::descriptors_of(std::process::id()) {
        if number > 2 {
            let _ = nix::unistd::close(number);
        }
    }
    for left in 0.. {
        let executor = pool()?;
        Limit::Descriptors.set(first_free_descriptor() + left);
        let error = executor.submit_with(count, ()).error();
        Limit::Descriptors.open();
        match error {
            None => {
                println!("{left} left: works");
                break;
            }
            Some(Error::BrokenProcessPool(broken)) => match broken.cause() {
                BrokenCause::StartFailed { what, errno } => {
                    println!("{left} left: {errno:?}, {what}");
                }
                cause => println!("{left} left: {cause}"),
            },
            Some(other) => println!("{left} left: {other}"),
        }
    }
    Ok(())
}
