//! Pools to judge, and the client that carries out a plan with one.
//!
//! Owns the honest pool, which is unmodified procpool, and the points at which a saboteur may differ.
//! Judges nothing.

use std::path::Path;

use procpool::{Error, Future, Map, ProcessPoolExecutor};

use crate::plan::{How, Operation, Plan};
use crate::task::{self, Call, Setup};

/// A pool: procpool, with these functions in its workers and this client.
///
/// A saboteur replaces some of them; together they are a running pool with a real fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    pub(crate) name: &'static str,
    /// The number of workers for the plan's `max_workers`.
    pub(crate) max_workers: fn(usize) -> usize,
    pub(crate) initializer: fn(Setup),
    pub(crate) task: fn(Call) -> u64,
    pub(crate) client: fn(&Client<'_>) -> Seen,
}

/// Unmodified procpool.
pub(crate) const HONEST: Pool = Pool {
    name: "procpool",
    max_workers: |max_workers| max_workers,
    initializer: task::initialize,
    task: task::run,
    client: |client| client.carry_out(),
};

/// The outcome of one task for the client.
pub(crate) type Answer = Result<u64, String>;

/// The outcomes of every operation, in the order in which the client got them.
pub(crate) type Seen = Vec<Vec<Answer>>;

/// A client: an executor, a plan and a folder for the case.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    pub(crate) executor: &'a ProcessPoolExecutor,
    pub(crate) max_workers: usize,
    pub(crate) task: fn(Call) -> u64,
    pub(crate) plan: &'a Plan,
    pub(crate) folder: &'a Path,
}

impl Pool {
    /// Carries out `plan` in `folder`. When this returns, the executor has been dropped.
    ///
    /// # Panics
    ///
    /// When the pool cannot be built.
    pub(crate) fn carry_out(&self, plan: &Plan, folder: &Path) -> Seen {
        let text = folder.to_str().expect("temporary folders have plain names").to_owned();
        let max_workers = (self.max_workers)(plan.max_workers);
        let executor = ProcessPoolExecutor::builder()
            .max_workers(max_workers)
            .initializer_with_args(self.initializer, (text, plan.initargs.clone()))
            .build()
            .expect("the test program is fit for pools");
        let task = self.task;
        (self.client)(&Client { executor: &executor, max_workers, task, plan, folder })
    }
}

impl Client<'_> {
    /// Carries out the plan: starts the operations in turn, collects when told to and at the end.
    pub(crate) fn carry_out(&self) -> Seen {
        let start = |(operation, calls): (&Operation, Vec<Call>)| {
            let started = self.start(operation.how, calls);
            if operation.collect { Started::Collected(started.collect()) } else { started }
        };
        // Collected to a list first: every operation must be started before the first is waited for.
        let started: Vec<Started> =
            self.plan.operations.iter().zip(self.calls()).map(start).collect();
        started.into_iter().map(Started::collect).collect()
    }

    /// The calls of every operation.
    pub(crate) fn calls(&self) -> Vec<Vec<Call>> {
        self.plan.calls(self.folder.to_str().expect("temporary folders have plain names"))
    }

    fn start(&self, how: How, calls: Vec<Call>) -> Started {
        let executor = self.executor;
        match how {
            How::Submit => {
                let submit = |call| executor.submit(self.task, call);
                Started::Futures(calls.into_iter().map(submit).collect())
            }
            How::Map { chunksize: None } => Started::Map(executor.map(self.task, calls)),
            How::Map { chunksize: Some(chunksize) } => {
                Started::Map(executor.map_options().chunksize(chunksize).map(self.task, calls))
            }
        }
    }
}

/// An operation that is running, or over.
enum Started {
    Futures(Vec<Future<u64>>),
    Map(Map<u64>),
    Collected(Vec<Answer>),
}

impl Started {
    fn collect(self) -> Vec<Answer> {
        match self {
            Self::Futures(futures) => {
                futures.iter().map(|future| answer_of(future.result())).collect()
            }
            Self::Map(map) => map.map(answer_of).collect(),
            Self::Collected(answers) => answers,
        }
    }
}

fn answer_of(result: Result<u64, Error>) -> Answer {
    result.map_err(|error| error.to_string())
}
