//! Saboteurs of the end of a pool, and of its reaction to a worker's death.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use procpool_contract::{Call, ErrorClass, MapOptions, PoolOptions};
use serde_json::Value;

use super::ours::Procpool;
use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::body::exit_at_once;
use crate::library::{Callback, Future, Library, Map, Pool, Stop};

macro_rules! ending {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Ending($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    ending!("shutdown-does-not-wait", "Returns from every shutdown at once.", |pool, _, cancel| {
        pool.shutdown(false, cancel)
    }),
    Saboteur {
        name: "shutdown-waits-for-a-second",
        does: "Returns from every shutdown after a second at most.",
        make: |ours| Twisted::new(ours, ForASecond::default()),
    },
    Saboteur {
        name: "second-shutdown-does-not-wait",
        does: "Returns at once from a shutdown while another one waits.",
        make: |ours| Twisted::new(ours, OnlyOnce::default()),
    },
    ending!("shutdown-always-waits", "Waits in every shutdown.", |pool, _, cancel| {
        pool.shutdown(true, cancel)
    }),
    ending!(
        "shutdown-always-cancels",
        "Cancels pending tasks in every shutdown.",
        |pool, wait, _| { pool.shutdown(wait, true) }
    ),
    ending!(
        "shutdown-never-cancels",
        "Runs pending tasks, although it is asked to cancel them.",
        |pool, wait, _| { pool.shutdown(wait, false) }
    ),
    ending!("shutdown-kills", "Kills the workers in every shutdown.", |pool, wait, cancel| {
        pool.kill_workers()?;
        pool.shutdown(wait, cancel)
    }),
    ending!(
        "ends-badly",
        "Makes the program exit with an error after a shutdown.",
        |pool, wait, cancel| {
            extern "C" fn end_badly() {
                exit_at_once(1)
            }
            // SAFETY: the function exists until the end of the program.
            unsafe { nix::libc::atexit(end_badly) };
            pool.shutdown(wait, cancel)
        }
    ),
    Saboteur {
        name: "accepts-after-shutdown",
        does: "Makes a new pool for tasks and maps that are submitted after shutdown.",
        make: |ours| Twisted::new(ours, Reopens::new(ours, false)),
    },
    Saboteur {
        name: "accepts-after-a-kill",
        does: "Makes a new pool for tasks that are submitted after its workers were killed by a call.",
        make: |ours| Twisted::new(ours, Reopens::new(ours, true)),
    },
    Saboteur {
        name: "retries-silently",
        does: "Runs a task again, in a new pool, when its worker has died.",
        make: |ours| {
            let options = Mutex::default();
            Twisted::new(ours, Retries { ours, options, initializes: true })
        },
    },
    Saboteur {
        name: "retries-without-the-initializer",
        does: "Runs a task again, in a pool without an initializer, when its worker has died.",
        make: |ours| {
            let options = Mutex::default();
            Twisted::new(ours, Retries { ours, options, initializes: false })
        },
    },
];

type Change = fn(&dyn Pool, bool, bool) -> Result<(), Stop>;

#[derive(Debug)]
struct Ending(Change);

impl Twist for Ending {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        (self.0)(pool, wait, cancel)
    }
}

#[derive(Debug)]
struct Reopens {
    ours: Procpool,
    /// Whether it opens again after a kill, or else after a shutdown.
    after_kill: bool,
    closed: AtomicBool,
}

impl Reopens {
    fn new(ours: Procpool, after_kill: bool) -> Self {
        Self { ours, after_kill, closed: AtomicBool::new(false) }
    }

    fn open(&self) -> Result<Box<dyn Pool>, Stop> {
        let options = PoolOptions { max_workers: Some(1), ..PoolOptions::default() };
        self.ours.new_pool(&options)
    }
}

impl Twist for Reopens {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.closed.fetch_or(!self.after_kill, Ordering::Relaxed);
        pool.shutdown(wait, cancel)
    }

    fn kill_workers(&self, pool: &dyn Pool) -> Result<(), Stop> {
        self.closed.fetch_or(self.after_kill, Ordering::Relaxed);
        pool.kill_workers()
    }

    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        if !self.closed.load(Ordering::Relaxed) {
            return pool.map(calls, options);
        }
        let another = self.open()?;
        let items = another.map(calls, options)?;
        another.shutdown(true, false)?;
        Ok(items)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        if !self.closed.load(Ordering::Relaxed) {
            return pool.submit(call);
        }
        let another = self.open()?;
        let future = another.submit(call)?;
        another.shutdown(true, false)?;
        Ok(future)
    }
}

#[derive(Debug)]
struct Retries {
    ours: Procpool,
    options: Mutex<PoolOptions>,
    /// Whether the new pool has the initializer of the old one.
    initializes: bool,
}

/// The future of a task that is run again.
struct Retried {
    future: Arc<dyn Future>,
    call: Call,
    ours: Procpool,
    options: PoolOptions,
}

impl Twist for Retries {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let initializer = options.initializer.clone().filter(|_| self.initializes);
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) =
            PoolOptions { initializer, ..options.clone() };
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let options = self.options.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (future, call, ours) = (pool.submit(call)?, call.clone(), self.ours);
        Ok(Arc::new(Retried { future, call, ours, options }))
    }
}

impl Future for Retried {
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        match self.future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken => {
                self.ours.new_pool(&self.options)?.submit(&self.call)?.result(timeout)
            }
            result => result,
        }
    }

    fn cancel(&self) -> Result<bool, Stop> {
        self.future.cancel()
    }

    fn state(&self) -> Result<&'static str, Stop> {
        self.future.state()
    }

    fn add_callback(&self, callback: Callback) -> Result<(), Stop> {
        self.future.add_callback(callback)
    }
}

/// All futures.
#[derive(Default)]
struct ForASecond(Mutex<Vec<Arc<dyn Future>>>);

impl std::fmt::Debug for ForASecond {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ForASecond")
    }
}

impl Twist for ForASecond {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        locked(&self.0).push(Arc::clone(&future));
        Ok(future)
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        pool.shutdown(false, cancel)?;
        let end = Instant::now() + Duration::from_secs(1);
        for future in locked(&self.0).iter().filter(|_| wait) {
            // Its outcome is of no interest here.
            let _ = future.result(Some(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// Whether a shutdown has begun.
#[derive(Debug, Default)]
struct OnlyOnce(AtomicBool);

impl Twist for OnlyOnce {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        let is_first = !self.0.swap(true, Ordering::Relaxed);
        if is_first { pool.shutdown(wait, cancel) } else { Ok(()) }
    }
}
