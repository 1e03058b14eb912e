//! What steps are carried out with: any library, pool and future. Every method may say that its library
//! has nothing for it.
//!
//! Between these and a table are only saboteurs.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use procpool_contract::{
    Call, Description, ErrorClass, Failure, MapOptions, Outcome, PoolOptions, Until,
};
use serde_json::Value;

/// Why something did not return.
#[derive(Debug, Clone)]
pub enum Stop {
    /// The pool has nothing for it; what.
    Unsupported(String),
    /// It failed.
    Failed(Failure),
}

impl Stop {
    /// An error of a class, with what it says.
    pub fn failed(class: ErrorClass, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self::Failed(Failure { class, message, r#type: None, status: None, trace: None })
    }
}

/// A library of process pools.
pub trait Library: Send + Sync {
    /// Says what it is.
    fn describe(&self) -> Description;

    /// Makes a pool.
    ///
    /// # Errors
    ///
    /// The library refuses.
    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop>;

    /// Waits for futures; which of them, by their places, are done.
    ///
    /// # Errors
    ///
    /// The library has nothing for it.
    fn wait(
        &self,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop>;

    /// Takes futures as they complete: their places in that order, and whether time ran out.
    ///
    /// # Errors
    ///
    /// The library has nothing for it.
    fn as_completed(
        &self,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop>;
}

/// A pool. Dropping it is what users do who let go of theirs.
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

/// The items of a map: each its outcome.
pub type Map = Box<dyn Iterator<Item = Outcome> + Send>;

/// What a callback does.
pub type Callback = Arc<dyn Fn() + Send + Sync>;

/// The future of a task.
pub trait Future: Any + Send + Sync {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The task's, the pool's, or that time ran out.
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop>;

    /// Cancels; whether it did.
    ///
    /// # Errors
    ///
    /// The library has nothing for it.
    fn cancel(&self) -> Result<bool, Stop>;

    /// Returns `pending`, `running`, `done` or `cancelled`.
    ///
    /// # Errors
    ///
    /// The library has nothing for it.
    fn state(&self) -> Result<&'static str, Stop>;

    /// Has `callback` called when it is done.
    ///
    /// # Errors
    ///
    /// The library has nothing for it.
    fn add_callback(&self, callback: Callback) -> Result<(), Stop>;
}
