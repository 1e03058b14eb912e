//! Saboteurs of the creation of pools, and of the start and exit of workers.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use procpool_contract::{Call, MapOptions, PoolOptions};

use super::ours::Procpool;
use super::twist::{Lost, locked};
use super::{Honest, Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Map, Pool, Stop};

macro_rules! changing {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Options($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    Saboteur {
        name: "runs-one-at-a-time-after-200-tasks",
        does: "Submits a task when the one before it is done, after two hundred tasks.",
        make: |ours| Twisted::new(ours, OneAtATime::default()),
    },
    Saboteur {
        name: "maps-have-workers-of-their-own",
        does: "Runs the items of every map in a pool of its own.",
        make: |ours| Twisted::new(ours, Apart { ours, pools: Mutex::default() }),
    },
    Saboteur {
        name: "pool-after-nowait-has-one-worker",
        does: "Makes every pool after a shutdown that did not wait with one worker.",
        make: |ours| Twisted::new(ours, AfterAnEnd::default()),
    },
    Saboteur {
        name: "shutdown-cancels-after-one-that-did",
        does: "Cancels pending tasks in every shutdown after one that was to cancel.",
        make: |ours| Twisted::new(ours, StillCancels::default()),
    },
    Saboteur {
        name: "starts-eagerly",
        does: "Starts all workers with the pool, although it declares that it starts them on demand.",
        make: |ours| Twisted::new(Procpool { eager: true, ..ours }, Honest),
    },
    changing!("starts-one-too-many", "Has one worker more than requested.", |options| {
        options.max_workers = options.max_workers.map(|workers| workers + 1);
    }),
    changing!(
        "starts-one-too-few",
        "Has one worker less than requested, if several were requested.",
        |options| {
            options.max_workers = options.max_workers.map(|workers| (workers - 1).max(1));
        }
    ),
    changing!("starts-a-worker-per-task", "Starts a new worker for each task.", |options| {
        options.max_tasks_per_child = Some(1);
    }),
    changing!(
        "accepts-nonsense",
        "Makes one worker if none or a negative number is requested.",
        |options| {
            options.max_workers = options.max_workers.map(|workers| workers.max(1));
        }
    ),
    changing!(
        "accepts-workers-without-tasks",
        "Lets workers that may run no task run one.",
        |options| {
            options.max_tasks_per_child = options.max_tasks_per_child.map(|tasks| tasks.max(1));
        }
    ),
    changing!("ignores-env", "Gives workers only the program's environment.", |options| {
        options.env.clear();
    }),
    changing!("retires-late", "Lets a worker run one task more than it may.", |options| {
        options.max_tasks_per_child = options.max_tasks_per_child.map(|tasks| tasks + 1);
    }),
    changing!("retires-never", "Lets workers run any number of tasks.", |options| {
        options.max_tasks_per_child = None;
    }),
    changing!("never-idles-out", "Keeps idle workers, however long they idle.", |options| {
        options.idle_timeout = None;
    }),
    changing!("never-times-out", "Lets tasks run without a time limit.", |options| {
        options.task_timeout = None;
    }),
    changing!("times-out-late", "Ends tasks at three times their time limit.", |options| {
        options.task_timeout = options.task_timeout.map(|limit| limit * 3);
    }),
    Saboteur {
        name: "retires-without-replacing",
        does: "Retires workers that have run their tasks, and does not replace them.",
        make: |ours| Twisted::new(ours, WithoutReplacing(AtomicI64::new(i64::MAX))),
    },
];

/// Changes the options of a pool.
#[derive(Debug)]
pub(super) struct Options(pub(super) fn(&mut PoolOptions));

impl Twist for Options {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut options = options.clone();
        (self.0)(&mut options);
        ours.new_pool(&options)
    }
}

#[derive(Debug)]
struct WithoutReplacing(AtomicI64);

impl Twist for WithoutReplacing {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        if let (Some(tasks), Some(workers)) = (options.max_tasks_per_child, options.max_workers) {
            self.0.store(tasks * workers, Ordering::Relaxed);
        }
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            left if left > 0 => pool.submit(call),
            _ => Ok(Arc::new(Lost)),
        }
    }
}

/// Whether a shutdown did not wait.
#[derive(Debug, Default)]
struct AfterAnEnd(AtomicBool);

impl Twist for AfterAnEnd {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let is_late = self.0.load(Ordering::Relaxed);
        let max_workers = if is_late { Some(1) } else { options.max_workers };
        ours.new_pool(&PoolOptions { max_workers, ..options.clone() })
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.0.fetch_or(!wait, Ordering::Relaxed);
        pool.shutdown(wait, cancel)
    }
}

/// Whether a shutdown cancelled.
#[derive(Debug, Default)]
struct StillCancels(AtomicBool);

impl Twist for StillCancels {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        let cancelled = self.0.fetch_or(cancel, Ordering::Relaxed);
        pool.shutdown(wait, cancel || cancelled)
    }
}

/// The number of tasks, and the last one.
#[derive(Default)]
struct OneAtATime(Mutex<(usize, Option<Arc<dyn Future>>)>);

impl std::fmt::Debug for OneAtATime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneAtATime")
    }
}

impl Twist for OneAtATime {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let mut tasks = locked(&self.0);
        if let Some(last) = tasks.1.as_ref().filter(|_| tasks.0 > 200) {
            // Its outcome is for its own reader.
            let _ = last.result(None);
        }
        let future = pool.submit(call)?;
        *tasks = (tasks.0 + 1, Some(Arc::clone(&future)));
        Ok(future)
    }
}

/// The pools of maps.
struct Apart {
    ours: Procpool,
    pools: Mutex<Vec<Box<dyn Pool>>>,
}

impl std::fmt::Debug for Apart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Apart")
    }
}

impl Twist for Apart {
    fn map(&self, _: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let own = self.ours.new_pool(&PoolOptions::default())?;
        let items = own.map(calls, options);
        locked(&self.pools).push(own);
        items
    }
}
