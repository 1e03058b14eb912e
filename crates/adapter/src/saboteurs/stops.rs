//! Saboteurs of calls to shut down and to kill workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use procpool_contract::{Call, ErrorClass, PoolOptions};
use serde_json::Value;

use super::deaths::signal_children;
use super::ours::Procpool;
use super::twist::{is_broken, locked};
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Pool, Stop};

macro_rules! stopping {
    ($name:literal, $does:literal, $stop:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| Twisted::new(ours, Stopping { used: Used::default(), stop: $stop }),
        }
    };
}

macro_rules! killing {
    ($name:literal, $does:literal, $kill:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| Twisted::new(ours, Killing { used: Used::default(), kill: $kill }),
        }
    };
}

macro_rules! lying {
    ($name:literal, $does:literal, $after_kill:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| {
                let stopped = AtomicBool::new(false);
                Twisted::new(ours, Lying { after_kill: $after_kill, stopped })
            },
        }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    stopping!("shutdown-needs-a-task", "Fails to shut down if it had no task.", |used, stop| {
        if locked(&used.futures).is_empty() {
            return Err(Stop::failed(ErrorClass::Other, "there is no worker to end"));
        }
        stop.carry_out()
    }),
    stopping!(
        "shutdown-reports-a-death",
        "Fails to shut down if a worker has died.",
        |used, stop| {
            stop.carry_out()?;
            used.results().into_iter().filter(is_broken).try_for_each(|broken| broken.map(|_| ()))
        }
    ),
    stopping!("shuts-down-only-once", "Refuses every shutdown after the first.", |used, stop| {
        if used.stops.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(Stop::failed(ErrorClass::Rejected, "it is shut down"));
        }
        stop.carry_out()
    }),
    stopping!(
        "shutdown-hangs-behind-pending-tasks",
        "Never returns from a shutdown with more unfinished tasks than workers.",
        |used, stop| {
            let workers = locked(&used.options).max_workers.unwrap_or(1);
            let unfinished = used.results().iter().filter(|it| is_timeout(it)).count();
            if i64::try_from(unfinished).is_ok_and(|unfinished| unfinished > workers) {
                hang();
            }
            stop.carry_out()
        }
    ),
    stopping!(
        "shutdown-hangs-after-a-cancellation",
        "Never returns from a shutdown if a task was cancelled.",
        |used, stop| {
            if used.cancelled.load(Ordering::Relaxed) {
                hang();
            }
            stop.carry_out()
        }
    ),
    stopping!(
        "shutdown-hangs-with-an-idle-timeout",
        "Never returns from a shutdown if its workers exit when they idle.",
        |used, stop| {
            if locked(&used.options).idle_timeout.is_some() {
                hang();
            }
            stop.carry_out()
        }
    ),
    stopping!(
        "shutdown-keeps-workers",
        "Waits for the tasks in a shutdown, and ends no worker.",
        |used, stop| {
            if stop.wait {
                for (_, future) in locked(&used.futures).iter().filter(|it| it.0 == key(stop.pool))
                {
                    // It may fail.
                    let _ = future.result(None);
                }
            }
            Ok(())
        }
    ),
    killing!("kill-needs-a-worker", "Fails to kill its workers if it has none.", |used, pool| {
        let had_none = locked(&used.futures).is_empty() || used.results().iter().any(is_broken);
        if had_none {
            return Err(Stop::failed(ErrorClass::Other, "there is no worker to kill"));
        }
        pool.kill_workers()
    }),
    killing!(
        "kill-spares-workers-that-retire",
        "Kills no worker when it is asked to, if its workers retire.",
        |used, pool| match locked(&used.options).max_tasks_per_child {
            Some(_) => Ok(()),
            None => pool.kill_workers(),
        }
    ),
    killing!(
        "kill-waits-for-large-arguments",
        "Waits for the tasks with large arguments when it is asked to kill its workers.",
        |used, pool| {
            for future in locked(&used.large).iter() {
                // It may fail.
                let _ = future.result(None);
            }
            pool.kill_workers()
        }
    ),
    killing!(
        "kills-by-sigterm",
        "Sends SIGTERM to its workers when it is asked to kill them.",
        |_, _| {
            signal_children(Signal::SIGTERM);
            Ok(())
        }
    ),
    lying!(
        "kill-returns-null",
        "Returns null for the tasks whose workers are killed by a call.",
        true
    ),
    lying!(
        "shutdown-cancels-what-is-done",
        "Reports every task as cancelled after a shutdown that cancels.",
        false
    ),
];

/// The events of the pool so far.
#[derive(Default)]
struct Used {
    options: Mutex<PoolOptions>,
    /// Each with the pool to which it was submitted.
    futures: Mutex<Vec<(usize, Arc<dyn Future>)>>,
    /// Those with a large argument.
    large: Mutex<Vec<Arc<dyn Future>>>,
    cancelled: AtomicBool,
    stops: AtomicUsize,
}

impl std::fmt::Debug for Used {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Used")
    }
}

impl Used {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        locked(&self.futures).push((key(pool), Arc::clone(&future)));
        if call.value.as_str().is_some_and(|text| text.len() > 1 << 20) {
            locked(&self.large).push(Arc::clone(&future));
        }
        Ok(future)
    }

    /// The results so far; those of unfinished tasks are timeouts.
    fn results(&self) -> Vec<Result<Value, Stop>> {
        let now = Some(Duration::ZERO);
        locked(&self.futures).iter().map(|(_, future)| future.result(now)).collect()
    }
}

/// The identity of a pool: its address, which does not change.
fn key(pool: &dyn Pool) -> usize {
    std::ptr::from_ref(pool).cast::<()>() as usize
}

fn is_timeout(result: &Result<Value, Stop>) -> bool {
    matches!(result, Err(Stop::Failed(failure)) if failure.class == ErrorClass::Timeout)
}

pub(super) fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// A shutdown of a pool.
struct Shutdown<'a> {
    pool: &'a dyn Pool,
    wait: bool,
    cancel: bool,
}

impl Shutdown<'_> {
    fn carry_out(&self) -> Result<(), Stop> {
        self.pool.shutdown(self.wait, self.cancel)
    }
}

/// Shuts down in another way.
#[derive(Debug)]
struct Stopping {
    used: Used,
    stop: fn(&Used, &Shutdown<'_>) -> Result<(), Stop>,
}

impl Twist for Stopping {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        *locked(&self.used.options) = options.clone();
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.used.submit(pool, call)
    }

    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        let is_cancelled = future.cancel()?;
        self.used.cancelled.fetch_or(is_cancelled, Ordering::Relaxed);
        Ok(is_cancelled)
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        (self.stop)(&self.used, &Shutdown { pool, wait, cancel })
    }
}

/// Kills workers in another way.
#[derive(Debug)]
struct Killing {
    used: Used,
    kill: fn(&Used, &dyn Pool) -> Result<(), Stop>,
}

impl Twist for Killing {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        *locked(&self.used.options) = options.clone();
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.used.submit(pool, call)
    }

    fn kill_workers(&self, pool: &dyn Pool) -> Result<(), Stop> {
        (self.kill)(&self.used, pool)
    }
}

/// Reports other results after workers were killed by a call, or after a shutdown that cancels.
#[derive(Debug)]
struct Lying {
    after_kill: bool,
    stopped: AtomicBool,
}

impl Twist for Lying {
    fn kill_workers(&self, pool: &dyn Pool) -> Result<(), Stop> {
        self.stopped.fetch_or(self.after_kill, Ordering::Relaxed);
        pool.kill_workers()
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        let result = pool.shutdown(wait, cancel);
        self.stopped.fetch_or(cancel && !self.after_kill, Ordering::Relaxed);
        result
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        match (self.stopped.load(Ordering::Relaxed), self.after_kill) {
            (false, _) => result,
            (true, true) => Ok(result.unwrap_or(Value::Null)),
            (true, false) => Err(Stop::failed(ErrorClass::Cancelled, "it was shut down")),
        }
    }
}
