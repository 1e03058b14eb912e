//! Saboteurs of pools that are dropped, and of pools side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use procpool_contract::{Call, MapOptions, PoolOptions};

use super::ours::Procpool;
use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Map, Pool, Stop};

macro_rules! dropping {
    ($name:literal, $does:literal, $drop:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Dropping($drop)) }
    };
}

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    dropping!(
        "drop-does-not-wait",
        "Returns from the drop of a pool before its tasks end.",
        |pool, _| {
            std::thread::spawn(move || drop(pool));
        }
    ),
    dropping!(
        "drop-cancels",
        "Cancels the pending tasks of a pool that is dropped, once a worker runs the first.",
        |pool, used| {
            let first = locked(&used.futures).first().cloned();
            while first.as_ref().is_some_and(|first| matches!(first.state(), Ok("pending"))) {
                std::thread::sleep(Duration::from_millis(1));
            }
            // A drop reports no error.
            let _ = pool.shutdown(true, true);
        }
    ),
    dropping!("drop-keeps-workers", "Keeps the workers of a pool that is dropped.", |pool, _| {
        std::mem::forget(pool);
    }),
    dropping!(
        "warns-without-a-shutdown",
        "Prints a warning when a pool is dropped that was not shut down.",
        |_, used| {
            if !used.is_shut_down.load(Ordering::Relaxed) {
                eprintln!("the pool was not shut down");
            }
        }
    ),
    twist!(
        "shutdown-ends-all-pools",
        "Kills the workers of every other pool in a shutdown.",
        EndsAll::default()
    ),
    twist!(
        "ends-with-its-thread",
        "Kills the workers of a pool at the next task when the thread has ended that made it.",
        EndsWithThread::default()
    ),
];

/// The events of a pool so far.
#[derive(Default)]
struct Used {
    is_shut_down: AtomicBool,
    futures: Mutex<Vec<Arc<dyn Future>>>,
}

/// A pool with several owners, or with another end.
struct Owned<P> {
    pool: Option<P>,
    used: Used,
    drop: fn(P, &Used),
}

impl<P> Owned<P> {
    fn new(pool: P, drop: fn(P, &Used)) -> Self {
        Self { pool: Some(pool), used: Used::default(), drop }
    }
}

impl<P> Drop for Owned<P> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            (self.drop)(pool, &self.used);
        }
    }
}

impl<P: std::ops::Deref<Target = dyn Pool> + Send + Sync> Owned<P> {
    fn pool(&self) -> &dyn Pool {
        self.pool.as_deref().expect("only the drop takes it")
    }
}

impl<P: std::ops::Deref<Target = dyn Pool> + Send + Sync> Pool for Owned<P> {
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = self.pool().submit(call)?;
        locked(&self.used.futures).push(Arc::clone(&future));
        Ok(future)
    }

    fn map(&self, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        self.pool().map(calls, options)
    }

    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.used.is_shut_down.store(true, Ordering::Relaxed);
        self.pool().shutdown(wait, cancel)
    }

    fn kill_workers(&self) -> Result<(), Stop> {
        self.pool().kill_workers()
    }
}

/// Drops a pool in another way.
#[derive(Debug)]
struct Dropping(fn(Box<dyn Pool>, &Used));

impl Twist for Dropping {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        Ok(Box::new(Owned::new(ours.new_pool(options)?, self.0)))
    }
}

/// The pools that were made.
#[derive(Default)]
struct EndsAll(Mutex<Vec<Weak<dyn Pool>>>);

impl std::fmt::Debug for EndsAll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndsAll")
    }
}

impl Twist for EndsAll {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let pool: Arc<dyn Pool> = ours.new_pool(options)?.into();
        locked(&self.0).push(Arc::downgrade(&pool));
        Ok(Box::new(Owned::new(pool, |pool, _| drop(pool))))
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        pool.shutdown(wait, cancel)?;
        let all: Vec<Arc<dyn Pool>> = locked(&self.0).iter().filter_map(Weak::upgrade).collect();
        all.iter().try_for_each(|other| other.kill_workers())
    }
}

thread_local! {
    /// It is gone when its thread has ended.
    static THREAD: Arc<()> = Arc::default();
}

/// The thread that made the pool.
#[derive(Debug, Default)]
struct EndsWithThread(Mutex<Weak<()>>);

impl Twist for EndsWithThread {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        *locked(&self.0) = THREAD.with(Arc::downgrade);
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        if locked(&self.0).strong_count() == 0 {
            pool.kill_workers()?;
        }
        pool.submit(call)
    }
}
