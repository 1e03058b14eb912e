//! Makes and drops pools of every fate, one after another, and looks at itself before the first
//! and after each: children, descriptors and threads, as lines of JSON.

use std::thread;

use nix::sys::signal::{Signal, raise};
use procpool::{Error, Future, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, start};
use serde_json::json;
use tempfile::TempDir;

/// How often every fate comes.
const ROUNDS: usize = 3;

/// How often to look for a thread that has been joined. Looks are microseconds apart; more of them
/// only delay the report of a thread that stays.
const LOOKS: usize = 10_000;

type Pool = ProcessPoolExecutor<()>;

fn double(x: u32) -> u32 {
    2 * x
}

fn die(_: u32) -> u32 {
    raise(Signal::SIGKILL).expect("a process can signal itself");
    0
}

/// Says that it runs, and never ends by itself.
fn block((running, never): (String, String)) {
    gate::give(&running);
    gate::take(&never);
}

fn refuse() -> Result<(), String> {
    Err("no".to_owned())
}

fn pool() -> Pool {
    start::builder_of_program().max_workers(2).build().expect("a pool can be made")
}

fn main() {
    procpool::init();
    let baseline = os::threads_of(std::process::id()).len();
    report("nothing", baseline);
    for _ in 0..ROUNDS {
        drop(pool());
        report("a pool that was never used", baseline);
        clean();
        report("a clean pool", baseline);
        cancelled();
        report("a pool whose queue was cancelled", baseline);
        let future = pool().submit(double, 21);
        report("a pool with a future that outlives it", baseline);
        assert_eq!(future.result(), Ok(42));
        worker_killed();
        report("a pool broken by the death of a worker", baseline);
        initializer_failed();
        report("a pool whose initializer failed", baseline);
        killed();
        report("a pool killed while it runs tasks", baseline);
        killed_at_once();
        report("a pool killed while it starts workers", baseline);
    }
    report("the end", baseline);
}

fn clean() {
    let doubled: Result<Vec<u32>, Error> = pool().map(double, 0..8).collect();
    assert_eq!(doubled, Ok((0..8).map(double).collect()));
}

fn cancelled() {
    let pool = pool();
    let futures: Vec<Future<u32>> = (0..8).map(|x| pool.submit(double, x)).collect();
    pool.shutdown(true, true);
    assert!(futures.iter().all(Future::done));
}

fn worker_killed() {
    let gates = Gates::new();
    let pool = pool();
    let other = pool.submit(block, gates.paths());
    gate::take(&gates.running.path());
    let error = pool.submit(die, 0).error();
    assert!(matches!(error, Some(Error::BrokenProcessPool(_))), "{error:?}");
    assert!(other.error().is_some(), "it is broken as a whole");
}

fn initializer_failed() {
    let builder = start::builder_of_program().max_workers(2).initializer(refuse);
    let pool = builder.build().expect("a pool can be made");
    let futures: Vec<Future<u32>> = (0..4).map(|x| pool.submit(double, x)).collect();
    assert!(futures.iter().all(|future| future.error().is_some()));
}

fn killed() {
    let gates = Gates::new();
    let pool = pool();
    let futures: Vec<Future<()>> = (0..4).map(|_| pool.submit(block, gates.paths())).collect();
    for _ in 0..2 {
        gate::take(&gates.running.path());
    }
    pool.kill_workers();
    assert!(futures.iter().all(|future| future.error().is_some()));
}

fn killed_at_once() {
    let gates = Gates::new();
    let pool = pool();
    let futures: Vec<Future<()>> = (0..4).map(|_| pool.submit(block, gates.paths())).collect();
    pool.kill_workers();
    assert!(futures.iter().all(|future| future.error().is_some()));
}

/// Where tasks say that they run, and wait.
struct Gates {
    running: Gate,
    never: Gate,
    _folder: TempDir,
}

impl Gates {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let gate = |name| Gate::new(folder.path(), name);
        Self { running: gate("running"), never: gate("never"), _folder: folder }
    }

    fn paths(&self) -> (String, String) {
        (self.running.path(), self.never.path())
    }
}

/// Prints what is there. Children and descriptors must be gone at once. A joined thread may still be
/// listed: `pthread_join` returns when the kernel has let go of the thread's memory, an instant
/// before /proc forgets it. So this looks again while there are more than `threads`, and then
/// prints whatever it sees.
fn report(after: &str, threads: usize) {
    let this = std::process::id();
    let children: Vec<u32> = os::children_of(this).iter().map(|child| child.pid).collect();
    let descriptors = os::descriptors_of(this);
    let settled = |_: &usize| os::threads_of(this).len() == threads;
    if (0..LOOKS).inspect(|_| thread::yield_now()).find(settled).is_none() {
        eprintln!("after {after}: threads stay");
    }
    let look = json!({
        "after": after,
        "children": children,
        "descriptors": descriptors,
        "threads": os::threads_of(this),
    });
    println!("{look}");
}
