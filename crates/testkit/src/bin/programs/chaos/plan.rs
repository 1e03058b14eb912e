//! The parameters of a round, drawn at random.

use std::path::Path;
use std::time::Duration;

use procpool::{DeathPolicy, ProcessPoolExecutor, StartMethod};
use procpool_hosts::{OnHosts, shell};
use procpool_testkit::limits::Limit;
use rand::RngExt;
use rand::rngs::StdRng;

use super::hooked::Hooked;
use super::task::{self, Worker};

/// How a pool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Drop,
    Shutdown { wait: bool, cancel: bool },
    Kill,
    Terminate,
}

/// How workers start. Never by [`StartMethod::Fork`], which does not work with threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Spawn,
    Forkserver,
    /// By relays on this machine.
    Relays,
}

/// A pool, the operations on it, and the sabotage.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) workers: usize,
    pub(crate) policy: DeathPolicy,
    pub(crate) task_time_limit: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) max_tasks_per_child: Option<u64>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) has_finalizer: bool,
    /// How many of 100 initializers fail.
    pub(crate) failing: u32,
    pub(crate) clients: usize,
    /// For each client.
    pub(crate) operations: u32,
    /// The longest task, in microseconds. Short ones are sent ahead.
    pub(crate) longest: u32,
    /// The greatest argument or result.
    pub(crate) largest: usize,
    /// The longest time between two acts of sabotage, if there is any.
    pub(crate) sabotage: Option<Duration>,
    pub(crate) limit: Option<Limit>,
    pub(crate) ending: Ending,
    /// The time at which it ends, if the clients are not done before.
    pub(crate) early: Option<Duration>,
}

impl Plan {
    pub(crate) fn draw(random: &mut StdRng, methods: &[Method], limit: Option<Limit>) -> Self {
        let replaces = random.random_bool(0.8);
        let policy = if replaces {
            DeathPolicy::Replace { retries: random.random_range(0..3) }
        } else {
            DeathPolicy::Break
        };
        // If the first death ends the round, it should not happen at once.
        let (gap, of) = if replaces { (1..100, 5) } else { (20..200, 2) };
        Self {
            method: methods[random.random_range(0..methods.len())],
            workers: random.random_range(1..=8),
            policy,
            task_time_limit: draw_millis(random, 4, 5..50),
            grace: Duration::from_millis(random.random_range(0..20)),
            max_tasks_per_child: random.random_ratio(1, 4).then(|| random.random_range(1..50)),
            idle_timeout: draw_millis(random, 4, 0..10),
            has_finalizer: random.random_bool(0.5),
            failing: if random.random_ratio(1, 8) { random.random_range(1..60) } else { 0 },
            clients: random.random_range(1..=4),
            operations: random.random_range(5..60),
            longest: [2, 50, 2_000][random.random_range(0..3)],
            // Mostly small; now and then of the maximum length.
            largest: 1 << if random.random_ratio(1, 20) { 28 } else { random.random_range(0..22) },
            sabotage: random
                .random_ratio(of - 1, of)
                .then(|| Duration::from_millis(random.random_range(gap))),
            limit,
            ending: match random.random_range(0..8) {
                0 => Ending::Kill,
                1 => Ending::Terminate,
                2 | 3 => Ending::Drop,
                _ => Ending::Shutdown {
                    wait: random.random_bool(0.5),
                    cancel: random.random_bool(0.5),
                },
            },
            early: draw_millis(random, 3, 0..200),
        }
    }

    pub(crate) fn retries(&self) -> usize {
        match self.policy {
            DeathPolicy::Replace { retries } => retries as usize,
            _ => 0,
        }
    }

    /// Whether the pool's end may cancel pending tasks.
    pub(crate) fn cancels(&self) -> bool {
        matches!(self.ending, Ending::Shutdown { cancel: true, .. })
    }

    pub(crate) fn build(&self, trace: &Path, hooked: &Hooked) -> ProcessPoolExecutor<Worker> {
        let path = trace.to_str().expect("a plain path").to_owned();
        let (starts, exits) = (hooked.clone(), hooked.clone());
        let relays = "for i in $(seq {n}); do {relay} & done; wait";
        let builder = ProcessPoolExecutor::builder();
        let builder = match self.method {
            Method::Spawn => builder.start_method(StartMethod::Spawn),
            Method::Forkserver => builder.start_method(StartMethod::Forkserver),
            Method::Relays => builder.launcher(shell(relays)),
        };
        let mut builder = builder
            .max_workers(self.workers)
            .death_policy(self.policy)
            .grace(self.grace)
            .on_worker_start(move |worker| starts.started(worker))
            .on_worker_exit(move |worker, reason| exits.exited(worker, reason))
            .initializer_with_args(task::initialize, (path, self.failing));
        if self.has_finalizer {
            builder = builder.finalizer(task::finalize);
        }
        if let Some(limit) = self.task_time_limit {
            builder = builder.task_time_limit(limit);
        }
        if let Some(tasks) = self.max_tasks_per_child {
            builder = builder.max_tasks_per_child(tasks);
        }
        if let Some(limit) = self.idle_timeout {
            builder = builder.idle_timeout(limit);
        }
        builder.build().expect("there is room for a pool")
    }
}

/// This many milliseconds, one time in `of`.
fn draw_millis(random: &mut StdRng, of: u32, range: std::ops::Range<u64>) -> Option<Duration> {
    random.random_ratio(1, of).then(|| Duration::from_millis(random.random_range(range)))
}
