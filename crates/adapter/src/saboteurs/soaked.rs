//! Saboteurs whose fault begins late: after thousands of items, or hundreds of pools.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procpool_contract::{Call, ErrorClass, MapOptions, PoolOptions};
use serde_json::Value;

use super::futures::key;
use super::ours::Procpool;
use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Map, Pool, Stop};

macro_rules! late {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    late!(
        "loses-an-item-after-ten-thousand",
        "Ends a map before its last item once it has mapped 10,000.",
        Loses(AtomicUsize::new(0))
    ),
    late!(
        "leaks-with-every-hundredth-pool",
        "Opens a file with every hundredth pool, and closes none.",
        Leaks(AtomicUsize::new(0))
    ),
    late!(
        "hides-a-death-after-a-hundred",
        "Returns null for a task whose worker has died, after a hundred deaths.",
        Hides(AtomicUsize::new(0))
    ),
    late!(
        "retires-no-more-after-two-hundred",
        "Retires 200 workers, and lets the next one run any number of tasks.",
        Retires::default()
    ),
    late!(
        "makes-no-pool-after-a-hundred",
        "Refuses to make a pool when it has made a hundred.",
        Full(AtomicUsize::new(0))
    ),
    late!(
        "counts-tasks-with-16-bits",
        "Returns null for a task that is older than 65,536 others.",
        SixteenBits::default()
    ),
];

#[derive(Debug)]
struct Loses(AtomicUsize);

impl Twist for Loses {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let all = calls.len();
        let lost = usize::from(self.0.fetch_add(all, Ordering::Relaxed) >= 10_000);
        Ok(Box::new(pool.map(calls, options)?.take(all.saturating_sub(lost))))
    }
}

#[derive(Debug)]
struct Leaks(AtomicUsize);

impl Twist for Leaks {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        if self.0.fetch_add(1, Ordering::Relaxed) % 100 == 99
            && let Ok(file) = File::open("/dev/null")
        {
            std::mem::forget(file);
        }
        ours.new_pool(options)
    }
}

#[derive(Debug)]
struct Hides(AtomicUsize);

impl Twist for Hides {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        match future.result(timeout) {
            Err(Stop::Failed(failure))
                if failure.class == ErrorClass::Broken
                    && self.0.fetch_add(1, Ordering::Relaxed) >= 100 =>
            {
                Ok(Value::Null)
            }
            result => result,
        }
    }
}

/// Has a second pool, whose workers do not retire, for later tasks.
#[derive(Default)]
struct Retires {
    submitted: AtomicUsize,
    second: Mutex<Option<Box<dyn Pool>>>,
}

impl std::fmt::Debug for Retires {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Retires")
    }
}

impl Twist for Retires {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let second =
            ours.new_pool(&PoolOptions { max_tasks_per_child: None, ..options.clone() })?;
        *locked(&self.second) = Some(second);
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let second = locked(&self.second);
        match (second.as_deref(), self.submitted.fetch_add(1, Ordering::Relaxed)) {
            (Some(second), 200..) => second.submit(call),
            _ => pool.submit(call),
        }
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        let second = locked(&self.second).take();
        second.map_or(Ok(()), |second| second.shutdown(wait, cancel))?;
        pool.shutdown(wait, cancel)
    }
}

/// The number of pools.
#[derive(Debug)]
struct Full(AtomicUsize);

impl Twist for Full {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0..100 => ours.new_pool(options),
            _ => Err(Stop::failed(ErrorClass::Other, "there are a hundred pools")),
        }
    }
}

/// The number of tasks and items, and that before each task.
#[derive(Debug, Default)]
struct SixteenBits {
    all: AtomicUsize,
    before: Mutex<BTreeMap<usize, usize>>,
}

impl Twist for SixteenBits {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        let before = self.all.fetch_add(1, Ordering::Relaxed);
        locked(&self.before).insert(key(future.as_ref()), before);
        Ok(future)
    }

    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        self.all.fetch_add(calls.len(), Ordering::Relaxed);
        pool.map(calls, options)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let value = future.result(timeout)?;
        let before = locked(&self.before).get(&key(future)).copied().unwrap_or_default();
        let later = self.all.load(Ordering::Relaxed) - before;
        Ok(if later > 1 << 16 { Value::Null } else { value })
    }
}
