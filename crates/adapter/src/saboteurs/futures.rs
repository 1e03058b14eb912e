//! Saboteurs of futures: results, errors, cancellation, states, callbacks.

use std::collections::BTreeSet;
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
    resulting!("timeout-too-early", "Waits a quarter as long as it is told.", |future, timeout| {
        future.result(timeout.map(|limit| limit / 4))
    }),
    resulting!("ignores-result-timeout", "Waits for a result as long as it takes.", |future, _| {
        future.result(None)
    }),
    resulting!(
        "hides-an-error",
        "Gives null for the result of a task that has failed.",
        |future, timeout| {
            match future.result(timeout) {
                Err(Stop::Failed(failure)) if failure.class == ErrorClass::Task => Ok(Value::Null),
                result => result,
            }
        }
    ),
    resulting!(
        "hides-a-failed-encoding",
        "Gives null for the result of a task that could not be encoded or decoded.",
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
        "Never tells that something could not be encoded or decoded.",
        |future, timeout| {
            match future.result(timeout) {
                Err(Stop::Failed(failure)) if failure.class == ErrorClass::Serialisation => loop {
                    std::thread::park();
                },
                result => result,
            }
        }
    ),
    resulting!("hides-a-message", "Says of every error that there was one.", |future, timeout| {
        future.result(timeout).map_err(|stop| {
            change_failure(stop, |failure| {
                failure.message = "there was an error".to_owned();
            })
        })
    }),
    resulting!(
        "lies-about-a-status",
        "Says of every death that it was an exit with code 0.",
        |future, timeout| {
            future.result(timeout).map_err(|stop| {
                change_failure(stop, |failure| {
                    failure.status = failure.status.as_ref().map(|_| "exit 0".to_owned());
                })
            })
        }
    ),
    resulting!("hangs-on-a-death", "Never tells that a pool is broken.", |future, timeout| {
        match future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken => loop {
                std::thread::park();
            },
            result => result,
        }
    }),
    twist!(
        "lies-at-first",
        "Gives null to who asks for a result first, and the truth after that.",
        Fickle::default()
    ),
    twist!(
        "result-timeout-cancels",
        "Takes a future for cancelled once somebody has waited for it in vain.",
        Impatient::default()
    ),
    twist!(
        "loses-a-wake-up",
        "Does not wake who waits for the result of a task that runs.",
        Unwoken::default()
    ),
    twist!(
        "mixes-up-two-results",
        "Gives each second future the result of the one before, and the other way round.",
        Mixed::default()
    ),
    twist!(
        "runs-a-cancelled-task",
        "Says that a task is cancelled, and runs it all the same.",
        Cancelling { running: false, cancelled: Mutex::default() }
    ),
    twist!(
        "cancels-a-running-task",
        "Says that a running task is cancelled, and lets it run to its end.",
        Cancelling { running: true, cancelled: Mutex::default() }
    ),
    twist!("refuses-to-cancel", "Cancels nothing.", Refusing),
    twist!(
        "state-goes-backwards",
        "Says of a task that runs or is done that it is pending, once it has told the truth.",
        Backwards::default()
    ),
    twist!("is-always-done", "Says of every future that it is done.", AlwaysDone),
    twist!("delivers-twice", "Calls every callback twice.", Calls(2)),
    twist!("drops-a-callback", "Calls no callback.", Calls(0)),
    twist!("calls-back-early", "Calls callbacks when they are added.", Early),
];

fn change_failure(stop: Stop, change: fn(&mut procpool_contract::Failure)) -> Stop {
    match stop {
        Stop::Failed(mut failure) => {
            change(&mut failure);
            Stop::Failed(failure)
        }
        other => other,
    }
}

/// Which future it is: its place in memory, where it stays.
fn key(future: &dyn Future) -> usize {
    std::ptr::from_ref(future).cast::<()>() as usize
}

type Change = fn(&dyn Future, Option<Duration>) -> Result<Value, Stop>;

/// Gives another result.
#[derive(Debug)]
struct Resulting(Change);

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
        // Those that are done need nobody to wake anybody.
        if timeout.is_some() || future.state()? != "running" {
            return future.result(timeout);
        }
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&pair);
        future.add_callback(Arc::new(move || {
            *theirs.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            // Here the condition variable would be notified.
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
        match place.and_then(|place| all.get(place ^ 1)) {
            Some(other) => other.result(timeout),
            None => future.result(timeout),
        }
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

/// Calls a callback so many times.
#[derive(Debug)]
struct Calls(usize);

impl Twist for Calls {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let times = self.0;
        future.add_callback(Arc::new(move || (0..times).for_each(|_| callback())))
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
