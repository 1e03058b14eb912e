//! Saboteurs of futures that are right once: the second reader, the second waiter, the later callback, and
//! the outcomes other than a result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procpool_contract::{Call, ErrorClass};
use serde_json::Value;

use super::futures::key;
use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Callback, Future, Pool, Stop};

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    twist!(
        "forgets-an-error-that-was-read",
        "Returns null to the second reader of a task's error.",
        Forgets::default()
    ),
    twist!(
        "an-error-wakes-one",
        "Wakes one of several waiters for the result of a task that fails.",
        WakesOne::default()
    ),
    twist!(
        "second-timeout-is-none",
        "Does not wait for a result for which a wait has timed out.",
        Tires { after: 1, of_all: false, times: Mutex::default() }
    ),
    twist!(
        "gives-up-after-twenty-timeouts",
        "Does not wait for results when twenty waits have timed out.",
        Tires { after: 20, of_all: true, times: Mutex::default() }
    ),
    twist!(
        "breaks-without-calling-back",
        "Calls the callbacks of only one of the tasks that fail as broken.",
        Silent {
            class: ErrorClass::Broken,
            spared: AtomicUsize::new(1).into(),
            ..Silent::default()
        }
    ),
    twist!(
        "shutdown-cancels-without-calling-back",
        "Calls no callback of a task that a shutdown cancels.",
        Silent { class: ErrorClass::Cancelled, ..Silent::default() }
    ),
    twist!(
        "fails-to-encode-without-calling-back",
        "Calls no callback of a task whose argument or result cannot be encoded.",
        Silent { class: ErrorClass::Serialisation, ..Silent::default() }
    ),
    twist!(
        "keeps-sixteen-callbacks",
        "Drops the callbacks of a future after the sixteenth.",
        Sixteen::default()
    ),
    twist!(
        "a-death-replaces-errors",
        "Reports tasks as broken that have failed, when a worker has died.",
        Replaces::default()
    ),
    twist!(
        "hides-a-death-after-a-shutdown",
        "Returns null for a task whose worker has died after a shutdown that did not wait.",
        HidesDeath::default()
    ),
    twist!(
        "cancels-in-words-after-nowait",
        "Reports that a task is cancelled after a shutdown that did not wait, and still runs it.",
        InWords::default()
    ),
];

fn is(result: &Result<Value, Stop>, class: ErrorClass) -> bool {
    matches!(result, Err(Stop::Failed(failure)) if failure.class == class)
}

/// The futures whose errors were read.
#[derive(Debug, Default)]
struct Forgets(Mutex<BTreeSet<usize>>);

impl Twist for Forgets {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let is_new = !is(&result, ErrorClass::Task) || locked(&self.0).insert(key(future));
        if is_new { result } else { Ok(Value::Null) }
    }
}

/// The futures for which somebody waits.
#[derive(Debug, Default)]
struct WakesOne(Mutex<BTreeSet<usize>>);

impl Twist for WakesOne {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let waits = timeout.is_none() && future.state()? != "done";
        let is_first = !waits || locked(&self.0).insert(key(future));
        let result = future.result(timeout);
        while !is_first && is(&result, ErrorClass::Task) {
            std::thread::park();
        }
        result
    }
}

/// Counts the waits that have timed out.
#[derive(Debug)]
struct Tires {
    after: usize,
    /// Whether the waits for all futures count, or those for the same one.
    of_all: bool,
    times: Mutex<BTreeMap<usize, usize>>,
}

impl Twist for Tires {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let key = if self.of_all { 0 } else { key(future) };
        let is_tired = locked(&self.times).get(&key).is_some_and(|times| *times >= self.after);
        let result = future.result(timeout.map(|it| if is_tired { Duration::ZERO } else { it }));
        if is(&result, ErrorClass::Timeout) {
            *locked(&self.times).entry(key).or_default() += 1;
        }
        result
    }
}

/// All futures by their identities.
type All = Arc<Mutex<BTreeMap<usize, Arc<dyn Future>>>>;

/// Calls no callback of futures with an outcome of this class, but for as many as are spared.
struct Silent {
    class: ErrorClass,
    spared: Arc<AtomicUsize>,
    all: All,
}

impl Default for Silent {
    fn default() -> Self {
        Self { class: ErrorClass::Other, spared: Arc::default(), all: Arc::default() }
    }
}

impl std::fmt::Debug for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Silent")
    }
}

impl Twist for Silent {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        locked(&self.all).insert(key(future.as_ref()), Arc::clone(&future));
        Ok(future)
    }

    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let this = locked(&self.all).get(&key(future)).cloned();
        let (class, spared) = (self.class, Arc::clone(&self.spared));
        future.add_callback(Arc::new(move || {
            let outcome = this.as_ref().map(|future| future.result(Some(Duration::ZERO)));
            let one_less = |left: usize| left.checked_sub(1);
            let is_silent = outcome.is_some_and(|outcome| is(&outcome, class))
                && spared.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err();
            if !is_silent {
                callback();
            }
        }))
    }
}

/// The number of callbacks of each future.
#[derive(Debug, Default)]
struct Sixteen(Mutex<BTreeMap<usize, usize>>);

impl Twist for Sixteen {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let mut added = locked(&self.0);
        let count = added.entry(key(future)).or_default();
        *count += 1;
        if *count > 16 { Ok(()) } else { future.add_callback(callback) }
    }
}

/// Whether a pool was shut down without waiting, and the futures that are called cancelled since.
#[derive(Debug, Default)]
struct InWords(AtomicBool, Mutex<BTreeSet<usize>>);

impl Twist for InWords {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.0.fetch_or(!wait, Ordering::Relaxed);
        pool.shutdown(wait, cancel)
    }

    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        if !self.0.load(Ordering::Relaxed) || future.state()? != "pending" {
            return future.cancel();
        }
        locked(&self.1).insert(key(future));
        Ok(true)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if locked(&self.1).contains(&key(future)) {
            return Err(Stop::failed(ErrorClass::Cancelled, "it was cancelled"));
        }
        result
    }
}

/// Whether a death was reported.
#[derive(Debug, Default)]
struct Replaces(AtomicBool);

impl Twist for Replaces {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        self.0.fetch_or(is(&result, ErrorClass::Broken), Ordering::Relaxed);
        if is(&result, ErrorClass::Task) && self.0.load(Ordering::Relaxed) {
            return Err(Stop::failed(ErrorClass::Broken, "a worker has died"));
        }
        result
    }
}

/// Whether a pool was shut down without waiting.
#[derive(Debug, Default)]
struct HidesDeath(AtomicBool);

impl Twist for HidesDeath {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.0.fetch_or(!wait, Ordering::Relaxed);
        pool.shutdown(wait, cancel)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let hides = is(&result, ErrorClass::Broken) && self.0.load(Ordering::Relaxed);
        if hides { Ok(Value::Null) } else { result }
    }
}
