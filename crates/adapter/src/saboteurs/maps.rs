//! Saboteurs of maps.

use procpool_contract::{Call, MapOptions, Outcome};

use super::{Saboteur, Twist, Twisted};
use crate::library::{Map, Pool, Stop};

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
        "map-reads-ahead",
        "Pulls all inputs at once, for any buffer size.",
        |pool, calls, options| {
            pool.map(calls, &MapOptions { buffersize: None, ..options.clone() })
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

type Change = fn(&dyn Pool, Vec<Call>, &MapOptions) -> Result<Map, Stop>;

/// Returns another map.
#[derive(Debug)]
struct Mapping(Change);

impl Twist for Mapping {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        (self.0)(pool, calls, options)
    }
}
