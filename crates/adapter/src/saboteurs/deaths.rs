//! Saboteurs of the death and the exit of workers.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;
use procpool_contract::{Call, ErrorClass, Failure, MapOptions, PoolOptions};
use serde_json::Value;

use super::ours::Procpool;
use super::twist::{is_broken, locked};
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::{exit_at_once, run};
use crate::library::{Future, Library, Map, Pool, Stop};
use crate::wire::Wire;

macro_rules! reporting {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Reporting($change)) }
    };
}

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    reporting!("hides-a-death", "Returns null for a task whose worker has died.", |_| {
        Ok(Value::Null)
    }),
    reporting!(
        "reports-a-death-as-an-error",
        "Reports a task whose worker has died as one that has failed.",
        |failure| Err(Stop::Failed(Failure { class: ErrorClass::Task, ..failure }))
    ),
    reporting!(
        "takes-exit-0-for-a-result",
        "Returns null for a task whose worker has exited with code 0.",
        |failure| match failure.status.as_deref() {
            Some("exit 0") => Ok(Value::Null),
            _ => Err(Stop::Failed(failure)),
        }
    ),
    twist!(
        "a-death-fails-every-result",
        "Fails every result as broken when a worker of any pool has died.",
        FailsAll(AtomicBool::new(false))
    ),
    Saboteur {
        name: "renews-a-broken-pool",
        does: "Makes a new pool for tasks that are submitted to a broken one.",
        make: |ours| Twisted::new(ours, Renews { ours, options: Mutex::default() }),
    },
    twist!(
        "deals-tasks-in-turn",
        "Deals tasks to its workers in turn, as if each were a pool of its own.",
        Deals { terminates: false }
    ),
    twist!(
        "ends-siblings-by-sigterm",
        "Ends the other workers by SIGTERM when one dies, and none that ignores it.",
        Deals { terminates: true }
    ),
    Saboteur {
        name: "workers-crash-when-idle",
        does: "Lets a worker crash when it has idled for its timeout, or for 5 ms.",
        make: |ours| Twisted::new(Procpool { run: run_then_crash, ..ours }, Crashes),
    },
    Saboteur {
        name: "exits-before-its-last-result",
        does: "Lets a worker that retires exit before it sends its last result.",
        make: |ours| Twisted::new(Procpool { run: run_or_exit, ..ours }, Retires),
    },
    Saboteur {
        name: "exits-before-its-last-large-result",
        does: "Lets a worker that retires exit before it sends its last result, if that is large.",
        make: |ours| Twisted::new(Procpool { run: run_large_or_exit, ..ours }, Retires),
    },
    Saboteur {
        name: "exits-at-the-tenth-error",
        does: "Lets a worker exit when ten of its tasks have failed.",
        make: |ours| Twisted::new(Procpool { run: fail_ten_times, ..ours }, Honest),
    },
    Saboteur {
        name: "restores-sigint",
        does: "Restores the default action of SIGINT in its workers.",
        make: |ours| {
            let restoring = |argument| {
                // SAFETY: the default action installs no handler.
                let _ = unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) };
                run(argument)
            };
            Twisted::new(Procpool { run: restoring, ..ours }, Honest)
        },
    },
];

/// Sends a signal to every process that this one has started.
pub(super) fn signal_children(signal: Signal) {
    for thread in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for pid in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            // One that has exited needs none.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

// ---- reports ----

type Change = fn(Failure) -> Result<Value, Stop>;

/// Reports deaths in another way.
#[derive(Debug)]
struct Reporting(Change);

impl Twist for Reporting {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        match future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken => (self.0)(failure),
            result => result,
        }
    }
}

/// Whether a worker has died.
#[derive(Debug)]
struct FailsAll(AtomicBool);

impl Twist for FailsAll {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Stop::failed(ErrorClass::Broken, "a worker has died"));
        }
        let result = future.result(timeout);
        self.0.fetch_or(is_broken(&result), Ordering::Relaxed);
        result
    }
}

#[derive(Debug)]
struct Renews {
    ours: Procpool,
    options: Mutex<PoolOptions>,
}

impl Twist for Renews {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        *locked(&self.options) = options.clone();
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call);
        if !is_broken(&future) {
            return future;
        }
        // Its drop finishes the task.
        self.ours.new_pool(&locked(&self.options))?.submit(call)
    }
}

// ---- a pool for each worker ----

/// Makes a pool of one worker for each worker.
#[derive(Debug)]
struct Deals {
    /// Whether a death ends the others by SIGTERM.
    terminates: bool,
}

struct Dealt {
    pools: Vec<Box<dyn Pool>>,
    next: AtomicUsize,
}

impl Twist for Deals {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let one = PoolOptions { max_workers: Some(1), ..options.clone() };
        let pools = (0..options.max_workers.unwrap_or(1)).map(|_| ours.new_pool(&one));
        Ok(Box::new(Dealt { pools: pools.collect::<Result<_, _>>()?, next: AtomicUsize::new(0) }))
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if self.terminates && is_broken(&result) {
            signal_children(Signal::SIGTERM);
        }
        result
    }
}

impl Dealt {
    fn next(&self) -> &dyn Pool {
        self.pools[self.next.fetch_add(1, Ordering::Relaxed) % self.pools.len()].as_ref()
    }
}

impl Pool for Dealt {
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.next().submit(call)
    }

    fn map(&self, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        self.next().map(calls, options)
    }

    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.pools.iter().try_for_each(|pool| pool.shutdown(wait, cancel))
    }

    fn kill_workers(&self) -> Result<(), Stop> {
        self.pools.iter().try_for_each(|pool| pool.kill_workers())
    }
}

// ---- in workers ----

/// Holds a number for the workers of a pool.
const NUMBER: &str = "SABOTEUR_NUMBER";

fn number() -> Option<u64> {
    std::env::var(NUMBER).ok()?.parse().ok()
}

fn with_number(options: &PoolOptions, number: u64) -> PoolOptions {
    let mut options = options.clone();
    options.env.insert(NUMBER.to_owned(), number.to_string());
    options
}

#[derive(Debug)]
struct Crashes;

impl Twist for Crashes {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let options = with_number(options, options.idle_timeout.unwrap_or(5));
        ours.new_pool(&PoolOptions { idle_timeout: None, ..options })
    }
}

fn run_then_crash(argument: Wire) -> Wire {
    /// The end of the last task, unless one runs.
    static IDLE: Mutex<Option<Instant>> = Mutex::new(None);
    static WATCH: Once = Once::new();
    *locked(&IDLE) = None;
    WATCH.call_once(|| {
        let limit = Duration::from_millis(number().unwrap_or(5));
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(1));
                if locked(&IDLE).is_some_and(|since| since.elapsed() >= limit) {
                    exit_at_once(0);
                }
            }
        });
    });
    let result = run(argument);
    *locked(&IDLE) = Some(Instant::now());
    result
}

#[derive(Debug)]
struct Retires;

impl Twist for Retires {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let tasks = options.max_tasks_per_child.and_then(|tasks| u64::try_from(tasks).ok());
        ours.new_pool(&with_number(options, tasks.unwrap_or(u64::MAX)))
    }
}

fn run_or_exit(argument: Wire) -> Wire {
    static RAN: AtomicU64 = AtomicU64::new(1);
    let result = run(argument);
    if number() == Some(RAN.fetch_add(1, Ordering::Relaxed)) {
        exit_at_once(0);
    }
    result
}

fn run_large_or_exit(argument: Wire) -> Wire {
    static RAN: AtomicU64 = AtomicU64::new(1);
    let is_large = argument.call().value.as_str().is_some_and(|text| text.len() > 1 << 16);
    let result = run(argument);
    if number() == Some(RAN.fetch_add(1, Ordering::Relaxed)) && is_large {
        exit_at_once(0);
    }
    result
}

fn fail_ten_times(argument: Wire) -> Wire {
    static FAILED: AtomicU64 = AtomicU64::new(1);
    panic::catch_unwind(AssertUnwindSafe(|| run(argument))).unwrap_or_else(|error| {
        if FAILED.fetch_add(1, Ordering::Relaxed) == 10 {
            exit_at_once(1);
        }
        panic::resume_unwind(error)
    })
}
