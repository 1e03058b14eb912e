//! More saboteurs of maps: of their sizes, their errors and their ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use procpool_contract::{Call, ErrorClass, MapOptions, Outcome};

use super::maps::Mapping;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Map, Pool, Stop};

macro_rules! mapping {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Mapping($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
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
