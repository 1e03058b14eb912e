//! Makes as many pools as its argument says, each of which ends in another way than the one before, and
//! prints the state of this process before the first and after each: children, descriptors, threads and
//! shared memory, as lines of JSON.
//!
//! Files are in the temporary folder, from which each fate removes its own.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use procpool::{
    Builder, DeathPolicy, Error, Future, KillOutcome, Output, ProcessPoolExecutor, ShutdownOptions,
    StartMethod,
};
use procpool_testkit::task::double;

use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, start};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use tempfile::TempDir;

/// How often to look for a joined thread. Looks are microseconds apart; more of them only delay the report
/// of a thread that stays.
const LOOKS: usize = 10_000;

type Pool = ProcessPoolExecutor<()>;

/// A pool's life, from its creation to its end.
type Fate = fn();

/// The ways in which a pool can end, used cyclically in this order.
const FATES: &[(&str, Fate)] = &[
    ("a pool that was never used", || drop(pool())),
    ("a pool that could not be made", not_made),
    ("a pool that was used", used),
    ("a pool whose future outlives it", outlived),
    ("a pool whose result nobody asked for", || drop(pool().submit(double, 21))),
    ("a pool that moved large values", large),
    ("a pool that was shut down", || shut_down(false)),
    ("a pool that was shut down with its queue cancelled", || shut_down(true)),
    ("a pool that was shut down, and not waited for", || shut_down_unawaited(false)),
    ("a pool that was cancelled, and not waited for", || shut_down_unawaited(true)),
    ("a pool whose map was dropped half-way", map_dropped),
    ("a pool whose futures were cancelled", cancelled),
    ("a pool with tasks that panicked", task_panicked),
    ("a pool whose owner panicked", owner_panicked),
    ("a pool that was dropped by another thread", dropped_elsewhere),
    ("a pool broken by the death of a worker", || worker_killed(builder())),
    ("a pool whose initializer failed", || initializer_failed(|| Err("no".to_owned()))),
    ("a pool whose initializer panicked", || initializer_failed(|| panic!("no"))),
    ("a pool whose initializer died", || initializer_failed(|| std::process::exit(1))),
    ("a pool killed while it runs tasks", killed),
    ("a pool killed while it starts workers", killed_at_once),
    ("a pool with log files", with_files),
    ("a pool that captures stderr", || used_by(builder().stderr(Output::Null).capture_stderr(9))),
    ("a pool broken by a worker with last words", last_words),
    ("a pool that refused arguments, and was not waited for", refused),
    ("a pool that replaced a worker", replaced),
    ("a pool whose task exceeded its limit", over_limit),
    ("a pool whose task was killed", task_killed),
    ("a pool that recycles its workers", || used_by(builder().max_tasks_per_child(1))),
    ("a pool whose workers leave when they are idle", || {
        used_by(builder().idle_timeout(Duration::from_millis(1)));
    }),
    ("a pool with a finalizer", || used_by(builder().finalizer(|()| ()))),
    ("a pool with hooks", || {
        used_by(builder().on_worker_start(|_| ()).on_worker_exit(|_, _| panic!("in a hook")));
    }),
    ("a pool whose callbacks ran", with_callbacks),
    ("a pool that its own callback dropped", dropped_by_a_callback),
    ("a pool that was told to end", terminated),
    ("a pool whose workers were forked from a server", || {
        used_by(builder().start_method(StartMethod::Forkserver));
    }),
    ("a pool whose forked worker died", || {
        worker_killed(builder().start_method(StartMethod::Forkserver));
    }),
    ("a pool of process groups, killed by a worker's death", || {
        worker_killed(builder().process_groups(true));
    }),
];

pub(crate) fn main(arguments: &[String]) {
    procpool::init();
    // Panics are among the fates.
    std::panic::set_hook(Box::new(|_| ()));
    let pools: Option<usize> = arguments.first().and_then(|pools| pools.parse().ok());
    let pools = pools.expect("usage: clean_after_drop POOLS");
    let threads = os::threads_of(std::process::id()).len();
    report("nothing", threads);
    for (fate, run) in FATES.iter().cycle().take(pools) {
        run();
        report(fate, threads);
    }
    report("the end", threads);
}

// ---- tasks ----

fn refuse(x: u32) -> u32 {
    panic!("{x} is refused")
}

fn die(_: u32) -> u32 {
    raise(Signal::SIGKILL).expect("a process can signal itself");
    0
}

fn write_and_die(x: u32) -> u32 {
    eprintln!("the end of worker {}", std::process::id());
    die(x)
}

/// Reports that it runs, and never ends by itself.
fn block((running, never): (String, String)) {
    gate::give(&running);
    gate::take(&never);
}

// ---- fates ----

fn builder() -> Builder {
    start::builder_of_program().max_workers(2)
}

fn pool() -> Pool {
    builder().build().expect("a pool can be made")
}

fn used_by(builder: Builder) {
    let pool = builder.build().expect("a pool can be made");
    let doubled: Result<Vec<u32>, Error> = pool.map(double, 0..8).collect();
    assert_eq!(doubled, Ok((0..8).map(double).collect()));
}

fn used() {
    used_by(builder());
}

fn not_made() {
    let missing = std::env::temp_dir().join("missing").join("log");
    let (out, missing) = (Output::File(file("out")), Output::File(missing));
    let error = builder().capture_stderr(1).stdout(out).stderr(missing).build().err();
    assert!(matches!(error, Some(Error::OutputFile { .. })), "{error:?}");
    fs::remove_file(file("out")).expect("it was opened first");
}

fn outlived() {
    let future = pool().submit(double, 21);
    assert_eq!(future.result(), Ok(42));
}

fn large() {
    let pool = pool();
    let future = pool.submit(|bytes: Vec<u8>| bytes, vec![7; 4 << 20]);
    assert_eq!(future.result(), Ok(vec![7; 4 << 20]));
}

fn shut_down(cancel_futures: bool) {
    let pool = pool();
    let futures: Vec<Future<u32>> = (0..8).map(|x| pool.submit(double, x)).collect();
    pool.shutdown_with(ShutdownOptions::new().cancel_futures(cancel_futures));
    assert!(futures.iter().all(Future::done));
    assert_eq!(pool.submit(double, 1).error(), Some(Error::Shutdown));
}

fn shut_down_unawaited(cancel_futures: bool) {
    let pool = pool();
    let futures: Vec<Future<u32>> = (0..8).map(|x| pool.submit(double, x)).collect();
    pool.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(cancel_futures));
    drop(pool);
    futures.iter().for_each(|future| drop(future.error()));
    // Its thread ends last. A new thread first has the program's name, so they are counted.
    while os::threads_of(std::process::id()).len() > 1 {
        thread::yield_now();
    }
}

fn with_callbacks() {
    let pool = pool();
    let (sender, receiver) = channel();
    for x in 0..8 {
        let sender = sender.clone();
        pool.submit(double, x).add_done_callback(move |future| {
            sender.send(future.result()).expect("somebody waits");
        });
    }
    drop((pool, sender));
    let doubled: u32 = receiver.iter().flatten().sum();
    assert_eq!(doubled, (0..8).map(double).sum::<u32>());
}

fn dropped_by_a_callback() {
    let pool = pool();
    let (sender, receiver) = channel();
    pool.submit(double, 21).add_done_callback(move |future| {
        drop(pool);
        sender.send(future.result()).expect("somebody waits");
    });
    assert_eq!(receiver.recv(), Ok(Ok(42)));
}

/// An argument that cannot be encoded.
#[derive(Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("nobody can write this"))
    }
}

fn refused() {
    let pool = pool();
    let future = pool.submit(|_: Unwritable| (), Unwritable);
    pool.shutdown_with(ShutdownOptions::new().wait(false));
    drop(pool);
    let error = future.error();
    assert!(matches!(error, Some(Error::Codec(_))), "{error:?}");
    while os::threads_of(std::process::id()).len() > 1 {
        thread::yield_now();
    }
}

fn replaced() {
    let policy = DeathPolicy::Replace { retries: 0 };
    let pool = builder().death_policy(policy).build().expect("a pool can be made");
    let error = pool.submit(die, 1).error();
    assert!(matches!(error, Some(Error::WorkerDied(_))), "{error:?}");
    assert_eq!(pool.submit(double, 21).result(), Ok(42));
}

fn over_limit() {
    let gates = Gates::new();
    let pool = builder().grace(Duration::ZERO).build().expect("a pool can be made");
    let error = pool
        .submit_options()
        .time_limit(Duration::from_millis(1))
        .submit(block, gates.paths())
        .error();
    assert!(matches!(error, Some(Error::TimeLimitExceeded { .. })), "{error:?}");
}

fn task_killed() {
    let gates = Gates::new();
    let pool = pool();
    let future = pool.submit(block, gates.paths());
    gates.wait_for(1);
    assert_eq!(future.kill(), KillOutcome::Killed);
}

fn terminated() {
    let gates = Gates::new();
    let pool = pool();
    let future = pool.submit(block, gates.paths());
    gates.wait_for(1);
    pool.terminate_workers();
    assert!(future.error().is_some());
}

fn map_dropped() {
    let pool = pool();
    let mut results = pool.map(double, 0..100);
    assert_eq!(results.next(), Some(Ok(0)));
}

fn cancelled() {
    let gates = Gates::new();
    let pool = pool();
    let blocked: Vec<Future<()>> = (0..2).map(|_| pool.submit(block, gates.paths())).collect();
    gates.wait_for(2);
    let queued: Vec<Future<u32>> = (0..8).map(|x| pool.submit(double, x)).collect();
    assert!(queued.iter().all(Future::cancel));
    gates.never.give(2);
    assert!(blocked.iter().all(|future| future.result().is_ok()));
}

fn task_panicked() {
    let pool = pool();
    let error = pool.submit(refuse, 1).error();
    assert!(matches!(error, Some(Error::Panicked(_))), "{error:?}");
}

fn owner_panicked() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let pool = pool();
        pool.submit(double, 21);
        panic!("the pool is dropped on the way");
    }));
    assert!(panicked.is_err());
}

fn dropped_elsewhere() {
    let pool = pool();
    let future = pool.submit(double, 21);
    thread::spawn(move || drop(pool)).join().expect("it does not panic");
    assert!(future.done());
}

fn worker_killed(builder: Builder) {
    let gates = Gates::new();
    let pool = builder.build().expect("a pool can be made");
    let other = pool.submit(block, gates.paths());
    gates.wait_for(1);
    let error = pool.submit(die, 0).error();
    assert!(matches!(error, Some(Error::BrokenProcessPool(_))), "{error:?}");
    assert!(other.error().is_some(), "it is broken as a whole");
}

fn initializer_failed(initializer: fn() -> Result<(), String>) {
    let pool = builder().initializer(initializer).build().expect("a pool can be made");
    let futures: Vec<Future<u32>> = (0..4).map(|x| pool.submit(double, x)).collect();
    assert!(futures.iter().all(|future| future.error().is_some()));
}

fn killed() {
    let gates = Gates::new();
    let pool = pool();
    let futures: Vec<Future<()>> = (0..4).map(|_| pool.submit(block, gates.paths())).collect();
    gates.wait_for(2);
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

fn with_files() {
    used_by(builder().stdout(Output::File(file("{worker}"))).stderr(Output::File(file("errors"))));
    for name in ["0", "1", "errors"] {
        fs::remove_file(file(name)).expect("the pool has made it");
    }
}

fn last_words() {
    let pool = builder().stderr(Output::Null).capture_stderr(1).build().expect("it can be made");
    let error = pool.submit(write_and_die, 0).error();
    assert!(error.is_some_and(|error| error.to_string().contains("the end of worker")));
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}

/// The gates at which tasks report that they run, and wait.
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

    /// Waits until `count` tasks run.
    fn wait_for(&self, tasks: usize) {
        (0..tasks).for_each(|_| gate::take(&self.running.path()));
    }
}

// ---- looks ----

/// Prints the children, descriptors, threads and shared memory. All but threads must be gone at once. A
/// joined thread may still be listed: `pthread_join` returns when the kernel has released the thread's
/// memory, an instant before /proc forgets it. So this looks again while there are more than `threads`,
/// and then prints the result in any case.
fn report(after: &str, threads: usize) {
    let this = std::process::id();
    // This takes one call if there are none, the usual case; /proc lists them.
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let children: Vec<u32> = match waitid(Id::All, look) {
        Err(Errno::ECHILD) => Vec::new(),
        _ => os::children_of(this).iter().map(|child| child.pid).collect(),
    };
    let descriptors = os::descriptors_of(this);
    let shared = os::shared_memory_of(this);
    let settled = |_: &usize| os::threads_of(this).len() == threads;
    if (0..LOOKS).inspect(|_| thread::yield_now()).find(settled).is_none() {
        eprintln!("after {after}: threads stay");
    }
    let look = json!({
        "after": after,
        "children": children,
        "descriptors": descriptors,
        "shared": shared,
        "threads": os::threads_of(this),
    });
    println!("{look}");
}
