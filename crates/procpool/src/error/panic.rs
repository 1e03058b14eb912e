//! A panic in a worker, as reported to the parent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A panic that happened in a worker.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let error = executor.submit(|x: u32| assert!(x > 9, "{x} is too small"), 1).error();
/// let Some(procpool::Error::Panicked(panic)) = error else { panic!("it panics") };
/// assert_eq!(panic.message, "1 is too small");
/// assert!(panic.location.is_some());
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemotePanic {
    /// The panic's message; a payload that is not text is described as such.
    pub message: String,
    /// `file:line:column`, or `None` if the program replaced the worker's panic hook.
    pub location: Option<String>,
    /// The task's frames, if `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` requests them.
    pub backtrace: Option<String>,
}

impl fmt::Display for RemotePanic {
    /// Location and message, in one sentence, without the backtrace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked")?;
        if let Some(location) = &self.location {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for RemotePanic {}
