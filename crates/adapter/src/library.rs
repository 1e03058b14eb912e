//! The interface by which steps are carried out: any library, pool and future. Every method may report
//! that its library has no such function.
//!
//! Only saboteurs stand between these and a table.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use procpool_contract::{
    Call, Description, ErrorClass, Failure, MapOptions, Outcome, PoolOptions, Until,
};
use serde_json::Value;

/// The reason why a step did not return.
#[derive(Debug, Clone)]
pub enum Stop {
    /// The pool has no function for it; with the name of the step.
    Unsupported(String),
    /// It failed.
    Failed(Failure),
}

impl Stop {
    /// An error of a class, with its message.
    pub fn failed(class: ErrorClass, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self::Failed(Failure { class, message, r#type: None, status: None, trace: None })
    }
}

/// A library of process pools.
pub trait Library: Send + Sync {
    /// Returns the description.
    fn describe(&self) -> Description;

    /// Makes a pool.
    ///
    /// # Errors
    ///
    /// The library refuses.
    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop>;

    /// Waits for futures; returns the positions of those that are done.
    ///
    /// # Errors
    ///
    /// The library has no such function.
    fn wait(
        &self,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop>;

    /// Takes futures as they complete; returns their positions in that order, and whether the timeout was
    /// reached.
    ///
    /// # Errors
    ///
    /// The library has no such function.
    fn as_completed(
        &self,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop>;
}

/// A pool. Users drop it to let go of it.
pub trait Pool: Send + Sync {
    /// Submits.
    ///
    /// # Errors
    ///
    /// The pool refuses.
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop>;

    /// Begins a map.
    ///
    /// # Errors
    ///
    /// The pool refuses.
    fn map(&self, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop>;

    /// Shuts down.
    ///
    /// # Errors
    ///
    /// The pool refuses.
    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop>;

    /// Kills the workers.
    ///
    /// # Errors
    ///
    /// The pool refuses.
    fn kill_workers(&self) -> Result<(), Stop>;
}

/// The outcomes of a map's items.
pub type Map = Box<dyn Iterator<Item = Outcome> + Send>;

/// A callback.
pub type Callback = Arc<dyn Fn() + Send + Sync>;

/// The future of a task.
pub trait Future: Any + Send + Sync {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The task's, the pool's, or a timeout.
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop>;

    /// Cancels; returns whether it succeeded.
    ///
    /// # Errors
    ///
    /// The library has no such function.
    fn cancel(&self) -> Result<bool, Stop>;

    /// Returns `pending`, `running`, `done` or `cancelled`.
    ///
    /// # Errors
    ///
    /// The library has no such function.
    fn state(&self) -> Result<&'static str, Stop>;

    /// Adds a callback.
    ///
    /// # Errors
    ///
    /// The library has no such function.
    fn add_callback(&self, callback: Callback) -> Result<(), Stop>;
}
