//! Saboteurs of maps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use procpool_contract::{Body, Call, ErrorClass, MapOptions, Outcome};
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
        "map-reads-nothing-ahead",
        "Submits an item of a map when its result is requested.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { buffersize: Some(1), ..options.clone() })
        }
    ),
    mapping!("map-refuses-nothing", "Refuses a map over nothing.", |pool, calls, options| {
        if calls.is_empty() {
            return Err(Stop::failed(ErrorClass::Invalid, "there is nothing to map"));
        }
        pool.map(calls, options)
    }),
    mapping!(
        "map-loses-an-item-of-a-large-chunk",
        "Loses the last item of a map whose chunks are larger than its input.",
        |pool, calls, options| {
            let is_larger = |size| usize::try_from(size).is_ok_and(|size| size > calls.len());
            shortened(pool, &calls, options, options.chunksize.is_some_and(is_larger))
        }
    ),
    mapping!(
        "map-loses-an-item-of-a-large-buffer",
        "Loses the last item of a map whose buffer has room for all.",
        |pool, calls, options| {
            let has_room = |size| usize::try_from(size).is_ok_and(|size| size >= calls.len());
            shortened(pool, &calls, options, options.buffersize.is_some_and(has_room))
        }
    ),
    mapping!(
        "map-loses-an-item-of-a-small-buffer",
        "Loses the last item of a map whose chunks are larger than its buffer.",
        |pool, calls, options| {
            let is_small = options.buffersize.is_some_and(|it| Some(it) < options.chunksize);
            shortened(pool, &calls, options, is_small)
        }
    ),
    mapping!(
        "map-fails-the-rest-of-a-chunk",
        "Fails the items after one that fails in its chunk.",
        |pool, calls, options| {
            let size = options.chunksize.and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
            let mut failed: Option<(usize, Outcome)> = None;
            Ok(Box::new(pool.map(calls, options)?.enumerate().map(move |(place, item)| {
                match (&failed, &item) {
                    (Some((chunk, error)), _) if *chunk == place / size => return error.clone(),
                    (_, Outcome::Error(_)) => failed = Some((place / size, item.clone())),
                    _ => {}
                }
                item
            })))
        }
    ),
    mapping!(
        "map-ends-at-once-with-a-timeout",
        "Ends a map with any timeout at once.",
        |pool, calls, options| {
            let timeout = options.timeout.map(|_| 0);
            pool.map(calls, &MapOptions { timeout, ..options.clone() })
        }
    ),
    mapping!(
        "closed-map-runs-on",
        "Runs all items of a map that is dropped before its end.",
        |pool, calls, options| Ok(Box::new(RunsOn(Some(pool.map(calls, options)?))))
    ),
    Saboteur {
        name: "maps-only-once",
        does: "Returns nothing from every map after the first.",
        make: |ours| Twisted::new(ours, Beside { uses: AtomicUsize::new(0), tasks: false }),
    },
    Saboteur {
        name: "map-loses-an-item-beside-tasks",
        does: "Loses the last item of a map if tasks were submitted before it.",
        make: |ours| Twisted::new(ours, Beside { uses: AtomicUsize::new(0), tasks: true }),
    },
];

/// Begins a map whose last item is lost.
fn shortened(
    pool: &dyn Pool,
    calls: &[Call],
    options: &MapOptions,
    loses: bool,
) -> Result<Map, Stop> {
    let kept = calls.len().saturating_sub(usize::from(loses));
    Ok(Box::new(pool.map(calls.to_vec(), options)?.take(kept)))
}

/// The items of a map that runs on.
struct RunsOn(Option<Map>);

impl Iterator for RunsOn {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        self.0.as_mut()?.next()
    }
}

impl Drop for RunsOn {
    fn drop(&mut self) {
        let items = self.0.take();
        std::thread::spawn(|| items.into_iter().flatten().for_each(drop));
    }
}

/// Maps otherwise after earlier uses of the pool.
#[derive(Debug)]
struct Beside {
    uses: AtomicUsize,
    /// Whether these are tasks, or maps.
    tasks: bool,
}

impl Twist for Beside {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.uses.fetch_add(usize::from(self.tasks), Ordering::Relaxed);
        pool.submit(call)
    }

    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let uses = self.uses.fetch_add(usize::from(!self.tasks), Ordering::Relaxed);
        match (uses, self.tasks) {
            (0, _) => pool.map(calls, options),
            (_, true) => shortened(pool, &calls, options, true),
            (_, false) => Ok(Box::new(std::iter::empty())),
        }
    }
}

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

type Change = fn(&dyn Pool, Vec<Call>, &MapOptions) -> Result<Map, Stop>;

/// Returns another map.
#[derive(Debug)]
struct Mapping(Change);

impl Twist for Mapping {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        (self.0)(pool, calls, options)
    }
}
