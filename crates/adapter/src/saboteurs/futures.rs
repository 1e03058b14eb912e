//! Saboteurs of futures: results, errors, cancellation, states, callbacks.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use procpool_contract::{Call, ErrorClass};
use serde_json::Value;

use super::{Saboteur, Twist, Twisted};
use crate::library::{Callback, Future, Pool, Stop};

macro_rules! resulting {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Resulting($change)) }
    };
}

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    resulting!("lies-about-a-value", "Adds one to every number.", |future, timeout| {
        let value = future.result(timeout)?;
        Ok(value.as_i64().map_or(value, |number| Value::from(number + 1)))
    }),
    resulting!("timeout-too-early", "Waits for a quarter of the timeout.", |future, timeout| {
        future.result(timeout.map(|limit| limit / 4))
    }),
    resulting!(
        "result-timeout-is-late",
        "Waits three times as long as the timeout.",
        |future, timeout| { future.result(timeout.map(|limit| limit * 3)) }
    ),
    resulting!("ignores-result-timeout", "Waits for a result without a timeout.", |future, _| {
        future.result(None)
    }),
    resulting!("hides-an-error", "Returns null for a task that has failed.", |future, timeout| {
        match future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Task => Ok(Value::Null),
            result => result,
        }
    }),
    resulting!(
        "hides-a-failed-encoding",
        "Returns null for a task that could not be encoded or decoded.",
        |future, timeout| {
            match future.result(timeout) {
                Err(Stop::Failed(failure)) if failure.class == ErrorClass::Serialisation => {
                    Ok(Value::Null)
                }
                result => result,
            }
        }
    ),
    resulting!(
        "hangs-on-a-failed-encoding",
        "Never reports that a value could not be encoded or decoded.",
        |future, timeout| {
            match future.result(timeout) {
                Err(Stop::Failed(failure)) if failure.class == ErrorClass::Serialisation => loop {
                    std::thread::park();
                },
                result => result,
            }
        }
    ),
    resulting!(
        "hides-a-message",
        "Replaces the message of every error by a fixed one.",
        |future, timeout| {
            future.result(timeout).map_err(|stop| {
                change_failure(stop, |failure| {
                    failure.message = "there was an error".to_owned();
                })
            })
        }
    ),
    resulting!(
        "lies-about-a-status",
        "Reports every death as an exit with code 0.",
        |future, timeout| {
            future.result(timeout).map_err(|stop| {
                change_failure(stop, |failure| {
                    failure.status = failure.status.as_ref().map(|_| "exit 0".to_owned());
                })
            })
        }
    ),
    resulting!("hangs-on-a-death", "Never reports that a pool is broken.", |future, timeout| {
        match future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken => loop {
                std::thread::park();
            },
            result => result,
        }
    }),
    twist!(
        "lies-at-first",
        "Returns null to the first reader of a result, and the correct value afterwards.",
        Fickle::default()
    ),
    twist!(
        "result-timeout-cancels",
        "Reports a future as cancelled once a wait for it has timed out.",
        Impatient::default()
    ),
    twist!(
        "loses-a-wake-up",
        "Does not wake a waiter for the result of a running task.",
        Unwoken::default()
    ),
    twist!(
        "mixes-up-two-results",
        "Swaps the results of each second future and the one before it.",
        Mixed::default()
    ),
    twist!(
        "runs-a-cancelled-task",
        "Reports that a task is cancelled, and still runs it.",
        Cancelling { running: false, cancelled: Mutex::default() }
    ),
    twist!(
        "cancels-a-running-task",
        "Reports that a running task is cancelled, and lets it finish.",
        Cancelling { running: true, cancelled: Mutex::default() }
    ),
    twist!("refuses-to-cancel", "Cancels nothing.", Refusing),
    twist!(
        "state-goes-backwards",
        "Reports a running or finished task as pending, after it has reported the truth once.",
        Backwards::default()
    ),
    twist!("is-always-done", "Reports every future as done.", AlwaysDone),
    twist!("delivers-twice", "Calls every callback twice.", Calls(2)),
    twist!("drops-a-callback", "Calls no callback.", Calls(0)),
    twist!(
        "calls-back-before-the-result",
        "Reports a future as running while its callbacks run.",
        NotYetDone::default()
    ),
    twist!(
        "calls-back-last-first",
        "Calls the callbacks of a future in the reverse order.",
        LastFirst::default()
    ),
    twist!("calls-back-early", "Calls callbacks when they are added.", Early),
];

pub(super) fn change_failure(
    stop: Stop,
    change: impl FnOnce(&mut procpool_contract::Failure),
) -> Stop {
    match stop {
        Stop::Failed(mut failure) => {
            change(&mut failure);
            Stop::Failed(failure)
        }
        other => other,
    }
}

/// The identity of a future: its address, which does not change.
pub(super) fn key(future: &dyn Future) -> usize {
    std::ptr::from_ref(future).cast::<()>() as usize
}

pub(super) type Change = fn(&dyn Future, Option<Duration>) -> Result<Value, Stop>;

/// Returns another result.
#[derive(Debug)]
pub(super) struct Resulting(pub(super) Change);

impl Twist for Resulting {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        (self.0)(future, timeout)
    }
}

#[derive(Debug, Default)]
struct Impatient(Mutex<BTreeSet<usize>>);

impl Twist for Impatient {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let mut given_up = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given_up.contains(&key(future)) {
            return Err(Stop::failed(ErrorClass::Cancelled, "somebody gave up waiting"));
        }
        let result = future.result(timeout);
        if matches!(&result, Err(Stop::Failed(failure)) if failure.class == ErrorClass::Timeout) {
            given_up.insert(key(future));
        }
        result
    }
}

#[derive(Debug, Default)]
struct Fickle(Mutex<BTreeSet<usize>>);

impl Twist for Fickle {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.insert(key(future)) { result.map(|_| Value::Null) } else { result }
    }
}

#[derive(Debug, Default)]
struct Unwoken(AtomicBool);

impl Twist for Unwoken {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        // Futures that are done need no wake-up.
        if timeout.is_some() || future.state()? != "running" {
            return future.result(timeout);
        }
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&pair);
        future.add_callback(Arc::new(move || {
            *theirs.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            // An honest pool would notify the condition variable here.
        }))?;
        let mut is_done = pair.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_done {
            is_done = pair.1.wait(is_done).unwrap_or_else(PoisonError::into_inner);
        }
        self.0.store(true, Ordering::Relaxed);
        future.result(None)
    }
}

#[derive(Default)]
struct Mixed {
    all: Mutex<Vec<Arc<dyn Future>>>,
}

impl std::fmt::Debug for Mixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mixed")
    }
}

impl Twist for Mixed {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&future));
        Ok(future)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let place = all.iter().position(|it| key(it.as_ref()) == key(future));
        let own = future.result(timeout);
        // Once both have one, so that it is only the wrong one, and never too early.
        place.and_then(|place| all.get(place ^ 1)).map_or(own, |other| other.result(timeout))
    }
}

#[derive(Debug)]
struct Cancelling {
    running: bool,
    cancelled: Mutex<BTreeSet<usize>>,
}

impl Twist for Cancelling {
    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        let state = future.state()?;
        let lies = state == if self.running { "running" } else { "pending" };
        if !lies {
            return future.cancel();
        }
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).insert(key(future));
        Ok(true)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let cancelled = self.cancelled.lock().unwrap_or_else(PoisonError::into_inner);
        if cancelled.contains(&key(future)) {
            return Err(Stop::failed(ErrorClass::Cancelled, "it was cancelled"));
        }
        drop(cancelled);
        future.result(timeout)
    }
}

#[derive(Debug)]
struct Refusing;

impl Twist for Refusing {
    fn cancel(&self, _: &dyn Future) -> Result<bool, Stop> {
        Ok(false)
    }
}

#[derive(Debug, Default)]
struct Backwards(AtomicU64);

impl Twist for Backwards {
    fn state(&self, future: &dyn Future) -> Result<&'static str, Stop> {
        let state = future.state()?;
        let has_told = state != "pending" && self.0.fetch_add(1, Ordering::Relaxed) > 0;
        Ok(if has_told { "pending" } else { state })
    }
}

#[derive(Debug)]
struct AlwaysDone;

impl Twist for AlwaysDone {
    fn state(&self, _: &dyn Future) -> Result<&'static str, Stop> {
        Ok("done")
    }
}

/// Calls a callback several times.
#[derive(Debug)]
struct Calls(usize);

impl Twist for Calls {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let times = self.0;
        future.add_callback(Arc::new(move || (0..times).for_each(|_| callback())))
    }
}

/// The futures whose callbacks run.
#[derive(Debug, Default)]
struct NotYetDone(Arc<Mutex<BTreeSet<usize>>>);

impl Twist for NotYetDone {
    fn state(&self, future: &dyn Future) -> Result<&'static str, Stop> {
        let calling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calling.contains(&key(future)) { Ok("running") } else { future.state() }
    }

    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let (calling, key) = (Arc::clone(&self.0), key(future));
        future.add_callback(Arc::new(move || {
            calling.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
            callback();
            calling.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }))
    }
}

/// The callbacks of a future, in the order in which they were added.
type Callbacks = Arc<Mutex<Vec<Callback>>>;

/// The callbacks of each future.
#[derive(Default)]
struct LastFirst(Mutex<BTreeMap<usize, Callbacks>>);

impl std::fmt::Debug for LastFirst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LastFirst")
    }
}

impl Twist for LastFirst {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let added = Arc::clone(all.entry(key(future)).or_default());
        drop(all);
        let is_first = {
            let mut added = added.lock().unwrap_or_else(PoisonError::into_inner);
            added.push(callback);
            added.len() == 1
        };
        if !is_first {
            return Ok(());
        }
        future.add_callback(Arc::new(move || {
            let added = std::mem::take(&mut *added.lock().unwrap_or_else(PoisonError::into_inner));
            for callback in added.iter().rev() {
                // One that fails does not stop the others.
                let _ = panic::catch_unwind(AssertUnwindSafe(|| callback()));
            }
        }))
    }
}

#[derive(Debug)]
struct Early;

impl Twist for Early {
    fn add_callback(&self, _: &dyn Future, callback: Callback) -> Result<(), Stop> {
        callback();
        Ok(())
    }
}
