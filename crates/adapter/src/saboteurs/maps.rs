//! Saboteurs of maps.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procpool_contract::{Call, MapOptions, Outcome};
use serde_json::Value;

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
        "map-reads-ahead",
        "Pulls all inputs at once, for any buffer size.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { buffersize: None, ..options.clone() })
        }
    ),
    Saboteur {
        name: "failing-map-spoils-running-tasks",
        does: "Returns null for a task that was running when an item of a map failed.",
        make: |ours| Twisted::new(ours, Spoiling::default()),
    },
    mapping!(
        "map-reads-nothing-ahead",
        "Submits an item of a map when its result is requested.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { buffersize: Some(1), ..options.clone() })
        }
    ),
];

/// A future that was submitted, and whether a map has failed while it ran.
type Spoiled = (Arc<dyn Future>, bool);

/// All futures.
#[derive(Clone, Default)]
struct Spoiling(Arc<Mutex<Vec<Spoiled>>>);

impl std::fmt::Debug for Spoiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spoiling")
    }
}

impl Twist for Spoiling {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((Arc::clone(&future), false));
        Ok(future)
    }

    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let all = Arc::clone(&self.0);
        Ok(Box::new(pool.map(calls, options)?.inspect(move |item| {
            if matches!(item, Outcome::Error(_)) {
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                for (future, is_spoiled) in all.iter_mut() {
                    *is_spoiled |= future.state().is_ok_and(|state| state == "running");
                }
            }
        })))
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |other: &dyn Future| std::ptr::addr_eq(other, future);
        let is_spoiled = all.iter().any(|(other, spoiled)| *spoiled && is_it(other.as_ref()));
        if is_spoiled { Ok(Value::Null) } else { result }
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
