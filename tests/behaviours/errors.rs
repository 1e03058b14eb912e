//! Programs that fail, and errors that arrive in time.

use std::process::Command;
use std::time::{Duration, Instant};

use procpool::{Error, Future};
use procpool_testkit::start;
use serde::de::DeserializeOwned;

/// The time within which a failure must be reported. It takes milliseconds; the limit is the promise.
pub(crate) const PROMISE: Duration = Duration::from_secs(1);

/// Prepares to run a program with the start method of these tests.
pub(crate) fn in_program(program: Command) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::from_std(program);
    command.env(start::VARIABLE, crate::start_method());
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

/// A task or initializer that exits: a function that never returns needs a return type that does.
pub(crate) fn exit(code: i32) {
    std::process::exit(code)
}
