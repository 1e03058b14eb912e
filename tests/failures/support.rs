//! What these tests share: pools, and causes picked out of errors.

use std::path::Path;
use std::time::{Duration, Instant};

use procpool::{Error, Future, ProcessPoolExecutor};
use procpool_testkit::start;
use serde::de::DeserializeOwned;

/// How soon a failure must be told. It takes milliseconds; the limit is the promise.
pub(crate) const PROMISE: Duration = Duration::from_secs(1);

pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}

/// As [`pool`], where there is one.
pub(crate) fn pool_beside_another(max_workers: usize) -> ProcessPoolExecutor {
    let builder = crate::builder_beside_another();
    builder.max_workers(max_workers).build().expect("a pool can be made beside another one")
}

/// Prepares to run a program whose workers are started as these tests' are.
pub(crate) fn in_program(path: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(path);
    command.env(start::VARIABLE, crate::START_METHOD);
    command
}

/// Returns the error with which `future` fails within the promised time.
pub(crate) fn prompt_error<T: DeserializeOwned + 'static>(future: &Future<T>) -> Error {
    let started = Instant::now();
    match future.result_timeout(PROMISE) {
        Err(Error::TimedOut(_)) => panic!("no failure after {:?}", started.elapsed()),
        Err(error) => error,
        Ok(_) => panic!("the task has a result"),
    }
}

/// A task or initializer that exits: what never returns needs a type that does.
pub(crate) fn exit(code: i32) {
    std::process::exit(code)
}
