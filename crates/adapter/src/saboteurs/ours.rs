//! The good pool that saboteurs wrap, and the points at which they may change it.

use std::sync::Arc;
use std::time::Duration;

use procpool::{Error, Future as OurFuture, ProcessPoolExecutor, StartMethod};
use procpool_contract::{Description, PoolOptions, Until};

use crate::adapted::Adapted;
use crate::adapter::{Initialize, Run};
use crate::body;
use crate::library::{Future, Library, Pool, Stop};
use crate::procpool_pool::PROCPOOL;
use crate::wire::Wire;

/// procpool, whose workers are spawned.
#[derive(Debug, Clone, Copy)]
pub struct Procpool {
    /// The function that a worker runs for a task.
    pub run: Run,
    /// The function that a worker runs first.
    pub initialize: Initialize,
    /// Whether all workers are started with the pool. A pool must not do that by default.
    pub eager: bool,
}

impl Procpool {
    /// The pool as its users use it.
    pub fn good() -> Self {
        Self { run: body::run, initialize: body::initialize, eager: false }
    }

    fn adapted(self) -> Adapted<StartMethod, ProcessPoolExecutor, OurFuture<Wire>, Error> {
        let mut ours = Adapted::new(PROCPOOL, Some("spawn")).expect("procpool spawns");
        (ours.run, ours.initialize) = (self.run, self.initialize);
        ours
    }
}

impl Library for Procpool {
    fn describe(&self) -> Description {
        self.adapted().describe()
    }

    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let ours = self.adapted().open(options)?;
        if self.eager {
            let workers = options.max_workers.and_then(|workers| usize::try_from(workers).ok());
            // The tasks report a worker that cannot be started.
            let _ = ours.pool.start_workers(workers.unwrap_or(1)).error();
        }
        Ok(Box::new(ours))
    }

    fn wait(
        &self,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        self.adapted().wait(futures, until, timeout)
    }

    fn as_completed(
        &self,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        self.adapted().as_completed(futures, timeout)
    }
}
