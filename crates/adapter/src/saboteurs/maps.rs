//! Saboteurs of maps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use procpool_contract::{Body, Call, MapOptions, Outcome};
use serde_json::Value;

use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Map, Pool, Stop};

macro_rules! mapping {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Mapping($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    mapping!(
        "map-by-completion",
        "Returns the items of a map as they complete.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { unordered: true, ..options.clone() })
        }
    ),
    mapping!("map-drops-the-last", "Ends a map before its last item.", |pool, calls, options| {
        let all = calls.len();
        Ok(Box::new(pool.map(calls, options)?.take(all.saturating_sub(1))))
    }),
    mapping!(
        "map-repeats-one",
        "Returns the first item of a map twice.",
        |pool, calls, options| {
            let mut items = pool.map(calls, options)?;
            let first: Vec<Outcome> = items.next().into_iter().collect();
            Ok(Box::new(first.clone().into_iter().chain(first).chain(items)))
        }
    ),
    mapping!(
        "map-swallows-an-error",
        "Leaves out the items of a map that fail.",
        |pool, calls, options| {
            Ok(Box::new(pool.map(calls, options)?.filter(|item| matches!(item, Outcome::Ok(_)))))
        }
    ),
    mapping!(
        "map-ignores-chunksize",
        "Chooses the size of chunks itself, and accepts any requested size.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { chunksize: None, ..options.clone() })
        }
    ),
    mapping!("map-ignores-timeout", "Lets a map run without a timeout.", |pool, calls, options| {
        pool.map(calls, &MapOptions { timeout: None, ..options.clone() })
    }),
    mapping!(
        "map-timeout-is-late",
        "Ends a map at three times its timeout.",
        |pool, calls, options| {
            let timeout = options.timeout.map(|limit| limit * 3);
            pool.map(calls, &MapOptions { timeout, ..options.clone() })
        }
    ),
    mapping!(
        "map-timeout-per-item",
        "Starts the timeout of a map again with each item.",
        |pool, calls, options| {
            let mut all = Vec::new();
            for call in calls {
                all.extend(pool.map(vec![call], options)?);
            }
            Ok(Box::new(all.into_iter()))
        }
    ),
    mapping!(
        "map-timeout-per-item-with-a-buffer",
        "Starts the timeout of a map with a buffer again with each item.",
        |pool, calls, options| {
            if options.buffersize.is_none() {
                return pool.map(calls, options);
            }
            let mut all = Vec::new();
            for call in calls {
                all.extend(pool.map(vec![call], options)?);
            }
            Ok(Box::new(all.into_iter()))
        }
    ),
    mapping!(
        "map-takes-zero-for-none",
        "Lets a map run without a timeout if it is zero.",
        |pool, calls, options| {
            let timeout = options.timeout.filter(|limit| *limit > 0);
            pool.map(calls, &MapOptions { timeout, ..options.clone() })
        }
    ),
    mapping!(
        "map-hides-errors-after-256-items",
        "Returns null for the items of a map that fail, after the 256th.",
        |pool, calls, options| {
            let items = pool.map(calls, options)?.enumerate();
            Ok(Box::new(items.map(|(place, item)| match item {
                Outcome::Error(_) if place > 255 => Outcome::Ok(Value::Null),
                item => item,
            })))
        }
    ),
    Saboteur {
        name: "map-keeps-an-earlier-timeout",
        does: "Ends a map without a timeout when that of an earlier one is over.",
        make: |ours| Twisted::new(ours, KeepsTimeout::default()),
    },
    Saboteur {
        name: "closing-a-map-ends-all",
        does: "Ends every open map when one is dropped before its end.",
        make: |ours| Twisted::new(ours, EndsAll::default()),
    },
    mapping!(
        "map-reads-ahead",
        "Pulls all inputs at once, for any buffer size.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { buffersize: None, ..options.clone() })
        }
    ),
    Saboteur {
        name: "failing-map-spoils-running-tasks",
        does: "Returns null for a task that was running when an item of a map failed.",
        make: |ours| Twisted::new(ours, Spoiling::new(true, "running")),
    },
    Saboteur {
        name: "closing-a-map-spoils-pending-tasks",
        does: "Returns null for a task that was pending when a map was dropped before its end.",
        make: |ours| Twisted::new(ours, Spoiling::new(false, "pending")),
    },
    mapping!(
        "loses-the-output-of-maps",
        "Loses the output of the items of a map.",
        |pool, calls, options| {
            let silent = |mut call: Call| {
                if call.run == Body::Print {
                    call.count = Some(0);
                }
                call
            };
            pool.map(calls.into_iter().map(silent).collect(), options)
        }
    ),
    mapping!(
        "map-reads-a-thousand-inputs-ahead",
        "Pulls a thousand inputs of a map at once, and later ones when a result is requested.",
        |pool, calls, options| {
            let buffersize = options.buffersize.or(Some(1000));
            pool.map(calls, &MapOptions { buffersize, ..options.clone() })
        }
    ),
    mapping!(
        "map-reads-nothing-ahead",
        "Submits an item of a map when its result is requested.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { buffersize: Some(1), ..options.clone() })
        }
    ),
];

/// A future that was submitted, and whether its result is lost.
type Spoiled = (Arc<dyn Future>, bool);

/// All futures, and the state in which the end of a map spoils them.
#[derive(Clone)]
struct Spoiling {
    all: Arc<Mutex<Vec<Spoiled>>>,
    /// Whether that is a failed item, or a map that is dropped before its end.
    by_failing: bool,
    state: &'static str,
}

impl Spoiling {
    fn new(by_failing: bool, state: &'static str) -> Self {
        Self { all: Arc::default(), by_failing, state }
    }

    fn spoil(&self) {
        for (future, is_spoiled) in
            self.all.lock().unwrap_or_else(PoisonError::into_inner).iter_mut()
        {
            *is_spoiled |= future.state().is_ok_and(|state| state == self.state);
        }
    }
}

impl std::fmt::Debug for Spoiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spoiling")
    }
}

impl Twist for Spoiling {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((Arc::clone(&future), false));
        Ok(future)
    }

    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let items = pool.map(calls, options)?;
        Ok(Box::new(SpoilingItems { items, spoiling: self.clone(), at_its_end: false }))
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |other: &dyn Future| std::ptr::addr_eq(other, future);
        let is_spoiled = all.iter().any(|(other, spoiled)| *spoiled && is_it(other.as_ref()));
        if is_spoiled { Ok(Value::Null) } else { result }
    }
}

/// The items of a map.
struct SpoilingItems {
    items: Map,
    spoiling: Spoiling,
    at_its_end: bool,
}

impl Iterator for SpoilingItems {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        let item = self.items.next();
        self.at_its_end = item.is_none();
        if self.spoiling.by_failing && matches!(item, Some(Outcome::Error(_))) {
            self.spoiling.spoil();
        }
        item
    }
}

impl Drop for SpoilingItems {
    fn drop(&mut self) {
        if !self.spoiling.by_failing && !self.at_its_end {
            self.spoiling.spoil();
        }
    }
}

/// When the last timeout is over.
#[derive(Debug, Default)]
struct KeepsTimeout(Mutex<Option<Instant>>);

impl Twist for KeepsTimeout {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let mut end = locked(&self.0);
        if let Some(timeout) = options.timeout {
            *end = Some(Instant::now() + Duration::from_millis(timeout));
            return pool.map(calls, options);
        }
        let left = |end: Instant| end.saturating_duration_since(Instant::now()).as_millis();
        let timeout = end.and_then(|end| u64::try_from(left(end)).ok());
        pool.map(calls, &MapOptions { timeout, ..options.clone() })
    }
}

/// How many maps were dropped before their ends.
#[derive(Debug, Default)]
struct EndsAll(Arc<AtomicUsize>);

impl Twist for EndsAll {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let items = pool.map(calls, options)?;
        let closed_before = self.0.load(Ordering::Relaxed);
        let closed = Arc::clone(&self.0);
        Ok(Box::new(EndingItems { items, closed, closed_before, at_its_end: false }))
    }
}

/// The items of a map, until another one is closed.
struct EndingItems {
    items: Map,
    closed: Arc<AtomicUsize>,
    closed_before: usize,
    at_its_end: bool,
}

impl Iterator for EndingItems {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        let is_ended = self.closed.load(Ordering::Relaxed) > self.closed_before;
        let item = if is_ended { None } else { self.items.next() };
        self.at_its_end = item.is_none();
        item
    }
}

impl Drop for EndingItems {
    fn drop(&mut self) {
        self.closed.fetch_add(usize::from(!self.at_its_end), Ordering::Relaxed);
    }
}

pub(super) type Change = fn(&dyn Pool, Vec<Call>, &MapOptions) -> Result<Map, Stop>;

/// Returns another map.
#[derive(Debug)]
pub(super) struct Mapping(pub(super) Change);

impl Twist for Mapping {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        (self.0)(pool, calls, options)
    }
}
