//! Saboteurs that misbehave later: after a number of times, or in the next pool or map.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use procpool_contract::{
    Body, Call, ErrorClass, FOLDER_VARIABLE, Failure, MapOptions, Outcome, PoolOptions,
};
use serde_json::Value;

use super::ours::Procpool;
use super::tasks::Done;
use super::twist::locked;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::{self, initialize, run};
use crate::library::{Future, Library, Map, Pool, Stop};
use crate::wire::Wire;

pub(super) const ALL: &[Saboteur] = &[
    Saboteur {
        name: "hides-the-101st-error",
        does: "Returns null for tasks that fail when a hundred have.",
        make: |ours| Twisted::new(ours, AfterErrors { seen: Mutex::default(), hides: true }),
    },
    Saboteur {
        name: "repeats-the-first-message",
        does: "Gives every error of a task the message of the first one.",
        make: |ours| Twisted::new(ours, AfterErrors { seen: Mutex::default(), hides: false }),
    },
    Saboteur {
        name: "cancels-nothing-after-100-tasks",
        does: "Cancels no task when a hundred have been submitted.",
        make: |ours| Twisted::new(ours, Tires(AtomicUsize::new(0))),
    },
    Saboteur {
        name: "map-loses-the-1001st-item",
        does: "Loses the 1,001st item of a map.",
        make: |ours| Twisted::new(ours, Loses),
    },
    Saboteur {
        name: "second-pool-has-one-worker",
        does: "Makes the second pool of a program with one worker.",
        make: |ours| Twisted::new(ours, Narrow(AtomicUsize::new(0))),
    },
    Saboteur {
        name: "initializes-only-twelve-workers",
        does: "Calls the initializer in twelve workers, and in no later one.",
        make: |ours| {
            let twelve = |call| if earlier_workers() < 12 { initialize(call) } else { Ok(()) };
            Twisted::new(Procpool { initialize: twelve, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "forgets-its-state-at-the-50th-task",
        does: "Resets a worker before its fiftieth task.",
        make: |ours| Twisted::new(Procpool { run: forgetful, ..ours }, Honest),
    },
    Saboteur {
        name: "initargs-grow",
        does: "Appends to the list of initargs whenever a worker has used it.",
        make: |ours| Twisted::new(Procpool { initialize: growing, ..ours }, Honest),
    },
    Saboteur {
        name: "next-pool-runs-the-initializer-before",
        does: "Calls the initializer of an earlier pool in a pool without one.",
        make: |ours| Twisted::new(ours, KeepsInitializer(Mutex::default())),
    },
    Saboteur {
        name: "breaks-after-a-failed-initializer",
        does: "Fails every task of the pools after one whose initializer fails.",
        make: |ours| Twisted::new(ours, BreaksAfter(AtomicUsize::new(0))),
    },
    Saboteur {
        name: "repeats-an-error-in-the-next-pool",
        does: "Reports the last error of a task again, for the first task of the next pool.",
        make: |ours| Twisted::new(ours, RepeatsError(Mutex::default())),
    },
    Saboteur {
        name: "map-is-empty-after-a-failed-one",
        does: "Returns nothing from the first map after one that failed.",
        make: |ours| Twisted::new(ours, EmptyAfter(Arc::default())),
    },
    Saboteur {
        name: "map-continues-a-closed-one",
        does: "Returns the items that nobody took from a closed map in the next one.",
        make: |ours| Twisted::new(ours, Continues(Arc::default())),
    },
    Saboteur {
        name: "two-maps-swap-an-item",
        does: "Swaps the second items of two maps that are open at the same time.",
        make: |ours| Twisted::new(ours, Swaps(Open::default())),
    },
];

// ---- in workers ----

/// Returns how many workers of the program were initialized before this one. Each takes a number as a file
/// that only it can create.
fn earlier_workers() -> usize {
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(PathBuf::new, PathBuf::from);
    let is_taken = |number: &usize| {
        let place = folder.join(format!("initialized-{number}"));
        OpenOptions::new().write(true).create_new(true).open(place).is_err()
    };
    (0..1000).take_while(is_taken).count()
}

fn growing(call: String) -> Result<(), String> {
    let mut call = Call::from_json(call.as_bytes())?;
    if let Value::Array(values) = &mut call.value {
        values.extend((0..earlier_workers()).map(|_| Value::from("used")));
    }
    initialize(call.to_json())
}

fn forgetful(argument: Wire) -> Wire {
    static RAN: AtomicU64 = AtomicU64::new(0);
    if RAN.fetch_add(1, Ordering::Relaxed) == 49 {
        body::forget();
    }
    run(argument)
}

// ---- after a number of times ----

/// Behaves otherwise when there were errors of tasks.
#[derive(Debug)]
struct AfterErrors {
    /// Their number, and the message of the first.
    seen: Mutex<(u64, String)>,
    hides: bool,
}

impl Twist for AfterErrors {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let stop = match future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Task => failure,
            result => return result,
        };
        let mut seen = locked(&self.seen);
        seen.0 += 1;
        if seen.0 == 1 {
            seen.1.clone_from(&stop.message);
        }
        if self.hides && seen.0 > 100 {
            return Ok(Value::Null);
        }
        let message = if self.hides { stop.message.clone() } else { seen.1.clone() };
        Err(Stop::Failed(Failure { message, ..stop }))
    }
}

/// Counts tasks.
#[derive(Debug)]
struct Tires(AtomicUsize);

impl Twist for Tires {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.0.fetch_add(1, Ordering::Relaxed);
        pool.submit(call)
    }

    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        if self.0.load(Ordering::Relaxed) > 100 { Ok(false) } else { future.cancel() }
    }
}

#[derive(Debug)]
struct Loses;

impl Twist for Loses {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let items = pool.map(calls, options)?.enumerate();
        Ok(Box::new(items.filter(|(place, _)| *place != 1000).map(|(_, item)| item)))
    }
}

/// Counts pools.
#[derive(Debug)]
struct Narrow(AtomicUsize);

impl Twist for Narrow {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let max_workers = match self.0.fetch_add(1, Ordering::Relaxed) {
            1 => Some(1),
            _ => options.max_workers,
        };
        ours.new_pool(&PoolOptions { max_workers, ..options.clone() })
    }
}

// ---- in the next pool ----

#[derive(Debug)]
struct KeepsInitializer(Mutex<Option<Call>>);

impl Twist for KeepsInitializer {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut kept = locked(&self.0);
        let initializer = options.initializer.clone().or_else(|| kept.clone());
        kept.clone_from(&initializer);
        ours.new_pool(&PoolOptions { initializer, ..options.clone() })
    }
}

/// Counts pools from the first one whose initializer fails.
#[derive(Debug)]
struct BreaksAfter(AtomicUsize);

impl Twist for BreaksAfter {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let fails = options.initializer.as_ref().is_some_and(|call| call.run == Body::Fail);
        if fails || self.0.load(Ordering::Relaxed) > 0 {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        if self.0.load(Ordering::Relaxed) < 2 {
            return pool.submit(call);
        }
        let broken = Stop::failed(ErrorClass::Broken, "an initializer has failed");
        Ok(Arc::new(Done(Err(broken))))
    }
}

/// The last error, and the one to repeat.
#[derive(Debug)]
struct RepeatsError(Mutex<[Option<Failure>; 2]>);

impl Twist for RepeatsError {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut errors = locked(&self.0);
        errors[1] = errors[0].take();
        ours.new_pool(options)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let mut errors = locked(&self.0);
        if let Some(failure) = errors[1].take() {
            return Err(Stop::Failed(failure));
        }
        if let Err(Stop::Failed(failure)) = &result
            && failure.class == ErrorClass::Task
        {
            errors[0] = Some(failure.clone());
        }
        result
    }
}

// ---- in the next map ----

/// Whether a map has failed.
#[derive(Debug)]
struct EmptyAfter(Arc<Mutex<bool>>);

impl Twist for EmptyAfter {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        if std::mem::take(&mut *locked(&self.0)) {
            return Ok(Box::new(std::iter::empty()));
        }
        let has_failed = Arc::clone(&self.0);
        Ok(Box::new(pool.map(calls, options)?.inspect(move |item| {
            *locked(&has_failed) |= matches!(item, Outcome::Error(_));
        })))
    }
}

/// The items of a map that nobody took.
type Rest = Arc<Mutex<Vec<Outcome>>>;

#[derive(Debug)]
struct Continues(Rest);

/// A map that keeps its items when it is closed.
struct Kept {
    items: Map,
    rest: Rest,
}

impl Iterator for Kept {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        self.items.next()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        locked(&self.rest).extend(self.items.by_ref());
    }
}

impl Twist for Continues {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let rest = std::mem::take(&mut *locked(&self.0));
        let items = Box::new(rest.into_iter().chain(pool.map(calls, options)?));
        Ok(Box::new(Kept { items, rest: Arc::clone(&self.0) }))
    }
}

type Shared = Mutex<Map>;
type Open = Arc<Mutex<Vec<Weak<Shared>>>>;

/// The maps that were opened.
struct Swaps(Open);

impl std::fmt::Debug for Swaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Swaps")
    }
}

impl Twist for Swaps {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let own = Arc::new(Mutex::new(pool.map(calls, options)?));
        locked(&self.0).push(Arc::downgrade(&own));
        Ok(Box::new(Swapped { own, open: Arc::clone(&self.0), taken: 0 }))
    }
}

/// A map that takes its second item from another one that is open.
struct Swapped {
    own: Arc<Shared>,
    open: Open,
    taken: usize,
}

impl Iterator for Swapped {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        self.taken += 1;
        let open: Vec<Arc<Shared>> = locked(&self.open).iter().filter_map(Weak::upgrade).collect();
        let other = open.iter().find(|map| self.taken == 2 && !Arc::ptr_eq(map, &self.own));
        locked(other.unwrap_or(&self.own)).next()
    }
}
