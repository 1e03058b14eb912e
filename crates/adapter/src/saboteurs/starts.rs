//! Saboteurs of the creation of pools, and of the start and exit of workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use procpool_contract::{Call, PoolOptions};

use super::ours::Procpool;
use super::twist::Lost;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Pool, Stop};

macro_rules! changing {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Options($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
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
struct Options(fn(&mut PoolOptions));

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
