//! Saboteurs that misbehave after one event, or when two uses come together.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use procpool_contract::{Call, ErrorClass, Failure, MapOptions, Outcome, PoolOptions, Until};
use serde_json::Value;

use super::futures::{change_failure, key};
use super::ours::Procpool;
use super::stops::hang;
use super::twist::{is_broken, locked};
use super::waits::Waiting;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Callback, Future, Library, Map, Pool, Stop};

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    twist!(
        "a-wait-replaces-another",
        "Never returns from a wait without a timeout during which another one begins.",
        Replaces(AtomicUsize::new(0))
    ),
    twist!(
        "wait-for-nothing-hangs",
        "Never returns from a wait for no future.",
        Waiting(|ours, futures, until, timeout| match futures {
            [] => hang(),
            _ => ours.wait(futures, until, timeout),
        })
    ),
    twist!(
        "a-death-wakes-one",
        "Wakes one of several waiters for the result of a task whose worker dies.",
        DeathWakesOne(Mutex::default())
    ),
    twist!(
        "cancels-tasks-of-a-broken-pool",
        "Reports that it has cancelled a task that has failed as broken.",
        CancelsBroken
    ),
    twist!(
        "map-is-empty-when-broken",
        "Returns nothing from a map when it is broken.",
        EmptyWhenBroken
    ),
    twist!(
        "forgets-the-shutdown-of-an-unused-pool",
        "Does not shut a pool down if the last one had no task.",
        ForgetsUnused(AtomicUsize::new(0))
    ),
    twist!(
        "makes-no-pool-after-a-refused-one",
        "Never returns from making the pool after one that it has refused.",
        LocksItself(AtomicUsize::new(0))
    ),
    twist!(
        "leaks-with-a-rejected-task",
        "Opens a file with each task that it rejects, and does not close it.",
        LeaksRejected
    ),
    twist!(
        "calls-nothing-after-three-failed-callbacks",
        "Calls no more callbacks when three have failed.",
        Shocked(Arc::default())
    ),
    twist!(
        "shows-the-place-of-ten-errors",
        "Hides where a task failed when ten errors were read.",
        TenPlaces(AtomicUsize::new(0))
    ),
    twist!(
        "repeats-a-failed-encoding",
        "Reports a failed encoding again as the error of the next task that fails.",
        RepeatsEncoding(Mutex::default())
    ),
    twist!(
        "keeps-the-limit-of-the-first-pool",
        "Retires the workers of every pool after as many tasks as those of the first one.",
        FirstLimit(Mutex::default())
    ),
    twist!(
        "initializes-once-for-equal-pools",
        "Calls no initializer in a pool whose initializer is that of an earlier one.",
        OncePerInitializer(Mutex::default())
    ),
    twist!("prints-cancellations", "Prints that its shutdown cancels tasks.", PrintsCancellations),
    twist!(
        "map-forgets-a-timeout-that-is-over",
        "Never returns from a map whose timeout was over before the item was asked for.",
        ForgetsTimeout
    ),
];

/// The number of waits that have begun.
#[derive(Debug)]
struct Replaces(AtomicUsize);

impl Replaces {
    fn unless_replaced<T>(&self, limited: bool, wait: impl FnOnce() -> T) -> T {
        let own = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let done = wait();
        if !limited && self.0.load(Ordering::Relaxed) > own {
            hang();
        }
        done
    }
}

impl Twist for Replaces {
    fn wait(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        self.unless_replaced(timeout.is_some(), || ours.wait(futures, until, timeout))
    }

    fn as_completed(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        self.unless_replaced(timeout.is_some(), || ours.as_completed(futures, timeout))
    }
}

/// The futures that somebody waits for.
#[derive(Debug)]
struct DeathWakesOne(Mutex<Vec<usize>>);

impl Twist for DeathWakesOne {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let waits = timeout.is_none() && future.state()? != "done";
        let is_first = !waits || {
            let mut waited = locked(&self.0);
            let is_first = !waited.contains(&key(future));
            waited.push(key(future));
            is_first
        };
        let result = future.result(timeout);
        if !is_first && is_broken(&result) {
            hang();
        }
        // Another future may get its address.
        locked(&self.0).retain(|waited| *waited != key(future));
        result
    }
}

#[derive(Debug)]
struct CancelsBroken;

impl Twist for CancelsBroken {
    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        if is_broken(&future.result(Some(Duration::ZERO))) { Ok(true) } else { future.cancel() }
    }
}

#[derive(Debug)]
struct EmptyWhenBroken;

impl Twist for EmptyWhenBroken {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        match pool.map(calls, options) {
            failed if is_broken(&failed) => Ok(Box::new(std::iter::empty())),
            Ok(items) => {
                let broken = |item: &Outcome| matches!(item, Outcome::Error(it) if it.class == ErrorClass::Broken);
                Ok(Box::new(items.filter(move |item| !broken(item))))
            }
            failed => failed,
        }
    }
}

/// The tasks and maps of the last pool.
#[derive(Debug)]
struct ForgetsUnused(AtomicUsize);

impl Twist for ForgetsUnused {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        self.0.store(0, Ordering::Relaxed);
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.0.fetch_add(1, Ordering::Relaxed);
        pool.submit(call)
    }

    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        self.0.fetch_add(1, Ordering::Relaxed);
        pool.map(calls, options)
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => pool.shutdown(wait, cancel),
        }
    }
}

/// The pools that were refused.
#[derive(Debug)]
struct LocksItself(AtomicUsize);

impl Twist for LocksItself {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        if self.0.load(Ordering::Relaxed) > 0 {
            hang();
        }
        ours.new_pool(options).inspect_err(|_| _ = self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct LeaksRejected;

impl Twist for LeaksRejected {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        pool.submit(call).inspect_err(|_| std::mem::forget(File::open("/dev/null")))
    }
}

/// The number of callbacks that have failed.
#[derive(Debug)]
struct Shocked(Arc<AtomicUsize>);

impl Twist for Shocked {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let failed = Arc::clone(&self.0);
        future.add_callback(Arc::new(move || {
            if failed.load(Ordering::Relaxed) > 2 {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| callback())) {
                failed.fetch_add(1, Ordering::Relaxed);
                resume_unwind(panic);
            }
        }))
    }
}

/// The number of errors that were read.
#[derive(Debug)]
struct TenPlaces(AtomicUsize);

impl Twist for TenPlaces {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        future.result(timeout).map_err(|stop| {
            let seen = self.0.fetch_add(1, Ordering::Relaxed);
            change_failure(stop, |failure| {
                failure.trace = failure.trace.take().filter(|_| seen < 10)
            })
        })
    }
}

/// The last failed encoding.
#[derive(Debug)]
struct RepeatsEncoding(Mutex<Option<Failure>>);

impl Twist for RepeatsEncoding {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let mut kept = locked(&self.0);
        match &result {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Serialisation => {
                *kept = Some(failure.clone());
            }
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Task => {
                if let Some(failure) = kept.take() {
                    return Err(Stop::Failed(failure));
                }
            }
            _ => {}
        }
        result
    }
}

#[derive(Debug)]
struct FirstLimit(Mutex<Option<PoolOptions>>);

impl Twist for FirstLimit {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut first = locked(&self.0);
        let max_tasks_per_child = first.get_or_insert_with(|| options.clone()).max_tasks_per_child;
        ours.new_pool(&PoolOptions { max_tasks_per_child, ..options.clone() })
    }
}

/// The initializers of all pools.
#[derive(Debug)]
struct OncePerInitializer(Mutex<Vec<String>>);

impl Twist for OncePerInitializer {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut seen = locked(&self.0);
        let is_new = |call: &Call| {
            let call = call.to_json();
            let is_new = !seen.contains(&call);
            seen.push(call);
            is_new
        };
        let initializer = options.initializer.clone().filter(is_new);
        ours.new_pool(&PoolOptions { initializer, ..options.clone() })
    }
}

#[derive(Debug)]
struct PrintsCancellations;

impl Twist for PrintsCancellations {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        if cancel {
            eprintln!("the pending tasks are cancelled");
        }
        pool.shutdown(wait, cancel)
    }
}

#[derive(Debug)]
struct ForgetsTimeout;

impl Twist for ForgetsTimeout {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let limit = options.timeout.filter(|limit| *limit > 0).map(Duration::from_millis);
        let (begin, mut items) = (Instant::now(), pool.map(calls, options)?);
        Ok(Box::new(std::iter::from_fn(move || {
            if limit.is_some_and(|limit| begin.elapsed() > limit) {
                hang();
            }
            items.next()
        })))
    }
}
